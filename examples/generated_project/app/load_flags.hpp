// Options of the command line that go into LoadOptions: the same for every program of the project. Those that
// trtexec has too are named as it names them; a backend that compiles no engine ignores them.
#pragma once

#include <optional>

#include "sample/model.hpp"

namespace sample::app {

inline constexpr const char* kLoadUsage = R"(
which model and engine is loaded, --NAME=VALUE or --NAME VALUE:
  --loadEngine FILE  the artifact, or an engine (of this project's cache, or a plan of trtexec)
  --check HOW        quick: a checksum of every byte (default), or full: the whole sha256
  --cacheDir DIR     where compiled engines are kept (default: in the user's cache folder)
  --buildEngine WHEN if_missing (default), or never: fail instead of compiling for minutes
  --memPoolSize workspace:N  scratch memory for one layer in MiB; N may end in B, K, M or G
  --builderOptimizationLevel N  0 (built fast) to 5 (runs fast)
  --versionCompatible           the engine also runs on later versions of TensorRT
  --hardwareCompatibilityLevel LEVEL  none, or ampere+: the engine also runs on other GPUs
  --tacticSources LIST          such as -CUDNN,+JIT_CONVOLUTIONS
  --profilingVerbosity LEVEL    layer_names_only, or detailed: what the engine can tell of its layers
  --noBuilderCache              forget kernels' times between builds
  --useCudaGraph, --noCudaGraph replay runs as CUDA graphs where possible (default), or never
)";

// Takes argv[i], and its value behind it, if it is one of these options: the answer is then true, and `i` the
// last argument that was taken.
[[nodiscard]] Result<bool> take_load_flag(int argc, const char* const* argv, int& i, LoadOptions& options);

// oneDNN fuses for the CPU: on a GPU it stays out of the way.
[[nodiscard]] inline std::optional<bool> fusion_for(const LoadOptions& options) { return options.device == Device::cuda ? std::optional<bool>(false) : std::nullopt; }

}  // namespace sample::app
