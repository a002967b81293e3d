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

namespace {= name =}::cuda {

// Replaces the inputs in `tensors` by the outputs, on the device and the current stream. `views` are what the
// inputs were copied from.
using Forward = std::function<Result<void>(TensorViews views, std::vector<at::Tensor>& tensors)>;

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
// when they are first needed, up to a limit; then callers wait for one another. All members may throw what
// LibTorch throws.
class Runner {
 public:
  struct Options {
    int device_index = 0;
    bool graphs = true;
    std::size_t contexts = 8;                                               // callers that run at the same time
    std::function<void(LogLevel level, const std::string& message)> log{};  // until end_of_load()
  };

  Runner(Forward forward, std::vector<TensorInfo> inputs, std::vector<TensorInfo> outputs, const Options& options);
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  ~Runner();

  // Into new tensors in host memory.
  [[nodiscard]] Result<Outputs> run(TensorViews inputs);
  // Into the caller's buffers; `times` may be null.
  [[nodiscard]] Result<void> run(TensorViews inputs, TensorViews outputs, StageTimes* times);
  void end_of_load();
  // For people: one fact a line.
  [[nodiscard]] std::string describe() const;

 private:
  friend class Slot;
  class Lease;

  Slot& take(TensorViews inputs);
  void give_back(Slot& slot) noexcept;
  void say(LogLevel level, const std::string& message);

  Forward forward_;
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
