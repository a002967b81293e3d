// TensorRT's engine: how it is built and run, and what it tells of itself.
#pragma once

#include <cstdint>
#include <string>

#include "result.hpp"

namespace {= name =} {

class Model;

// What is built with other options is another engine, and cached as such; `cuda_graph` and `contexts` are of a load.
struct EngineOptions {
  std::uint64_t workspace_bytes = 0;  // scratch memory for one layer; 0: no limit but the GPU's memory
  int optimization_level = -1;        // 0 (built fast) to 5 (runs fast); -1: TensorRT's default
  bool version_compatible = false;    // the engine also runs on later versions of TensorRT
  bool hardware_compatible = false;   // the engine also runs on other GPUs, from Ampere on
  std::string tactic_sources = {};    // such as "-CUBLAS,-CUDNN"; empty: TensorRT's default
  bool timing_cache = true;           // remember kernels' times between builds
  bool detailed_layers = false;       // keep what engine_layers() can tell of each layer
  bool cuda_graph = true;             // replay a captured graph where the model allows it
  int contexts = 0;                   // callers that run at the same time, the others wait; 0: 8
};

// The engine inspector's JSON. Fails where the engine keeps none.
[[nodiscard]] Result<std::string> engine_layers(const Model& model);

}  // namespace {= name =}
