# {= name =}_lib: the model. The backend stays private: no header or flag of it reaches a consumer.
add_library({= name =}_lib src/model.cpp src/pictures.cpp src/run_queue.cpp ${{= name =}_BACKEND_SOURCES})
add_library({= name =}::{= name =} ALIAS {= name =}_lib)
{= name =}_export_own_symbols({= name =}_lib)

target_link_libraries({= name =}_lib
  PUBLIC {= name =}_core
  PRIVATE ${{= name =}_BACKEND_TARGET})
target_include_directories({= name =}_lib PRIVATE src)
target_compile_features({= name =}_lib PRIVATE cxx_std_${{= name =}_BACKEND_CXX_STANDARD})

include(cmake/copy_assets.cmake)

find_package(Threads REQUIRED)
target_link_libraries({= name =}_lib PRIVATE Threads::Threads)

set_target_properties({= name =}_lib PROPERTIES
  EXPORT_NAME {= name =}
  OUTPUT_NAME {= name =}
  POSITION_INDEPENDENT_CODE ON
  CXX_VISIBILITY_PRESET default  # a host's "hidden" would leave a shared library without symbols
  UNITY_BUILD OFF                # the files use the same names in their anonymous namespaces
  WINDOWS_EXPORT_ALL_SYMBOLS ON
  DEFINE_SYMBOL ""               # nothing reads it, and objects are the same in a shared and a static library
  INSTALL_RPATH_USE_LINK_PATH ON
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR})
