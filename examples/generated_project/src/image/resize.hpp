// A resize of 8-bit RGB, bit by bit Pillow's or torch's, for a part of the resized picture.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sample/image.hpp"
#include "sample/preprocess.hpp"

#include "image/resize_axis.hpp"

namespace sample::detail {

struct Size {
  int height = 0;
  int width = 0;
};

// A part of a picture; it lies within it.
struct Window {
  int top = 0;
  int left = 0;
  int height = 0;
  int width = 0;
};

// Takes the rows of a result, from top to bottom.
class RowSink {
 public:
  RowSink() = default;
  RowSink(const RowSink&) = delete;
  RowSink& operator=(const RowSink&) = delete;
  virtual ~RowSink() = default;
  virtual void row(int y, const std::uint8_t* pixels) = 0;  // of three samples, as wide as the window
};

// What a resize needs besides pictures. Kept from one to the next, nothing is allocated again, and the weights
// are those of the last picture where its sizes were the same.
class ResizeBuffers {
 public:
  [[nodiscard]] const Axis& columns(const AxisKey& key) { return axis(columns_, key); }
  [[nodiscard]] const Axis& rows(const AxisKey& key) { return axis(rows_, key); }

  std::vector<std::uint8_t> between;                // what the first pass leaves
  std::array<std::vector<std::uint8_t>, 2> out;     // two rows of the result
  std::array<std::vector<std::uint8_t>, 2> copies;  // of rows that cannot be read where they lie
  std::vector<std::uint8_t> packed;                 // of a part of a picture of other than three samples

 private:
  struct Kept {
    AxisKey key;
    Axis axis;
    std::vector<double> raw;
  };

  static const Axis& axis(Kept& kept, const AxisKey& key);

  Kept columns_;
  Kept rows_;
};

// The `window` of `image` resized to `size`, row by row: the same pixels as resizing first and cropping then,
// but only those are computed. `image` is a checked view; the rows are RGB, but BGR of PixelFormat::bgr. Throws
// std::bad_alloc.
void resize_window(const ImageView& image, const Size& size, const ResizeMethod& method, const Window& window,
    ResizeBuffers& buffers, RowSink& sink);

// Bytes of an RGB picture; throws std::bad_alloc where memory cannot hold it.
[[nodiscard]] std::size_t rgb_bytes(int height, int width);

}  // namespace sample::detail
