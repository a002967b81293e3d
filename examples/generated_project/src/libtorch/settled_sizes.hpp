// Sizes of inputs that code was compiled for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <shared_mutex>
#include <utility>
#include <vector>

#include "sample/tensor.hpp"

namespace sample {

// The fuser compiles for each size at its first runs, and until then equal inputs give outputs that differ in the
// last bits: new sizes are set up before a run of theirs is answered.
class SettledSizes {
 public:
  // Calls `set_up` where it has not been called for these sizes: one caller does, others of these sizes wait.
  template <typename SetUp>
  Result<void> ensure(TensorViews inputs, const SetUp& set_up) {
    if (has(inputs)) {
      return {};
    }
    const std::lock_guard<std::mutex> one_at_a_time(setting_up_);
    if (has(inputs)) {
      return {};
    }
    if (Result<void> done = set_up(); !done) {
      return done;
    }
    std::vector<Dims> dims;
    for (const TensorView& view : inputs) {
      dims.push_back(view.dims);
    }
    const std::lock_guard<std::shared_mutex> lock(mutex_);
    dims_.push_back(std::move(dims));
    return {};
  }

 private:
  // The executor itself compiles for no more than these, and stops then.
  static constexpr std::size_t kMost = 20;

  [[nodiscard]] bool has(TensorViews inputs) const {
    const std::shared_lock<std::shared_mutex> lock(mutex_);
    const auto same = [&](const std::vector<Dims>& known) {
      return std::equal(known.begin(), known.end(), inputs.begin(), inputs.end(),
          [](const Dims& dims, const TensorView& view) { return dims == view.dims; });
    };
    return dims_.size() >= kMost || std::any_of(dims_.begin(), dims_.end(), same);
  }

  std::mutex setting_up_;
  mutable std::shared_mutex mutex_;
  std::vector<std::vector<Dims>> dims_;
};

}  // namespace sample
