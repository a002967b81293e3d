// The weights of Pillow 13 (libImaging's Resample.c and Geometry.c) and of torch for uint8 tensors (ATen's
// upsampling on the CPU), in their arithmetic: in double, normalised, then rounded, Pillow's to 22 bits behind the
// point, torch's to 16 bits in all. Kernels take 22 bits: torch's weights are shifted, which changes no pixel.
//
// cmake/exact_math.cmake compiles this with -ffp-contract=off: a fused multiply-add, which gcc uses by default where
// the processor has one (ARM64), would change last bits of the weights.

#include "image/resize_axis.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>

#include "exact_math.hpp"

namespace {= name =}::detail {
namespace {

double linear(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

// Keys' cubic convolution in torch's order of operations, which with a = -0.5 gives the bits of Pillow's: they write
// the second piece differently, and halving is exact.
double cubic(double x, double a) {
  x = std::abs(x);
  if (x < 1.0) {
    return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  }
  if (x < 2.0) {
    return ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a;
  }
  return 0.0;
}

// The source positions [low, low + count) of one position.
struct Taps {
  int low = 0;
  int count = 0;
};

// Antialiased taps: the filter is as wide as the source pixels that become one.
Taps antialiased(const AxisKey& key, int i, double scale, std::vector<double>& weights) {
  const bool is_cubic = key.method.interpolation == Interpolation::bicubic;
  const double filter_scale = std::max(scale, 1.0);
  const double support = (is_cubic ? 2.0 : 1.0) * filter_scale;
  const double inverse = 1.0 / filter_scale;
  const double center = (i + 0.5) * scale;
  const int low = std::max(static_cast<int>(center - support + 0.5), 0);
  int count = std::min(static_cast<int>(center + support + 0.5), key.in_size) - low;
  if (key.method.resampling != Resampling::pillow) {
    count = std::clamp(count, 0, static_cast<int>(std::ceil(support)) * 2 + 1);
  }
  double sum = 0.0;
  weights.clear();
  for (int x = 0; x < count; ++x) {
    const double position = (x + low - center + 0.5) * inverse;
    weights.push_back(is_cubic ? cubic(position, -0.5) : linear(position));
    sum += weights.back();
  }
  for (double& weight : weights) {
    weight = sum != 0.0 ? weight / sum : weight;
  }
  return {low, static_cast<int>(weights.size())};
}

// torch's taps without antialiasing: two or four, those beyond the source counted to its first or last pixel.
// `largest` becomes the largest of the sums that come up.
Taps plain(const AxisKey& key, int i, double scale, std::vector<double>& weights, double& largest) {
  const bool is_cubic = key.method.interpolation == Interpolation::bicubic;
  const int half = is_cubic ? 2 : 1;
  double at = scale * (i + 0.5) - 0.5;
  if (!is_cubic && at < 0.0) {
    at = 0.0;
  }
  const int last = key.in_size - 1;
  const int nearest = std::min(static_cast<int>(std::floor(static_cast<float>(at))), last);  // as float: torch's floorf
  const double fraction = std::min(std::max(at - nearest, 0.0), 1.0);
  const int first = nearest - half + 1;
  const int low = std::max(first, 0);
  const int count = std::clamp(std::min(nearest + half + 1, key.in_size) - low, 0, 2 * half);
  weights.assign(static_cast<std::size_t>(2 * half), 0.0);
  int index = 0;
  for (int tap = 0; tap < 2 * half; ++tap, ++index) {
    const double position = (tap + 1 - half) - fraction;
    if (first + tap <= 0) {
      index = 0;
    } else if (first + tap >= last) {
      index = count - 1;
    }
    double& weight = weights[static_cast<std::size_t>(index)];
    weight += is_cubic ? cubic(position, -0.75) : linear(position);
    largest = std::max(largest, weight);
  }
  weights.resize(static_cast<std::size_t>(count));
  return {low, count};
}

Taps torch_taps(const AxisKey& key, int i, double scale, std::vector<double>& weights, double& largest) {
  if (key.method.resampling == Resampling::torch_no_antialias) {
    return plain(key, i, scale, weights, largest);
  }
  const Taps taps = antialiased(key, i, scale, weights);
  for (const double weight : weights) {
    largest = std::max(largest, weight);
  }
  return taps;
}

// Bits behind the point of torch's weights: as many as the largest weight of the axis leaves of 16, 22 at most.
int torch_precision(double largest) {
  int precision = 0;
  while (precision < 22 && 0.5 + largest * (1 << (precision + 1)) < (1 << 15)) {
    ++precision;
  }
  return precision;
}

std::int32_t rounded(double weight, int precision) {
  const double fixed = weight * (1 << precision);
  return static_cast<std::int32_t>(fixed < 0 ? -0.5 + fixed : 0.5 + fixed);
}

// The weights of a span in the form that processors multiply fastest.
void add_parts(Axis& axis, Axis::Span& span) {
  span.groups = (span.count + kTapGroup - 1) / kTapGroup;
  for (int group = 0; group < span.groups; ++group) {
    std::array<std::int16_t, 2 * kTapGroup> parts{};
    for (int i = 0; i < kTapGroup && group * kTapGroup + i < span.count; ++i) {
      const std::int32_t weight = axis.weights[span.weight + static_cast<std::size_t>(group * kTapGroup + i)];
      const auto at = static_cast<std::size_t>(i);
      parts[at] = static_cast<std::int16_t>(weight >> kLowBits);
      parts[at + kTapGroup] = static_cast<std::int16_t>(weight & ((1 << kLowBits) - 1));
    }
    axis.parts.insert(axis.parts.end(), parts.begin(), parts.end());
  }
}

void add_span(Axis& axis, const Taps& taps, const std::vector<double>& weights, int precision) {
  const std::size_t first_weight = axis.weights.size();
  for (const double weight : weights) {
    axis.weights.push_back(rounded(weight, precision) * (1 << (kPrecisionBits - precision)));
  }
  axis.spans.push_back({taps.low, taps.count, first_weight, axis.parts.size() / (2 * kTapGroup), 0});
  add_parts(axis, axis.spans.back());
  axis.first = std::min(axis.first, taps.low);
  axis.last = std::max(axis.last, taps.low + taps.count);
}

// Pillow steps by addition, and so do we: the sum's rounding decides.
std::vector<int> pillow_nearest(const AxisKey& key) {
  const double step = static_cast<double>(static_cast<float>(key.in_size)) / key.out_size;
  std::vector<int> positions(static_cast<std::size_t>(key.count), -1);
  double at = step * 0.5;
  for (int i = 0; i < key.begin + key.count; ++i) {
    const int position = static_cast<int>(at);
    if (i >= key.begin && position < key.in_size) {
      positions[static_cast<std::size_t>(i - key.begin)] = position;
    }
    at += step;
  }
  return positions;
}

// The middle of pixel i in the source, in float. torch's compilers make one fused multiply-add of it (with AVX2 and on
// ARM64), which rounds once: that is how the double here, which nothing rounds, becomes a float.
float exact_position(float scale, int i) {
  const auto fused = static_cast<float>(static_cast<double>(scale) * (i + 0.5) - 0.5);
  return static_cast<float>(static_cast<double>(fused) + 0.5);
}

// torch has its scale in float, and takes the left edge of a pixel for its position but for nearest_exact.
std::vector<int> torch_nearest(const AxisKey& key) {
  const float scale = static_cast<float>(key.in_size) / static_cast<float>(key.out_size);
  const bool exact = key.method.interpolation == Interpolation::nearest_exact;
  std::vector<int> positions;
  positions.reserve(static_cast<std::size_t>(key.count));
  for (int i = key.begin; i < key.begin + key.count; ++i) {
    const float at = exact ? exact_position(scale, i) : static_cast<float>(i) * scale;
    positions.push_back(std::min(static_cast<int>(std::floor(at)), key.in_size - 1));
  }
  return positions;
}

}  // namespace

void make_axis(const AxisKey& key, Axis& axis, std::vector<double>& raw) {
  const bool pillow = key.method.resampling == Resampling::pillow;
  // Pillow holds the source box in float; torch divides integers.
  const double in_size = pillow ? static_cast<double>(static_cast<float>(key.in_size)) : key.in_size;
  const double scale = in_size / key.out_size;
  const double support = (key.method.interpolation == Interpolation::bicubic ? 2.0 : 1.0) * std::max(scale, 1.0);
  if (key.out_size > std::numeric_limits<int>::max() / (8.0 * (2.0 * std::ceil(support) + 1.0))) {
    throw std::bad_alloc();  // Pillow's limit for its table of weights
  }

  axis.spans.clear();
  axis.weights.clear();
  axis.parts.clear();
  axis.first = key.in_size;
  axis.last = 0;
  int precision = kPrecisionBits;
  double largest = 0.0;
  if (!pillow) {
    for (int i = 0; i < key.out_size; ++i) {  // of the whole axis, whatever part of it is wanted
      torch_taps(key, i, scale, raw, largest);
    }
    precision = torch_precision(largest);
  }
  for (int i = key.begin; i < key.begin + key.count; ++i) {
    const Taps taps = pillow ? antialiased(key, i, scale, raw) : torch_taps(key, i, scale, raw, largest);
    add_span(axis, taps, raw, precision);
  }
}

std::vector<int> nearest_positions(const AxisKey& key) {
  return key.method.resampling == Resampling::pillow ? pillow_nearest(key) : torch_nearest(key);
}

}  // namespace {= name =}::detail
