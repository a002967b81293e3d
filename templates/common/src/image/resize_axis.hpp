// Which source pixels a resize takes for each pixel of its result, along one axis, and with which weights.
#pragma once

#include <vector>

#include "{= name =}/preprocess.hpp"

#include "image/resize_kernels.hpp"

namespace {= name =}::detail {

struct ResizeMethod {
  Interpolation interpolation = Interpolation::nearest;
  Resampling resampling = Resampling::pillow;

  [[nodiscard]] bool nearest() const {
    return interpolation == Interpolation::nearest || interpolation == Interpolation::nearest_exact;
  }
  friend bool operator==(const ResizeMethod& a, const ResizeMethod& b) {
    return a.interpolation == b.interpolation && a.resampling == b.resampling;
  }
};

// An axis resized from in_size to out_size: the positions [begin, begin + count) of the result.
struct AxisKey {
  int in_size = 0;
  int out_size = 0;
  ResizeMethod method;
  int begin = 0;
  int count = 0;

  friend bool operator==(const AxisKey& a, const AxisKey& b) {
    return a.in_size == b.in_size && a.out_size == b.out_size && a.method == b.method && a.begin == b.begin &&
        a.count == b.count;
  }
};

// The weights of an axis, for bilinear and bicubic; `raw` is room for them. Throws std::bad_alloc.
void make_axis(const AxisKey& key, Axis& axis, std::vector<double>& raw);

// The source position of each position, for nearest and nearest_exact; -1 is beyond the source, and black.
[[nodiscard]] std::vector<int> nearest_positions(const AxisKey& key);

}  // namespace {= name =}::detail
