// With src/network.cpp, which defines the network layer by layer.
#include "tensorrt/trt_network.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "network/trt_layers.hpp"
#include "network/trt_weights.hpp"
#include "tensorrt/trt_logger.hpp"

namespace {= name =}::trt {
namespace {

constexpr std::size_t kMaxListed = 10;

// What the network refers to.
struct Definition {
  Definition(Weights opened, nvinfer1::INetworkDefinition& network, Logger& logger)
      : weights(std::move(opened)), layers(network, weights, logger) {}
  Definition(const Definition&) = delete;
  Definition& operator=(const Definition&) = delete;
  ~Definition() = default;

  Weights weights;
  Layers layers;  // has the values that stand in the code
};

void warn_of_unused(const Weights& weights, Logger& logger) {
  const std::vector<std::string> names = weights.unused();
  if (names.empty()) {
    return;
  }
  std::string text =
      "network.cpp uses no layer for " + std::to_string(names.size()) + " of the arrays in assets/weights.bin: ";
  for (std::size_t i = 0; i < names.size() && i < kMaxListed; ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  logger.say(LogLevel::warning,
      names.size() > kMaxListed ? text + " and " + std::to_string(names.size() - kMaxListed) + " more" : text);
}

}  // namespace

std::string network_key() { return {= NAME =}_NETWORK_CODE; }

// The network-definition API needs libnvinfer alone, without the 1 GB of cuBLAS and cuDNN that the parser of 8.x
// wants anyway. `--tacticSources +CUDNN,+CUBLAS,+CUBLAS_LT` brings them back.
void limit_tactics(nvinfer1::IBuilderConfig& config) noexcept { without_blas_and_dnn(config); }

Result<std::shared_ptr<void>> define_network(
    nvinfer1::INetworkDefinition& network, Logger& logger, const NetworkSource& source) {
  Result<Weights> weights = Weights::open(source);
  if (!weights) {
    return weights.error();
  }
  auto definition = std::make_shared<Definition>(*std::move(weights), network, logger);
  try {
    define_layers(definition->layers);
  } catch (const LayerError& e) {
    return Error{ErrorCode::backend, std::string(kProduct) + " " + to_string(library_version()) + ": " + e.what()};
  }
  warn_of_unused(definition->weights, logger);
  return std::shared_ptr<void>(std::move(definition));
}

}  // namespace {= name =}::trt
