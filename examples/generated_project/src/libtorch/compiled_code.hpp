// Code that AOTInductor compiled. For backend.cpp.
#pragma once

#include <ATen/Parallel.h>
#include <torch/csrc/api/include/torch/version.h>
#if __has_include(<torch/csrc/inductor/aoti_package/model_package_loader.h>)
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#else
#define SAMPLE_NO_AOTI
#endif

#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "assets/path_text.hpp"
#include "libtorch/artifact.hpp"
#include "libtorch/gpu.hpp"
#include "libtorch/libtorch_facts.hpp"

namespace sample {

// Callers that compiled code runs for at the same time; the others wait. They share the weights.
inline constexpr std::size_t kCompiledRunners = 8;

#if !defined(SAMPLE_NO_AOTI)
class CompiledCode final : public Artifact {
 public:
  using Loader = torch::inductor::AOTIModelPackageLoader;

  CompiledCode(std::unique_ptr<Loader> package, Device device) : package_(std::move(package)), device_(device) {}

  [[nodiscard]] Result<void> forward(Scratch& scratch) const override {
    std::unique_lock<std::mutex> one_at_a_time(enqueueing_, std::defer_lock);
    if (device_ == Device::cuda) {
      one_at_a_time.lock();
    }
    scratch.tensors = package_->boxed_run(std::move(scratch.tensors));
    return {};
  }

  [[nodiscard]] bool writes_inputs() const noexcept override { return false; }
  [[nodiscard]] bool takes_turns() const noexcept override { return false; }
  [[nodiscard]] std::string describe_state() const override { return ""; }

 private:
  std::unique_ptr<Loader> package_;
  Device device_;
  mutable std::mutex enqueueing_;  // on a GPU its callers take turns to start it
};
#endif

// Throws what LibTorch throws.
[[nodiscard]] inline Result<std::unique_ptr<Artifact>> read_compiled(const std::filesystem::path& file,
    const Place& place, const CompiledFor& wanted, const LoadOptions& options) {
#if defined(SAMPLE_NO_AOTI)
  return Error{ErrorCode::unsupported, "this LibTorch has no AOTInductor: use 2.6 or later"};
#else
  if (Result<void> ours = check_machine(wanted, TORCH_VERSION); !ours) {
    return ours.error();
  }
  std::unique_ptr<CompiledCode::Loader> package;
  if (place.device == Device::cuda) {
    if (Result<void> ours = check_compiled_for_gpu(wanted, place.index, options); !ours) {
      return ours.error();
    }
    // Without LibTorch's own bookkeeping of callers, which a CUDA graph cannot capture: see forward().
    package = std::make_unique<CompiledCode::Loader>(
        path_text(file), "model", true, 1, static_cast<c10::DeviceIndex>(place.index));
  } else {
    if (options.log && at::get_num_threads() != wanted.threads) {
      options.log(LogLevel::warning,
          "the artifact's weights are packed for " + std::to_string(wanted.threads) + " threads, this process has " +
              std::to_string(at::get_num_threads()) + ": every run packs them anew");
    }
    package = std::make_unique<CompiledCode::Loader>(path_text(file), "model", false, kCompiledRunners);
  }
  return std::unique_ptr<Artifact>(std::make_unique<CompiledCode>(std::move(package), place.device));
#endif
}

}  // namespace sample
