# Where the network comes from: the ONNX file, by TensorRT's parser.
set({= name =}_TRT_NEEDS_PARSER ON)
set({= name =}_NETWORK_SOURCES
  src/tensorrt/trt_network.cpp
  src/tensorrt/trt_onnx.cpp)
