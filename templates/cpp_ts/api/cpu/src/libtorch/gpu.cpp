// This project runs on the CPU alone.
#include "libtorch/gpu.hpp"

namespace {= name =} {
namespace {

Error no_gpu() {
  return Error{ErrorCode::no_device,
      "this project is for the CPU alone: `gencpp new --device any` makes one that runs on a GPU, too"};
}

}  // namespace

std::unique_ptr<GpuRunner> make_gpu_runner(ForwardOnGpu /*forward*/, const GpuRunner::Options& /*options*/) {
  return nullptr;
}

Result<void> check_gpu(int /*index*/) { return no_gpu(); }

Result<void> check_compiled_for_gpu(const CompiledFor& /*wanted*/, int /*index*/, const LoadOptions& /*options*/) {
  return no_gpu();
}

void synchronize_gpu(int /*index*/) {}

}  // namespace {= name =}
