#include "image/pad_grayscale.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

#include "image/image_codecs.hpp"
#include "image/image_view.hpp"

namespace {= name =}::detail {
namespace {

constexpr std::size_t kChannels = 3;

// The pixel of a side of `size` that stands at position `at`, which may be beyond it; -1: the constant.
int source_position(std::int64_t at, int size, PadMode mode) {
  if (at >= 0 && at < size) {
    return static_cast<int>(at);
  }
  switch (mode) {
    case PadMode::constant:
      return -1;
    case PadMode::edge:
      return at < 0 ? 0 : size - 1;
    case PadMode::reflect: {
      if (size == 1) {
        return 0;
      }
      const std::int64_t period = 2 * (std::int64_t{size} - 1);
      const std::int64_t in_period = (at % period + period) % period;
      return static_cast<int>(in_period < size ? in_period : period - in_period);
    }
    case PadMode::symmetric: {
      const std::int64_t period = 2 * std::int64_t{size};
      const std::int64_t in_period = (at % period + period) % period;
      return static_cast<int>(in_period < size ? in_period : period - 1 - in_period);
    }
  }
  return -1;
}

// A row in three samples a pixel: where it lies, or copied.
const std::uint8_t* row_as_read(const ImageView& image, int y, std::vector<std::uint8_t>& copy) {
  if (is_packed(image)) {
    return row_of(image, y);
  }
  copy.resize(rgb_bytes(1, image.width));
  copy_row(image, y, 0, static_cast<std::size_t>(image.width), copy.data());
  return copy.data();
}

std::string describe(std::int64_t width, std::int64_t height) {
  return std::to_string(width) + "x" + std::to_string(height);
}

}  // namespace

Result<Size> padded_size(const Size& in, const Pad& pad) {
  if (pad.left < 0 || pad.top < 0 || pad.right < 0 || pad.bottom < 0) {
    return Error{ErrorCode::invalid_argument, "cannot pad by a negative number of pixels"};
  }
  const int across = std::max(pad.left, pad.right);
  const int down = std::max(pad.top, pad.bottom);
  const bool reflect = pad.mode == PadMode::reflect && (across >= in.width || down >= in.height);
  const bool symmetric = pad.mode == PadMode::symmetric && (across > in.width || down > in.height);
  if (pad.of_tensor && (reflect || symmetric)) {
    return Error{ErrorCode::invalid_argument,
        "a picture of " + describe(in.width, in.height) + " is too small for its reflected padding of up to " +
            describe(across, down)};
  }
  const std::int64_t width = std::int64_t{in.width} + pad.left + pad.right;
  const std::int64_t height = std::int64_t{in.height} + pad.top + pad.bottom;
  if (width > kMaxPixels || height > kMaxPixels || width * height > kMaxPixels) {
    return Error{ErrorCode::unsupported,
        "padding to " + describe(width, height) + " is beyond the limit of " + std::to_string(kMaxPixels) + " pixels"};
  }
  return Size{static_cast<int>(height), static_cast<int>(width)};
}

void pad_rows(const ImageView& image, const Pad& pad, PadBuffers& buffers, RowSink& sink) {
  std::array<std::uint8_t, kChannels> fill = pad.fill;
  if (image.format == PixelFormat::bgr) {
    std::swap(fill[0], fill[2]);
  }
  buffers.columns.clear();
  for (int x = -pad.left; x < 0; ++x) {
    buffers.columns.push_back(source_position(x, image.width, pad.mode));
  }
  for (int x = 0; x < pad.right; ++x) {
    buffers.columns.push_back(source_position(std::int64_t{image.width} + x, image.width, pad.mode));
  }
  const auto left = static_cast<std::size_t>(pad.left);
  const std::size_t bytes = rgb_bytes(1, image.width);
  buffers.row.resize(bytes + buffers.columns.size() * kChannels);
  for (int y = 0; y < image.height + pad.top + pad.bottom; ++y) {
    const int from = source_position(std::int64_t{y} - pad.top, image.height, pad.mode);
    std::uint8_t* out = buffers.row.data();
    if (from < 0) {
      for (std::size_t i = 0; i < buffers.row.size(); i += kChannels) {
        std::memcpy(out + i, fill.data(), kChannels);
      }
    } else {
      const std::uint8_t* source = row_as_read(image, from, buffers.copy);
      for (std::size_t i = 0; i < buffers.columns.size(); ++i, out += kChannels) {
        if (i == left) {
          out += bytes;  // the picture itself
        }
        const int column = buffers.columns[i];
        std::memcpy(out, column < 0 ? fill.data() : source + rgb_bytes(1, column), kChannels);
      }
      std::memcpy(buffers.row.data() + left * kChannels, source, bytes);
    }
    sink.row(y, buffers.row.data());
  }
}

void grey_rows(const ImageView& image, PadBuffers& buffers, RowSink& sink) {
  std::vector<std::uint8_t>& row = buffers.row;
  row.resize(rgb_bytes(1, image.width));
  const std::size_t red = image.format == PixelFormat::bgr ? 2 : 0;
  for (int y = 0; y < image.height; ++y) {
    const std::uint8_t* pixel = row_as_read(image, y, buffers.copy);
    for (std::size_t i = 0; i < row.size(); i += kChannels, pixel += kChannels) {
      // ITU-R 601-2 in 16 bits behind the point, rounded: Pillow's L24.
      const std::uint32_t level = pixel[red] * 19595U + pixel[1] * 38470U + pixel[2 - red] * 7471U + 0x8000U;
      std::memset(row.data() + i, static_cast<int>(level >> 16U), kChannels);
    }
    sink.row(y, row.data());
  }
}

}  // namespace {= name =}::detail
