# Where the network comes from: src/network.cpp, which defines it layer by layer.
set({= name =}_TRT_NEEDS_PARSER OFF)
set({= name =}_NETWORK_SOURCES
  src/network.cpp
  src/network/trt_layers.cpp
  src/network/trt_layers_math.cpp
  src/network/trt_layers_shape.cpp
  src/network/trt_layers_weights.cpp
  src/network/trt_network.cpp
  src/network/trt_weights.cpp)

# Cached engines are of one version of this code: whoever edits network.cpp gets a new engine.
if(NOT CMAKE_FIND_PACKAGE_NAME STREQUAL "{= name =}")
  set({= name =}_network_hashes "")
  foreach(source IN LISTS {= name =}_NETWORK_SOURCES ITEMS src/network/trt_layers.hpp src/tensorrt/compat.hpp)
    file(SHA256 "${CMAKE_CURRENT_SOURCE_DIR}/${source}" {= name =}_network_hash)
    string(APPEND {= name =}_network_hashes ${{= name =}_network_hash})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${source}")
  endforeach()
  string(SHA256 {= name =}_network_hash "${{= name =}_network_hashes}")
  set_source_files_properties(src/network/trt_network.cpp PROPERTIES
    COMPILE_DEFINITIONS "{= NAME =}_NETWORK_CODE=\"${{= name =}_network_hash}\"")
endif()
