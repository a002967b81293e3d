// Switches that belong to the whole process.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <torch/csrc/api/include/torch/version.h>

#include <algorithm>
#include <cstdlib>

#include "{= name =}/model.hpp"
#include "{= name =}/processors.hpp"

#include "guarded.hpp"
#include "libtorch/fusion.hpp"
#include "libtorch/libtorch_facts.hpp"
#include "libtorch/run_memory.hpp"
#include "libtorch/wait_policy.hpp"

namespace {= name =} {
namespace {

bool is_set(const char* variable) { return std::getenv(variable) != nullptr; }

// Threads for one run where the caller says nothing; 0: as it is.
int default_threads() {
  const int tuned = libtorch_facts().threads;
  const bool named = is_set("OMP_NUM_THREADS") || is_set("MKL_NUM_THREADS");
  if (required_threads() > 0 || (tuned == 0 && named)) {
    return tuned;
  }
  return std::min(tuned > 0 ? tuned : at::get_num_threads(), available_processors());
}

}  // namespace

Result<void> configure_process(const ProcessOptions& options) {
  // OpenMP ends the process when it cannot start a thread.
  if (options.threads < 0 || options.threads > kMaxThreads) {
    return Error{ErrorCode::invalid_argument,
        "threads must be from 0 to " + std::to_string(kMaxThreads) + ", got " + std::to_string(options.threads)};
  }
  return guarded("configuring the process", [&]() -> Result<void> {
    const int threads = options.threads > 0 ? options.threads : default_threads();
    if (threads > 0) {
      at::set_num_threads(threads);
    }
    if (options.log) {
      if (const std::string advice = waiting_advice(at::get_num_threads()); !advice.empty()) {
        options.log(LogLevel::warning, advice);
      }
    }
    if (options.keep_memory) {
      keep_memory();
    }
    set_fusion(options.fusion.value_or(libtorch_facts().fusion));
    // cuDNN takes TF32 for float32 convolutions unless it is told otherwise: three digits instead of seven.
    at::globalContext().setAllowTF32CuDNN(options.tf32);
    at::globalContext().setAllowTF32CuBLAS(options.tf32);
    return {};
  });
}

int process_threads() { return at::get_num_threads(); }

std::string backend_version() { return std::string("LibTorch ") + TORCH_VERSION; }

}  // namespace {= name =}
