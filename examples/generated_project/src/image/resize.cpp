// The two passes of a resize, each rounding to 8 bits: those of Pillow 13 (libImaging's Resample.c and Geometry.c), and
// of torch for uint8 tensors.

#include "image/resize.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <new>
#include <vector>

#include "exact_math.hpp"
#include "image/image_view.hpp"
#include "image/resize_axis.hpp"
#include "image/resize_kernels.hpp"

namespace sample::detail {
namespace {

constexpr int kChannels = 3;

// A view of rows of three samples a pixel: the picture itself, or what the first pass left. Of a picture with other
// pixels `data` is null, and `unpacked` is the picture, whose rows are converted when they are read.
struct Rows {
  const std::uint8_t* data = nullptr;
  std::size_t stride = 0;  // bytes
  int top = 0;             // the picture's row and column that data starts with
  int left = 0;
  const std::uint8_t* end = nullptr;  // of what may be read
  const ImageView* unpacked = nullptr;

  [[nodiscard]] const std::uint8_t* at(int row, int column) const {
    return data + static_cast<std::size_t>(row - top) * stride + static_cast<std::size_t>(column - left) * kChannels;
  }
};

// Bytes of a row of `pixels` that a horizontal pass writes.
std::size_t written_row(int pixels) { return rgb_bytes(1, pixels) + kWriteBeyond; }

// A row as a kernel may read it, from the picture's column 0 on. Kernels read on behind a row's end: that is the
// next row, but for the last ones, which are copied. `used`: bytes of the row.
const std::uint8_t* readable(const Rows& in, int y, std::size_t used, std::vector<std::uint8_t>& copy) {
  if (in.unpacked != nullptr) {
    copy.resize(used + kReadBeyond);
    copy_row(*in.unpacked, y, 0, used / kChannels, copy.data());
    return copy.data();
  }
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
void horizontal_pass(
    const Rows& in, int top, int bottom, const Axis& axis, ResizeBuffers& buffers, const Out& out, const Done& done) {
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

// Rows [top, bottom) of a picture, columns [left, right) of them, in three samples a pixel.
Rows packed(const ImageView& image, int top, int bottom, int left, int right, std::vector<std::uint8_t>& buffer) {
  const std::size_t stride = rgb_bytes(1, right - left);
  buffer.resize(rgb_bytes(bottom - top, right - left) + kReadBeyond);
  for (int y = top; y < bottom; ++y) {
    const std::size_t at = stride * static_cast<std::size_t>(y - top);
    copy_row(image, y, left, stride / kChannels, buffer.data() + at);
  }
  return {buffer.data(), stride, top, left, buffer.data() + buffer.size()};
}

Rows source_rows(const ImageView& image) {
  if (!is_packed(image)) {
    return {nullptr, 0, 0, 0, nullptr, &image};
  }
  const std::uint8_t* const end = row_of(image, image.height - 1) + rgb_bytes(1, image.width);
  return {image.data, static_cast<std::size_t>(image.stride), 0, 0, end};
}

void nearest(const ImageView& image, const AxisKey& x, const AxisKey& y, ResizeBuffers& buffers, RowSink& sink) {
  const std::vector<int> columns = nearest_positions(x);
  const std::vector<int> rows = nearest_positions(y);
  std::vector<std::uint8_t>& row_buffer = buffers.out[0];
  for (int at = 0; at < y.count; ++at) {
    row_buffer.assign(rgb_bytes(1, x.count), 0);
    const int row = rows[static_cast<std::size_t>(at)];
    std::uint8_t* out = row_buffer.data();
    for (const int column : columns) {
      if (row >= 0 && column >= 0) {
        if (is_packed(image)) {
          std::memcpy(out, row_of(image, row) + static_cast<std::size_t>(column) * kChannels, kChannels);
        } else {
          copy_row(image, row, column, 1, out);
        }
      }
      out += kChannels;
    }
    sink.row(at, row_buffer.data());
  }
}

}  // namespace

const Axis& ResizeBuffers::axis(Kept& kept, const AxisKey& key) {
  if (!(kept.key == key)) {
    kept.key = {};  // should the weights not fit into memory
    make_axis(key, kept.axis, kept.raw);
    kept.key = key;
  }
  return kept.axis;
}

void resize_window(const ImageView& image, const Size& size, const ResizeMethod& method, const Window& window,
    ResizeBuffers& buffers, RowSink& sink) {
  const bool along_x = size.width != image.width;
  const bool along_y = size.height != image.height;
  if (!along_x && !along_y) {
    for (int y = 0; y < window.height; ++y) {
      if (is_packed(image)) {
        sink.row(y, row_of(image, window.top + y) + rgb_bytes(1, window.left));
      } else {
        buffers.out[0].resize(rgb_bytes(1, window.width));
        copy_row(image, window.top + y, window.left, static_cast<std::size_t>(window.width), buffers.out[0].data());
        sink.row(y, buffers.out[0].data());
      }
    }
    return;
  }
  const AxisKey columns{image.width, size.width, method, window.left, window.width};
  const AxisKey rows{image.height, size.height, method, window.top, window.height};
  if (method.nearest()) {
    nearest(image, columns, rows, buffers, sink);
    return;
  }
  const Rows source = source_rows(image);

  static const Axis none;
  const Axis& x = along_x ? buffers.columns(columns) : none;
  const Axis& y = along_y ? buffers.rows(rows) : none;
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
  // A vertical pass reads each row several times, and so as three samples a pixel.
  const auto vertical_source = [&](int left, int right) {
    return is_packed(image) ? source : packed(image, y.first, y.last, left, right, buffers.packed);
  };
  if (!along_x) {
    vertical_last(vertical_source(window.left, window.left + window.width), window.left);
    return;
  }
  // Since version 13 Pillow runs the vertical pass first where that saves more work; the rounding
  // between the passes makes the order visible. torch never does.
  const std::int64_t fewer_rows = std::int64_t{image.height} - size.height;
  const std::int64_t fewer_columns = std::int64_t{image.width} - size.width;
  if (method.resampling == Resampling::pillow && fewer_rows > 0 && fewer_rows > 2 * fewer_columns) {
    const std::size_t bytes = rgb_bytes(1, x.last - x.first);
    const Rows first = vertical_source(x.first, x.last);
    buffers.between.resize(bytes * static_cast<std::size_t>(window.height) + kReadBeyond);
    std::uint8_t* out = buffers.between.data();
    for (const Axis::Span& span : y.spans) {
      resize_kernels().vertical(first.at(span.first, x.first), first.stride, bytes, y, span, out);
      out += bytes;
    }
    horizontal_last(
        Rows{buffers.between.data(), bytes, 0, x.first, buffers.between.data() + buffers.between.size()}, 0);
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

}  // namespace sample::detail
