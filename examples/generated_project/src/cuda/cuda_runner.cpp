#include "cuda/cuda_runner.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "cuda/cuda_slot.hpp"
#include "facts.hpp"

namespace sample {
namespace cuda {

bool GraphSwitch::on() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return on_;
}

std::string GraphSwitch::why() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return why_;
}

bool GraphSwitch::turn_off(const std::string& why) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const bool first = std::exchange(on_, false);
  if (first) {
    why_ = why;
  }
  return first;
}

// A slot, given back in the destructor.
class Runner::Lease {
 public:
  Lease(Runner& runner, TensorViews inputs) : runner_(&runner), slot_(&runner.take(inputs)) {}
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() { runner_->give_back(*slot_); }
  Slot* operator->() const noexcept { return slot_; }

 private:
  Runner* runner_;
  Slot* slot_;
};

Runner::Runner(
    ForwardOnGpu forward, std::vector<TensorInfo> inputs, std::vector<TensorInfo> outputs, const Options& options)
    : forward_(std::move(forward)),
      inputs_(std::move(inputs)),
      outputs_(std::move(outputs)),
      device_index_(options.device_index),
      graphs_(options.graphs ? graphs_missing() : "EngineOptions::cuda_graph"),
      log_(options.log),
      limit_(options.contexts) {
  slots_.reserve(limit_);
  free_.reserve(limit_);
}

Runner::~Runner() = default;

Slot& Runner::take(TensorViews inputs) {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    if (!free_.empty()) {
      auto chosen = std::find_if(free_.begin(), free_.end(), [&](const Slot* slot) { return slot->knows(inputs); });
      if (chosen == free_.end()) {
        chosen = free_.end() - 1;
      }
      Slot& slot = **chosen;
      free_.erase(chosen);
      return slot;
    }
    if (slots_.size() + making_ >= limit_) {
      freed_.wait(lock);
      continue;
    }
    // Takes a while, in which the others run.
    ++making_;
    lock.unlock();
    std::unique_ptr<Slot> made;
    std::string problem;
    try {
      made = std::make_unique<Slot>(*this);
    } catch (const std::exception& e) {
      problem = e.what();
    }
    lock.lock();
    --making_;
    freed_.notify_all();  // whoever waits for this slot has to look again if there is none
    if (made != nullptr) {
      slots_.push_back(std::move(made));
      return *slots_.back();
    }
    if (slots_.empty()) {
      throw std::runtime_error(problem);
    }
    // There is room for fewer than was asked for: they have to do.
    limit_ = slots_.size();
    lowered_ = problem.substr(0, problem.find('\n'));
  }
}

void Runner::give_back(Slot& slot) noexcept {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    free_.push_back(&slot);  // within its capacity
  }
  freed_.notify_one();
}

Result<Outputs> Runner::run(TensorViews inputs) { return Lease(*this, inputs)->run(inputs); }

Result<void> Runner::run(TensorViews inputs, TensorViews outputs, StageTimes* times) {
  return Lease(*this, inputs)->run(inputs, outputs, times);
}

void Runner::say(LogLevel level, const std::string& message) {
  const std::lock_guard<std::mutex> lock(log_mutex_);
  if (log_) {
    log_(level, message);
  }
}

void Runner::end_of_load() {
  const std::lock_guard<std::mutex> lock(log_mutex_);
  log_ = nullptr;
}

std::string Runner::describe() const {
  const std::string why = graphs_.why();
  const std::lock_guard<std::mutex> lock(mutex_);
  return "contexts: " + std::to_string(slots_.size()) + " of at most " + std::to_string(limit_) +
      (lowered_.empty() ? "" : " (" + lowered_ + ")") + "\nCUDA graph: " + (why.empty() ? "on" : "off (" + why + ")") +
      "\n";
}

}  // namespace cuda

std::unique_ptr<GpuRunner> make_gpu_runner(ForwardOnGpu forward, const GpuRunner::Options& options) {
  return std::make_unique<cuda::Runner>(std::move(forward), input_infos(), output_infos(), options);
}

}  // namespace sample
