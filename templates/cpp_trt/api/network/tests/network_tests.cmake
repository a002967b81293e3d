# What a network that is C++ adds: its weights, and the comparison of its layers.
{= name =}_test_program({= name =}_test_weights {= name =}_inside test_weights.cpp)
target_link_libraries({= name =}_test_weights PRIVATE ${{= name =}_BACKEND_TARGET})  # TensorRT's headers
{= name =}_test(weights {= name =}_test_weights)
{= name =}_test_program({= name =}_test_diff {= name =}::core test_diff.cpp ../tools/diff_compare.cpp)
target_include_directories({= name =}_test_diff PRIVATE "${PROJECT_SOURCE_DIR}/tools" "${PROJECT_SOURCE_DIR}/app")
{= name =}_test(diff {= name =}_test_diff)
