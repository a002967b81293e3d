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

namespace {= name =}::detail {
namespace {

constexpr int kPrecisionBits = 22;
constexpr int kChannels = 3;

// The source pixels of each wanted output position along one axis.
struct Axis {
  struct Span {
    int first = 0;            // source position
    int count = 0;            // number of weights
    std::size_t weights = 0;  // where they start in `weights`
  };
  std::vector<Span> spans;
  std::vector<std::int32_t> weights;
  int first = 0;  // source positions that any span uses: [first, last)
  int last = 0;
};

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
    axis.spans.push_back({low, static_cast<int>(raw.size()), axis.weights.size()});
    for (const double value : raw) {
      const double weight = sum != 0.0 ? value / sum : value;
      const double fixed = weight * (1 << kPrecisionBits);
      axis.weights.push_back(static_cast<std::int32_t>(weight < 0 ? -0.5 + fixed : 0.5 + fixed));
    }
    axis.first = std::min(axis.first, low);
    axis.last = std::max(axis.last, high);
  }
  return axis;
}

std::uint8_t clip8(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255)); }

// A view of rows: the picture itself, or what the first pass left.
struct Rows {
  const std::uint8_t* data = nullptr;
  std::size_t stride = 0;  // bytes
  int top = 0;             // the picture's row and column that data starts with
  int left = 0;

  [[nodiscard]] const std::uint8_t* at(int row, int column) const {
    return data + static_cast<std::size_t>(row - top) * stride + static_cast<std::size_t>(column - left) * kChannels;
  }
};

// Rows [top, bottom) resampled along x.
void horizontal_pass(const Rows& in, int top, int bottom, const Axis& axis, std::uint8_t* out) {
  constexpr std::int32_t kHalf = 1 << (kPrecisionBits - 1);
  for (int y = top; y < bottom; ++y) {
    for (const Axis::Span& span : axis.spans) {
      const std::uint8_t* pixel = in.at(y, span.first);
      const std::int32_t* weight = axis.weights.data() + span.weights;
      std::int32_t red = kHalf;
      std::int32_t green = kHalf;
      std::int32_t blue = kHalf;
      for (int x = 0; x < span.count; ++x) {
        red += pixel[0] * weight[x];
        green += pixel[1] * weight[x];
        blue += pixel[2] * weight[x];
        pixel += kChannels;
      }
      out[0] = clip8(red);
      out[1] = clip8(green);
      out[2] = clip8(blue);
      out += kChannels;
    }
  }
}

// Columns from `left` on resampled along y. Blocks of a fixed number of bytes keep the sums in
// registers and let the compiler vectorise.
void vertical_pass(const Rows& in, int left, int width, const Axis& axis, std::uint8_t* out) {
  constexpr std::int32_t kHalf = 1 << (kPrecisionBits - 1);
  constexpr std::size_t kBlock = 32;
  const std::size_t bytes = static_cast<std::size_t>(width) * kChannels;
  for (const Axis::Span& span : axis.spans) {
    const std::uint8_t* source = in.at(span.first, left);
    const std::int32_t* weight = axis.weights.data() + span.weights;
    std::size_t i = 0;
    for (; i + kBlock <= bytes; i += kBlock) {
      std::array<std::int32_t, kBlock> sums;
      sums.fill(kHalf);
      const std::uint8_t* row = source + i;
      for (int y = 0; y < span.count; ++y, row += in.stride) {
        for (std::size_t j = 0; j < kBlock; ++j) {
          sums[j] += row[j] * weight[y];
        }
      }
      for (std::size_t j = 0; j < kBlock; ++j) {
        out[i + j] = clip8(sums[j]);
      }
    }
    for (; i < bytes; ++i) {
      std::int32_t sum = kHalf;
      const std::uint8_t* row = source + i;
      for (int y = 0; y < span.count; ++y, row += in.stride) {
        sum += *row * weight[y];
      }
      out[i] = clip8(sum);
    }
    out += bytes;
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
  const Rows source{image.pixels.data(), rgb_bytes(1, image.width), 0, 0};
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
  if (!along_y) {
    horizontal_pass(source, window.top, window.top + window.height, x, out);
    return result;
  }
  if (!along_x) {
    vertical_pass(source, window.left, window.width, y, out);
    return result;
  }
  // Since version 13 Pillow runs the vertical pass first where that saves more work; the rounding
  // between the passes makes the order visible.
  const std::int64_t fewer_rows = std::int64_t{image.height} - size.height;
  const std::int64_t fewer_columns = std::int64_t{image.width} - size.width;
  std::vector<std::uint8_t> between;
  if (fewer_rows > 0 && fewer_rows > 2 * fewer_columns) {
    const int width = x.last - x.first;
    between.resize(rgb_bytes(window.height, width));
    vertical_pass(source, x.first, width, y, between.data());
    const Rows rows{between.data(), rgb_bytes(1, width), 0, x.first};
    horizontal_pass(rows, 0, window.height, x, out);
  } else {
    between.resize(rgb_bytes(y.last - y.first, window.width));
    horizontal_pass(source, y.first, y.last, x, between.data());
    const Rows rows{between.data(), rgb_bytes(1, window.width), y.first, 0};
    vertical_pass(rows, 0, window.width, y, out);
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

}  // namespace {= name =}::detail
