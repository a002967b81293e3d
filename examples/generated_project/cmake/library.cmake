# sample_lib: the model. The backend stays private: no header or flag of it reaches a consumer.
add_library(sample_lib src/model.cpp src/pictures.cpp src/run_queue.cpp ${sample_BACKEND_SOURCES})
add_library(sample::sample ALIAS sample_lib)
sample_export_public_headers(sample_lib)

target_link_libraries(sample_lib PRIVATE ${sample_BACKEND_TARGET})
if(BUILD_SHARED_LIBS)  # with the objects of the core: what they have in common inside, neither library shows
  target_sources(sample_lib PRIVATE $<TARGET_OBJECTS:sample_core>)
  target_link_libraries(sample_lib PRIVATE ${sample_CORE_LIBRARIES})
  sample_has_public_headers(sample_lib)
  get_target_property(sample_definitions sample_core INTERFACE_COMPILE_DEFINITIONS)
  if(sample_definitions)
    target_compile_definitions(sample_lib PUBLIC ${sample_definitions})
  endif()
else()
  target_link_libraries(sample_lib PUBLIC sample_core)
endif()
target_include_directories(sample_lib PRIVATE src)
target_compile_features(sample_lib PRIVATE cxx_std_${sample_BACKEND_CXX_STANDARD})

include(cmake/copy_assets.cmake)

find_package(Threads REQUIRED)
target_link_libraries(sample_lib PRIVATE Threads::Threads)

set_target_properties(sample_lib PROPERTIES
  EXPORT_NAME sample
  OUTPUT_NAME sample
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
  add_library(sample_inside STATIC EXCLUDE_FROM_ALL
    $<TARGET_OBJECTS:sample_core> $<TARGET_OBJECTS:sample_lib>)
  set_target_properties(sample_inside PROPERTIES LINKER_LANGUAGE CXX)
  sample_has_public_headers(sample_inside)
  target_link_libraries(sample_inside
    PRIVATE ${sample_CORE_LIBRARIES} ${sample_BACKEND_TARGET} Threads::Threads)
  target_compile_definitions(sample_inside
    PUBLIC $<TARGET_PROPERTY:sample_core,INTERFACE_COMPILE_DEFINITIONS>)
else()
  add_library(sample_inside ALIAS sample_lib)
endif()
