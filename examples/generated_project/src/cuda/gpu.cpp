// GPUs, as LibTorch knows them.
#include "libtorch/gpu.hpp"

#include <torch/csrc/api/include/torch/cuda.h>

namespace sample {

#if !defined(SAMPLE_HAVE_CUDA)  // else in cuda_runner.cpp
std::unique_ptr<GpuRunner> make_gpu_runner(ForwardOnGpu /*forward*/, const GpuRunner::Options& /*options*/) {
  return nullptr;
}
#endif

Result<void> check_gpu(int index) {
  if (!torch::cuda::is_available()) {
    return Error{ErrorCode::no_device,
        "CUDA is not available: this LibTorch is a CPU build, the program was built with SAMPLE_CUDA=OFF, or there "
        "is no NVIDIA GPU or driver"};
  }
  if (index < 0 || static_cast<std::size_t>(index) >= static_cast<std::size_t>(torch::cuda::device_count())) {
    return Error{ErrorCode::no_device, "there is no CUDA device " + std::to_string(index)};
  }
  return {};
}

void synchronize_gpu(int index) { torch::cuda::synchronize(index); }

}  // namespace sample
