// What a GPU needs beside LibTorch. cuda/ has it in projects that may run on one, libtorch/gpu.cpp says no in those
// for the CPU alone. It includes nothing of torch.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "{= name =}/model.hpp"

#include "libtorch/libtorch_facts.hpp"

namespace at {
class Tensor;
}  // namespace at

namespace {= name =} {

// Replaces the inputs in `tensors` by the outputs, on the device and the current stream. `views` are what the
// inputs were copied from.
using ForwardOnGpu = std::function<Result<void>(TensorViews views, std::vector<at::Tensor>& tensors)>;

// Runs a model on a GPU: a stream for each caller, pinned copies, CUDA graphs. All members may throw what LibTorch
// throws.
class GpuRunner {
 public:
  struct Options {
    int device_index = 0;
    bool graphs = true;
    std::size_t contexts = 8;                                               // callers that run at the same time
    std::function<void(LogLevel level, const std::string& message)> log{};  // until end_of_load()
  };

  GpuRunner() = default;
  GpuRunner(const GpuRunner&) = delete;
  GpuRunner& operator=(const GpuRunner&) = delete;
  virtual ~GpuRunner() = default;

  // Into new tensors in host memory.
  [[nodiscard]] virtual Result<Outputs> run(TensorViews inputs) = 0;
  // Into the caller's buffers; `times` may be null.
  [[nodiscard]] virtual Result<void> run(TensorViews inputs, TensorViews outputs, StageTimes* times) = 0;
  virtual void end_of_load() = 0;
  // For people: one fact a line.
  [[nodiscard]] virtual std::string describe() const = 0;
};

// Null where this build has no streams of its own: LibTorch's default stream is taken then.
[[nodiscard]] std::unique_ptr<GpuRunner> make_gpu_runner(ForwardOnGpu forward, const GpuRunner::Options& options);

// Fails where this program cannot run on the GPU that CUDA counts as `index`.
[[nodiscard]] Result<void> check_gpu(int index);

// Fails where that GPU is not of the kind that code was compiled for; another name of the same kind is logged.
[[nodiscard]] Result<void> check_compiled_for_gpu(const CompiledFor& wanted, int index, const LoadOptions& options);

// Waits for what it was given to do.
void synchronize_gpu(int index);

}  // namespace {= name =}
