# Where the network comes from: the ONNX file, by TensorRT's parser.
set(sample_TRT_NEEDS_PARSER ON)
set(sample_NETWORK_SOURCES
  src/tensorrt/trt_network.cpp
  src/tensorrt/trt_onnx.cpp)
