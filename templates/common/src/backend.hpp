// What runs a model: the part of Model that depends on the library behind it.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "{= name =}/model.hpp"

namespace {= name =} {

// A loaded artifact. Model has looked at what it hands over: count, types and sizes (check_views()), and
// check_memory(). All members but device() may throw; Model makes an Error of it.
class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  // Of a model; null where it was moved from. For what a backend offers beside Model.
  [[nodiscard]] static const Backend* of(const Model& model) noexcept;

  [[nodiscard]] virtual Device device() const noexcept = 0;
  // Runs that are worth being under way at the same time, for those that nobody waits for.
  [[nodiscard]] virtual std::size_t callers() const = 0;
  // Whether tensors of the caller lie where they can be reached; `what` is "input" or "output".
  [[nodiscard]] virtual Result<void> check_memory(TensorViews views, const char* what) const = 0;

  // From many threads at once.
  [[nodiscard]] virtual Result<Outputs> run(TensorViews inputs) const = 0;
  // Into the caller's buffers; `times` may be null.
  [[nodiscard]] virtual Result<void> run_into(TensorViews inputs, TensorViews outputs, StageTimes* times) const = 0;
  [[nodiscard]] virtual Result<std::vector<LayerTime>> profile(TensorViews inputs, int runs) const = 0;
  [[nodiscard]] virtual std::string describe() const = 0;

  // The sizes of input `i` that load() warms up on.
  [[nodiscard]] virtual Dims warm_up_dims(std::size_t i, const TensorInfo& input) const = 0;
  // Runs as often as it takes until equal inputs give equal bits.
  [[nodiscard]] virtual Result<void> warm_up(TensorViews inputs) = 0;
  // From here on nothing of LoadOptions is called.
  virtual void end_of_load() = 0;
};

// Reads and checks the artifact, and puts it on the device. The options' numbers have been checked.
[[nodiscard]] Result<std::unique_ptr<Backend>> open_backend(const LoadOptions& options);

// Calls `load` where a load should run, which may be a thread of its own; returns when it has ended. `load` does not
// throw.
void run_load(const std::function<void()>& load);

// What an exception says: that of the library behind may need its words shortened.
[[nodiscard]] std::string exception_text(const std::exception& error);

}  // namespace {= name =}
