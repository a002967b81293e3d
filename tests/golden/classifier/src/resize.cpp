// The resampling of Pillow 13 (libImaging's Resample.c and Geometry.c), in its arithmetic: weights in
// double, normalised, then rounded to 22-bit fixed point; two passes, each rounding to 8 bits.
//
// This file is compiled with -ffp-contract=off: a fused multiply-add, which gcc uses by default where
// the processor has one (ARM64), would change last bits of the weights.

#include "resize.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <vector>

#include "resize_kernels.hpp"

namespace sample::detail {
namespace {

constexpr int kChannels = 3;

double bilinear(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

// Keys' cubic with a = -0.5, in Pillow's order of operations.
double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) {
    return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  }
  if (x < 2.0) {
    return (((x - 5) * x + 8) * x - 4) * a;
  }
  return 0.0;
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

// Weights for the output positions [begin, begin + count) of an axis resized from in_size to out_size.
Axis make_axis(int in_size, int out_size, Interpolation interpolation, int begin, int count) {
  const bool cubic = interpolation == Interpolation::bicubic;
  // Pillow holds the source box in float.
  const double scale = static_cast<double>(static_cast<float>(in_size)) / out_size;
  const double filter_scale = std::max(scale, 1.0);
  const double support = (cubic ? 2.0 : 1.0) * filter_scale;
  const double inverse = 1.0 / filter_scale;
  if (out_size > std::numeric_limits<int>::max() / (8.0 * (2.0 * std::ceil(support) + 1.0))) {
    throw std::bad_alloc();  // Pillow's limit for its table of weights
  }

  Axis axis;
  axis.first = in_size;
  axis.spans.reserve(static_cast<std::size_t>(count));
  std::vector<double> raw;
  for (int i = begin; i < begin + count; ++i) {
    const double center = (i + 0.5) * scale;
    const int low = std::max(static_cast<int>(center - support + 0.5), 0);
    const int high = std::min(static_cast<int>(center + support + 0.5), in_size);
    double sum = 0.0;
    raw.clear();
    for (int x = 0; x < high - low; ++x) {
      const double position = (x + low - center + 0.5) * inverse;
      raw.push_back(cubic ? bicubic(position) : bilinear(position));
      sum += raw.back();
    }
    const std::size_t first_weight = axis.weights.size();
    for (const double value : raw) {
      const double weight = sum != 0.0 ? value / sum : value;
      const double fixed = weight * (1 << kPrecisionBits);
      axis.weights.push_back(static_cast<std::int32_t>(weight < 0 ? -0.5 + fixed : 0.5 + fixed));
    }
    axis.spans.push_back({low, static_cast<int>(raw.size()), first_weight, axis.parts.size() / (2 * kTapGroup), 0});
    add_parts(axis, axis.spans.back());
    axis.first = std::min(axis.first, low);
    axis.last = std::max(axis.last, high);
  }
  return axis;
}

// A view of rows: the picture itself, or what the first pass left.
struct Rows {
  const std::uint8_t* data = nullptr;
  std::size_t stride = 0;  // bytes
  int top = 0;             // the picture's row and column that data starts with
  int left = 0;
  const std::uint8_t* end = nullptr;  // of what may be read

  [[nodiscard]] const std::uint8_t* at(int row, int column) const {
    return data + static_cast<std::size_t>(row - top) * stride + static_cast<std::size_t>(column - left) * kChannels;
  }
};

// Bytes of a row of `pixels` that a horizontal pass writes.
std::size_t written_row(int pixels) { return rgb_bytes(1, pixels) + kWriteBeyond; }

// Rows [top, bottom) resampled along x, two at a time; `stride` is at least written_row().
void horizontal_pass(const Rows& in, int top, int bottom, const Axis& axis, std::uint8_t* out, std::size_t stride) {
  const ResizeKernels& kernels = resize_kernels();
  const std::size_t used = rgb_bytes(1, axis.last - in.left);  // bytes of a row
  std::array<std::vector<std::uint8_t>, 2> copies;
  std::vector<std::uint8_t> unused(top < bottom && (bottom - top) % 2 != 0 ? stride : 0);
  // The kernels read on behind a row's end. That is the next row, but for the last rows: those are copied.
  const auto row_of = [&](int y, std::vector<std::uint8_t>& copy) {
    const std::uint8_t* row = in.at(y, in.left);
    if (static_cast<std::size_t>(in.end - row) < used + kReadBeyond) {
      copy.resize(used + kReadBeyond);
      std::memcpy(copy.data(), row, used);
      row = copy.data();
    }
    return row - static_cast<std::ptrdiff_t>(in.left) * kChannels;
  };
  for (int y = top; y < bottom; y += 2, out += 2 * stride) {
    const bool last = y + 1 == bottom;
    const std::uint8_t* const first = row_of(y, copies[0]);
    const std::uint8_t* const rows[2] = {first, last ? first : row_of(y + 1, copies[1])};
    std::uint8_t* const to[2] = {out, last ? unused.data() : out + stride};
    kernels.horizontal(rows, axis, to);
  }
}

// Columns from `left` on resampled along y.
void vertical_pass(const Rows& in, int left, int width, const Axis& axis, std::uint8_t* out, std::size_t stride) {
  const ResizeKernels& kernels = resize_kernels();
  const std::size_t bytes = rgb_bytes(1, width);
  for (const Axis::Span& span : axis.spans) {
    kernels.vertical(in.at(span.first, left), in.stride, bytes, axis, span, out);
    out += stride;
  }
}

// Rows without what lies between them.
void pack(const std::vector<std::uint8_t>& rows, std::size_t stride, std::size_t row_bytes, std::uint8_t* out) {
  for (std::size_t at = 0; at + stride <= rows.size(); at += stride, out += row_bytes) {
    std::memcpy(out, rows.data() + at, row_bytes);
  }
}

void copy_window(const Rows& in, const Window& window, std::uint8_t* out) {
  const std::size_t bytes = static_cast<std::size_t>(window.width) * kChannels;
  for (int y = 0; y < window.height; ++y) {
    std::memcpy(out, in.at(window.top + y, window.left), bytes);
    out += bytes;
  }
}

// The source position of each output position, or -1 beyond the source. Pillow steps by addition, and
// so do we: the sum's rounding decides.
std::vector<int> nearest_positions(int in_size, int out_size, int begin, int count) {
  const double step = static_cast<double>(static_cast<float>(in_size)) / out_size;
  std::vector<int> positions(static_cast<std::size_t>(count), -1);
  double at = step * 0.5;
  for (int i = 0; i < begin + count; ++i) {
    const int position = static_cast<int>(at);
    if (i >= begin && position < in_size) {
      positions[static_cast<std::size_t>(i - begin)] = position;
    }
    at += step;
  }
  return positions;
}

void nearest(const Rows& in, const Image& image, const Size& size, const Window& window, std::uint8_t* out) {
  const std::vector<int> columns = nearest_positions(image.width, size.width, window.left, window.width);
  const std::vector<int> rows = nearest_positions(image.height, size.height, window.top, window.height);
  for (const int row : rows) {
    for (const int column : columns) {
      if (row >= 0 && column >= 0) {
        std::memcpy(out, in.at(row, column), kChannels);
      }
      out += kChannels;
    }
  }
}

}  // namespace

Image resize_window(const Image& image, const Size& size, Interpolation interpolation, const Window& window) {
  Image result;
  result.width = window.width;
  result.height = window.height;
  result.pixels.resize(rgb_bytes(window.height, window.width));
  const Rows source{image.pixels.data(), rgb_bytes(1, image.width), 0, 0, image.pixels.data() + image.pixels.size()};
  const std::size_t row_bytes = rgb_bytes(1, window.width);
  const bool along_x = size.width != image.width;
  const bool along_y = size.height != image.height;
  std::uint8_t* out = result.pixels.data();
  if (!along_x && !along_y) {
    copy_window(source, window, out);
    return result;
  }
  if (interpolation == Interpolation::nearest) {
    nearest(source, image, size, window, out);
    return result;
  }

  Axis x;
  Axis y;
  if (along_x) {
    x = make_axis(image.width, size.width, interpolation, window.left, window.width);
  }
  if (along_y) {
    y = make_axis(image.height, size.height, interpolation, window.top, window.height);
  }
  const std::size_t stride = written_row(window.width);
  if (!along_y) {
    std::vector<std::uint8_t> rows(stride * static_cast<std::size_t>(window.height));
    horizontal_pass(source, window.top, window.top + window.height, x, rows.data(), stride);
    pack(rows, stride, row_bytes, out);
    return result;
  }
  if (!along_x) {
    vertical_pass(source, window.left, window.width, y, out, row_bytes);
    return result;
  }
  // Since version 13 Pillow runs the vertical pass first where that saves more work; the rounding
  // between the passes makes the order visible.
  const std::int64_t fewer_rows = std::int64_t{image.height} - size.height;
  const std::int64_t fewer_columns = std::int64_t{image.width} - size.width;
  std::vector<std::uint8_t> between;
  if (fewer_rows > 0 && fewer_rows > 2 * fewer_columns) {
    const int width = x.last - x.first;
    between.resize(rgb_bytes(window.height, width) + kReadBeyond);
    vertical_pass(source, x.first, width, y, between.data(), rgb_bytes(1, width));
    const Rows rows{between.data(), rgb_bytes(1, width), 0, x.first, between.data() + between.size()};
    std::vector<std::uint8_t> resized(stride * static_cast<std::size_t>(window.height));
    horizontal_pass(rows, 0, window.height, x, resized.data(), stride);
    pack(resized, stride, row_bytes, out);
  } else {
    between.resize(stride * static_cast<std::size_t>(y.last - y.first));
    horizontal_pass(source, y.first, y.last, x, between.data(), stride);
    const Rows rows{between.data(), stride, y.first, 0, between.data() + between.size()};
    vertical_pass(rows, 0, window.width, y, out, row_bytes);
  }
  return result;
}

std::size_t rgb_bytes(int height, int width) {
  const auto rows = static_cast<std::uint64_t>(height);
  const auto columns = static_cast<std::uint64_t>(width);
  const std::uint64_t bytes = rows * columns * kChannels;  // below 2^64: two ints and 3
  if (bytes > static_cast<std::uint64_t>(std::numeric_limits<std::ptrdiff_t>::max())) {
    throw std::bad_alloc();
  }
  return static_cast<std::size_t>(bytes);
}

}  // namespace sample::detail
