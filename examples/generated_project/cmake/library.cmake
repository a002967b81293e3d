# sample_lib: the model. The backend stays private: no header or flag of it reaches a consumer.
add_library(sample_lib src/model.cpp src/pictures.cpp src/run_queue.cpp ${sample_BACKEND_SOURCES})
add_library(sample::sample ALIAS sample_lib)
sample_export_own_symbols(sample_lib)

target_link_libraries(sample_lib
  PUBLIC sample_core
  PRIVATE ${sample_BACKEND_TARGET})
target_include_directories(sample_lib PRIVATE src)
target_compile_features(sample_lib PRIVATE cxx_std_${sample_BACKEND_CXX_STANDARD})

include(cmake/copy_assets.cmake)

find_package(Threads REQUIRED)
target_link_libraries(sample_lib PRIVATE Threads::Threads)

set_target_properties(sample_lib PROPERTIES
  EXPORT_NAME sample
  OUTPUT_NAME sample
  POSITION_INDEPENDENT_CODE ON
  CXX_VISIBILITY_PRESET default  # a host's "hidden" would leave a shared library without symbols
  UNITY_BUILD OFF                # the files use the same names in their anonymous namespaces
  WINDOWS_EXPORT_ALL_SYMBOLS ON
  DEFINE_SYMBOL ""               # nothing reads it, and objects are the same in a shared and a static library
  INSTALL_RPATH_USE_LINK_PATH ON
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR})
