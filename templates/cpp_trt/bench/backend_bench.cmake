# A bare loop of TensorRT calls, beside the model's own.
add_executable(
  {= name =}_bench_bare
  bare.cpp
  backend_options.cpp
  inputs.cpp
  options.cpp
  ../app/backend_flags.cpp
  ../app/load_flags.cpp
)
target_link_libraries({= name =}_bench_bare PRIVATE {= name =}_inside ${{= name =}_BACKEND_TARGET})
target_include_directories({= name =}_bench_bare PRIVATE "${PROJECT_SOURCE_DIR}/app" "${PROJECT_SOURCE_DIR}/src")
set_target_properties({= name =}_bench_bare PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
