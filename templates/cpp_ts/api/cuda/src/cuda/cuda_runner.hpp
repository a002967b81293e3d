// Runs a model on a GPU: a stream for each caller, pinned copies, CUDA graphs.
#pragma once

#include <ATen/core/Tensor.h>

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "{= name =}/model.hpp"

#include "libtorch/gpu.hpp"

namespace {= name =}::cuda {

// Whether runs are replayed as CUDA graphs; shared by all slots of a model. Once off, off for good.
class GraphSwitch {
 public:
  explicit GraphSwitch(const std::string& why_not) : on_(why_not.empty()), why_(why_not) {}
  [[nodiscard]] bool on() const;
  [[nodiscard]] std::string why() const;
  // True for the first caller, who logs it.
  bool turn_off(const std::string& why);

 private:
  mutable std::mutex mutex_;
  bool on_;
  std::string why_;
};

class Slot;

// Lends each caller a slot: a stream, memory that stays, and graphs for the sizes that it has run. Slots are made
// when they are first needed, up to a limit; then callers wait for one another.
class Runner final : public GpuRunner {
 public:
  Runner(ForwardOnGpu forward, std::vector<TensorInfo> inputs, std::vector<TensorInfo> outputs, const Options& options);
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  ~Runner() override;

  [[nodiscard]] Result<Outputs> run(TensorViews inputs) override;
  [[nodiscard]] Result<void> run(TensorViews inputs, TensorViews outputs, StageTimes* times) override;
  void end_of_load() override;
  [[nodiscard]] std::string describe() const override;

 private:
  friend class Slot;
  class Lease;

  Slot& take(TensorViews inputs);
  void give_back(Slot& slot) noexcept;
  void say(LogLevel level, const std::string& message);

  ForwardOnGpu forward_;
  std::vector<TensorInfo> inputs_;
  std::vector<TensorInfo> outputs_;
  int device_index_;
  GraphSwitch graphs_;
  std::mutex capturing_;  // one graph at a time
  std::mutex log_mutex_;
  std::function<void(LogLevel, const std::string&)> log_;

  mutable std::mutex mutex_;
  std::condition_variable freed_;
  std::size_t limit_;
  std::size_t making_ = 0;  // under way, outside of the lock
  std::string lowered_;     // why the limit is lower than was asked for
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> free_;  // the last one is the one that was used last
};

}  // namespace {= name =}::cuda
