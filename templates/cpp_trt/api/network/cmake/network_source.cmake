# Where the network comes from: src/network.cpp, which defines it layer by layer.
set({= name =}_TRT_NEEDS_PARSER OFF)
set({= name =}_NETWORK_SOURCES
  src/network.cpp
  src/trt_layers.cpp
  src/trt_layers_math.cpp
  src/trt_layers_shape.cpp
  src/trt_layers_weights.cpp
  src/trt_network.cpp
  src/trt_weights.cpp)
