# What the parser's way of defining the network adds.
sample_test_program(sample_test_onnx sample::sample test_onnx.cpp)
sample_test(onnx sample_test_onnx)
