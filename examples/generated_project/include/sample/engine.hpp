// How a compiled engine is built and run.
#pragma once

#include <cstdint>
#include <string>

#include "sample/public.hpp"

namespace SAMPLE_PUBLIC sample {

// TensorRT's. LibTorch takes `cuda_graph` and `contexts`, on a GPU, and has no use for the others, so that a host may
// be written for either. What is built with other options is another engine, and cached as such; those two are of a
// load.
struct EngineOptions {
  std::uint64_t workspace_bytes = 0;  // scratch memory for one layer; 0: no limit but the GPU's memory
  int optimization_level = -1;        // 0 (built fast) to 5 (runs fast); -1: TensorRT's default
  bool version_compatible = false;    // the engine also runs on later versions of TensorRT
  bool hardware_compatible = false;   // the engine also runs on other GPUs, from Ampere on
  std::string tactic_sources = {};    // such as "-CUBLAS,-CUDNN"; empty: TensorRT's default
  bool timing_cache = true;           // remember kernels' times between builds
  bool detailed_layers = false;       // keep what engine_layers() of tensorrt.hpp can tell of each layer
  bool cuda_graph = true;             // replay a captured graph where the model allows it
  int contexts = 0;                   // callers that run at the same time, the others wait; 0: 8
};

}  // namespace sample
