# What the parser's way of defining the network adds.
{= name =}_test_program({= name =}_test_onnx {= name =}::{= name =} test_onnx.cpp)
{= name =}_test(onnx {= name =}_test_onnx)
