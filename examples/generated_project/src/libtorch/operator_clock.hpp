// Times of operators, for profiles.
#pragma once

#include <ATen/record_function.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "sample/model.hpp"

namespace sample {

// The time of each operator that this thread runs, less that of the operators inside it, by the hooks of
// LibTorch's own profiler. Compiled code calls most of its kernels past them.
class OperatorClock {
 public:
  OperatorClock() {
    current() = this;
    handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(&begin, &end));
  }
  OperatorClock(const OperatorClock&) = delete;
  OperatorClock& operator=(const OperatorClock&) = delete;
  ~OperatorClock() {
    at::removeCallback(handle_);
    current() = nullptr;
  }

  // The slowest first; means of `runs` runs.
  [[nodiscard]] std::vector<LayerTime> times(int runs) const {
    std::vector<LayerTime> found;
    for (const auto& [name, total] : totals_) {
      found.push_back({name, std::chrono::duration<double, std::milli>(total).count() / runs});
    }
    std::sort(found.begin(), found.end(),
        [](const LayerTime& a, const LayerTime& b) { return a.ms != b.ms ? a.ms > b.ms : a.name < b.name; });
    return found;
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Open {
    Clock::time_point begin;
    Clock::duration inside{};
  };

  static OperatorClock*& current() {
    static thread_local OperatorClock* clock = nullptr;
    return clock;
  }
  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& /*function*/) {
    current()->open_.push_back({Clock::now(), {}});
    return nullptr;
  }
  static void end(const at::RecordFunction& function, at::ObserverContext* /*context*/) {
    OperatorClock& clock = *current();
    const Clock::duration whole = Clock::now() - clock.open_.back().begin;
    clock.totals_[function.name()] += whole - clock.open_.back().inside;
    clock.open_.pop_back();
    if (!clock.open_.empty()) {
      clock.open_.back().inside += whole;
    }
  }

  std::vector<Open> open_;
  std::unordered_map<std::string, Clock::duration> totals_;
  at::CallbackHandle handle_ = 0;
};

}  // namespace sample
