// NVIDIA's driver, loaded while the program runs: it needs neither headers nor libraries of CUDA to build.
#pragma once

#include <string>

#include "{= name =}/result.hpp"

namespace {= name =}::cuda {

struct Gpu {
  std::string name;
  int major = 0;  // compute capability
  int minor = 0;
};

// The GPU that CUDA counts as `device_index`.
[[nodiscard]] Result<Gpu> gpu_named(int device_index);

// A stream (CUstream, which is a cudaStream_t) of the thread's current device that does not wait for the default
// stream. Throws std::runtime_error.
[[nodiscard]] void* create_stream();

}  // namespace {= name =}::cuda
