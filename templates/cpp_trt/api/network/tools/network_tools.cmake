# Layer by layer against PyTorch, on machines with a GPU.
add_executable({= name =}_diff diff.cpp diff_compare.cpp diff_run.cpp)
target_link_libraries({= name =}_diff PRIVATE {= name =}_inside ${{= name =}_BACKEND_TARGET})
target_include_directories({= name =}_diff PRIVATE "${PROJECT_SOURCE_DIR}/app" "${PROJECT_SOURCE_DIR}/src")
set_target_properties({= name =}_diff PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
