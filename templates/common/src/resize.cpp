// The resampling of Pillow 13 (libImaging's Resample.c and Geometry.c), in its arithmetic: weights in
// double, normalised, then rounded to 22-bit fixed point; two passes, each rounding to 8 bits.
//
// cmake/exact_math.cmake compiles this with -ffp-contract=off: a fused multiply-add, which gcc uses by default where
// the processor has one (ARM64), would change last bits of the weights.

#include "resize.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <vector>

#include "exact_math.hpp"
#include "resize_kernels.hpp"

namespace {= name =}::detail {
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

// The weights of an axis; `raw` is room for them.
void make_axis(const ResizeBuffers::Key& key, Axis& axis, std::vector<double>& raw) {
  const auto [in_size, out_size, interpolation, begin, count] = key;
  const bool cubic = interpolation == Interpolation::bicubic;
  // Pillow holds the source box in float.
  const double scale = static_cast<double>(static_cast<float>(in_size)) / out_size;
  const double filter_scale = std::max(scale, 1.0);
  const double support = (cubic ? 2.0 : 1.0) * filter_scale;
  const double inverse = 1.0 / filter_scale;
  if (out_size > std::numeric_limits<int>::max() / (8.0 * (2.0 * std::ceil(support) + 1.0))) {
    throw std::bad_alloc();  // Pillow's limit for its table of weights
  }

  axis.spans.clear();
  axis.weights.clear();
  axis.parts.clear();
  axis.first = in_size;
  axis.last = 0;
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

// A row as a kernel may read it, from the picture's column 0 on. Kernels read on behind a row's end: that is the
// next row, but for the last ones, which are copied. `used`: bytes of the row.
const std::uint8_t* readable(const Rows& in, int y, std::size_t used, std::vector<std::uint8_t>& copy) {
  const std::uint8_t* row = in.at(y, in.left);
  if (static_cast<std::size_t>(in.end - row) < used + kReadBeyond) {
    copy.resize(used + kReadBeyond);
    std::memcpy(copy.data(), row, used);
    row = copy.data();
  }
  return row - static_cast<std::ptrdiff_t>(in.left) * kChannels;
}

// Rows [top, bottom) resampled along x, two at a time; `out(y)` is where a row goes, with written_row() bytes,
// `done(y)` tells that it is there.
template <typename Out, typename Done>
void horizontal_pass(const Rows& in, int top, int bottom, const Axis& axis, ResizeBuffers& buffers, const Out& out, const Done& done) {
  const ResizeKernels& kernels = resize_kernels();
  const std::size_t used = rgb_bytes(1, axis.last - in.left);
  for (int y = top; y < bottom; y += 2) {
    const bool single = y + 1 == bottom;  // then both are the same row
    const std::uint8_t* const first = readable(in, y, used, buffers.copies[0]);
    const std::uint8_t* const rows[2] = {first, single ? first : readable(in, y + 1, used, buffers.copies[1])};
    std::uint8_t* const to[2] = {out(y), out(single ? y : y + 1)};
    kernels.horizontal(rows, axis, to);
    done(y);
    if (!single) {
      done(y + 1);
    }
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

void nearest(const Rows& in, const Image& image, const Size& size, const Window& window, std::vector<std::uint8_t>& row_buffer, RowSink& sink) {
  const std::vector<int> columns = nearest_positions(image.width, size.width, window.left, window.width);
  const std::vector<int> rows = nearest_positions(image.height, size.height, window.top, window.height);
  for (int y = 0; y < window.height; ++y) {
    row_buffer.assign(rgb_bytes(1, window.width), 0);
    const int row = rows[static_cast<std::size_t>(y)];
    std::uint8_t* out = row_buffer.data();
    for (const int column : columns) {
      if (row >= 0 && column >= 0) {
        std::memcpy(out, in.at(row, column), kChannels);
      }
      out += kChannels;
    }
    sink.row(y, row_buffer.data());
  }
}

}  // namespace

const Axis& ResizeBuffers::axis(Kept& kept, const Key& key) {
  if (!(kept.key == key)) {
    kept.key = {};  // should the weights not fit into memory
    make_axis(key, kept.axis, kept.raw);
    kept.key = key;
  }
  return kept.axis;
}

void resize_window(const Image& image, const Size& size, Interpolation interpolation, const Window& window, ResizeBuffers& buffers, RowSink& sink) {
  const Rows source{image.pixels.data(), rgb_bytes(1, image.width), 0, 0, image.pixels.data() + image.pixels.size()};
  const bool along_x = size.width != image.width;
  const bool along_y = size.height != image.height;
  if (!along_x && !along_y) {
    for (int y = 0; y < window.height; ++y) {
      sink.row(y, source.at(window.top + y, window.left));
    }
    return;
  }
  if (interpolation == Interpolation::nearest) {
    nearest(source, image, size, window, buffers.out[0], sink);
    return;
  }

  static const Axis none;
  const Axis& x = along_x ? buffers.columns({image.width, size.width, interpolation, window.left, window.width}) : none;
  const Axis& y = along_y ? buffers.rows({image.height, size.height, interpolation, window.top, window.height}) : none;
  const std::size_t row_bytes = rgb_bytes(1, window.width);
  const std::size_t stride = written_row(window.width);
  for (std::vector<std::uint8_t>& row : buffers.out) {
    row.resize(stride);
  }
  // The rows of a horizontal pass as the result.
  const auto horizontal_last = [&](const Rows& in, int top) {
    const auto out = [&](int row) { return buffers.out[static_cast<std::size_t>((row - top) % 2)].data(); };
    horizontal_pass(in, top, top + window.height, x, buffers, out, [&](int row) { sink.row(row - top, out(row)); });
  };
  // Those of a vertical pass from column `left` of `in` on.
  const auto vertical_last = [&](const Rows& in, int left) {
    for (int row = 0; row < window.height; ++row) {
      const Axis::Span& span = y.spans[static_cast<std::size_t>(row)];
      resize_kernels().vertical(in.at(span.first, left), in.stride, row_bytes, y, span, buffers.out[0].data());
      sink.row(row, buffers.out[0].data());
    }
  };
  if (!along_y) {
    horizontal_last(source, window.top);
    return;
  }
  if (!along_x) {
    vertical_last(source, window.left);
    return;
  }
  // Since version 13 Pillow runs the vertical pass first where that saves more work; the rounding
  // between the passes makes the order visible.
  const std::int64_t fewer_rows = std::int64_t{image.height} - size.height;
  const std::int64_t fewer_columns = std::int64_t{image.width} - size.width;
  if (fewer_rows > 0 && fewer_rows > 2 * fewer_columns) {
    const std::size_t bytes = rgb_bytes(1, x.last - x.first);
    buffers.between.resize(bytes * static_cast<std::size_t>(window.height) + kReadBeyond);
    std::uint8_t* out = buffers.between.data();
    for (const Axis::Span& span : y.spans) {
      resize_kernels().vertical(source.at(span.first, x.first), source.stride, bytes, y, span, out);
      out += bytes;
    }
    horizontal_last(Rows{buffers.between.data(), bytes, 0, x.first, buffers.between.data() + buffers.between.size()}, 0);
  } else {
    buffers.between.resize(stride * static_cast<std::size_t>(y.last - y.first));
    const auto out = [&](int row) { return buffers.between.data() + stride * static_cast<std::size_t>(row - y.first); };
    horizontal_pass(source, y.first, y.last, x, buffers, out, [](int) {});
    vertical_last(Rows{buffers.between.data(), stride, y.first, 0, buffers.between.data() + buffers.between.size()}, 0);
  }
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
