// From the artifact to TensorRT's network definition.
#pragma once

#include <NvInfer.h>

#include <filesystem>
#include <memory>
#include <string>

#include "{= name =}/model.hpp"

#include "assets/embedded.hpp"

namespace {= name =}::trt {

class Logger;

// The artifact: a file, or bytes in the binary.
struct NetworkSource {
  std::filesystem::path file;
  EmbeddedFile embedded;
};

// Fills `network`. What is returned holds what the network refers to (weights, names) and has to live until
// the engine is built. Errors name every operator that this TensorRT does not know, at once.
[[nodiscard]] Result<std::shared_ptr<void>> define_network(
    nvinfer1::INetworkDefinition& network, Logger& logger, const NetworkSource& source);

// What the network depends on besides the artifact: the code that defines it, "none" where that is the parser's.
[[nodiscard]] std::string network_key();

// Leaves out the tactic sources whose libraries this way of defining a network does not bring along.
void limit_tactics(nvinfer1::IBuilderConfig& config) noexcept;

}  // namespace {= name =}::trt
