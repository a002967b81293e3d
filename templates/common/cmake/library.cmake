# {= name =}_lib: the model. The backend stays private: no header or flag of it reaches a consumer.
add_library({= name =}_lib src/model.cpp src/pictures.cpp src/run_queue.cpp ${{= name =}_BACKEND_SOURCES})
add_library({= name =}::{= name =} ALIAS {= name =}_lib)
{= name =}_export_public_headers({= name =}_lib)

target_link_libraries({= name =}_lib PRIVATE ${{= name =}_BACKEND_TARGET})
if(BUILD_SHARED_LIBS)  # with the objects of the core: what they have in common inside, neither library shows
  target_sources({= name =}_lib PRIVATE $<TARGET_OBJECTS:{= name =}_core>)
  target_link_libraries({= name =}_lib PRIVATE ${{= name =}_CORE_LIBRARIES})
  {= name =}_has_public_headers({= name =}_lib)
  get_target_property({= name =}_definitions {= name =}_core INTERFACE_COMPILE_DEFINITIONS)
  if({= name =}_definitions)
    target_compile_definitions({= name =}_lib PUBLIC ${{= name =}_definitions})
  endif()
else()
  target_link_libraries({= name =}_lib PUBLIC {= name =}_core)
endif()
target_include_directories({= name =}_lib PRIVATE src)
target_compile_features({= name =}_lib PRIVATE cxx_std_${{= name =}_BACKEND_CXX_STANDARD})

include(cmake/copy_assets.cmake)

find_package(Threads REQUIRED)
target_link_libraries({= name =}_lib PRIVATE Threads::Threads)

set_target_properties({= name =}_lib PROPERTIES
  EXPORT_NAME {= name =}
  OUTPUT_NAME {= name =}
  POSITION_INDEPENDENT_CODE ON
  CXX_VISIBILITY_PRESET hidden   # but for what the public headers declare
  VISIBILITY_INLINES_HIDDEN ON
  UNITY_BUILD OFF                # the files use the same names in their anonymous namespaces
  WINDOWS_EXPORT_ALL_SYMBOLS ON
  DEFINE_SYMBOL ""               # nothing reads it, and objects are the same in a shared and a static library
  INSTALL_RPATH_USE_LINK_PATH ON
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR})

# For tests and tools of this folder, which look inside: all of it, with nothing hidden from them.
if(BUILD_SHARED_LIBS)
  add_library({= name =}_inside STATIC EXCLUDE_FROM_ALL
    $<TARGET_OBJECTS:{= name =}_core> $<TARGET_OBJECTS:{= name =}_lib>)
  set_target_properties({= name =}_inside PROPERTIES LINKER_LANGUAGE CXX)
  {= name =}_has_public_headers({= name =}_inside)
  target_link_libraries({= name =}_inside
    PRIVATE ${{= name =}_CORE_LIBRARIES} ${{= name =}_BACKEND_TARGET} Threads::Threads)
  target_compile_definitions({= name =}_inside
    PUBLIC $<TARGET_PROPERTY:{= name =}_core,INTERFACE_COMPILE_DEFINITIONS>)
else()
  add_library({= name =}_inside ALIAS {= name =}_lib)
endif()
