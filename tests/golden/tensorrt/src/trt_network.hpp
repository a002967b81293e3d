// From the artifact to TensorRT's network definition.
#pragma once

#include <NvInfer.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "sample/model.hpp"

#include "embedded.hpp"

namespace sample::trt {

class Logger;

// The artifact: a file, or bytes in the binary.
struct NetworkSource {
  std::filesystem::path file;
  EmbeddedFile embedded;
};

// Fills `network`. What is returned holds what the network refers to (weights, names) and has to live until
// the engine is built. Errors name every operator that this TensorRT does not know, at once.
[[nodiscard]] Result<std::shared_ptr<void>> define_network(nvinfer1::INetworkDefinition& network, Logger& logger, const NetworkSource& source);

}  // namespace sample::trt
