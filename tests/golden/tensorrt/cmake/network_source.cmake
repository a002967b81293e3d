# Where the network comes from: the ONNX file, by TensorRT's parser.
set(sample_TRT_NEEDS_PARSER ON)
set(sample_NETWORK_SOURCES
  src/trt_network.cpp
  src/trt_onnx.cpp)
