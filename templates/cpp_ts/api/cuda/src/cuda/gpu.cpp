// GPUs, as LibTorch and NVIDIA's driver know them.
#include "libtorch/gpu.hpp"

#include <torch/csrc/api/include/torch/cuda.h>

#include "cuda/cuda_driver.hpp"

namespace {= name =} {

#if !defined({= NAME =}_HAVE_CUDA)  // else in cuda_runner.cpp
std::unique_ptr<GpuRunner> make_gpu_runner(ForwardOnGpu /*forward*/, const GpuRunner::Options& /*options*/) {
  return nullptr;
}
#endif

Result<void> check_gpu(int index) {
  if (!torch::cuda::is_available()) {
    return Error{ErrorCode::no_device,
        "CUDA is not available: this LibTorch is a CPU build, the program was built with {= NAME =}_CUDA=OFF, or there "
        "is no NVIDIA GPU or driver"};
  }
  if (index < 0 || static_cast<std::size_t>(index) >= static_cast<std::size_t>(torch::cuda::device_count())) {
    return Error{ErrorCode::no_device, "there is no CUDA device " + std::to_string(index)};
  }
  return {};
}

Result<void> check_compiled_for_gpu(const CompiledFor& wanted, int index, const LoadOptions& options) {
  const Result<cuda::Gpu> here = cuda::gpu_named(index);
  if (!here) {
    return here.error();
  }
  const std::string capability = std::to_string(here->major) + "." + std::to_string(here->minor);
  if (capability != wanted.capability) {
    return Error{ErrorCode::unsupported,
        "the artifact holds code for a GPU of compute capability " + std::string(wanted.capability) + " (" +
            wanted.gpu + "), this one is " + here->name + " with " + capability +
            ": run gencpp on this machine, or without --artifact aoti"};
  }
  if (options.log && here->name != wanted.gpu) {
    options.log(LogLevel::warning,
        "the artifact was compiled on " + std::string(wanted.gpu) + ", this GPU is " + here->name);
  }
  return {};
}

void synchronize_gpu(int index) { torch::cuda::synchronize(index); }

}  // namespace {= name =}
