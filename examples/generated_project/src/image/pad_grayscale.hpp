// Padding and grey pictures, row by row.
#pragma once

#include <cstdint>
#include <vector>

#include "sample/image.hpp"
#include "sample/preprocess.hpp"
#include "sample/result.hpp"

#include "image/resize.hpp"

namespace sample::detail {

// What padding needs besides pictures; kept from one to the next.
struct PadBuffers {
  std::vector<int> columns;  // source columns of the pixels to the left, then of those to the right
  std::vector<std::uint8_t> row;
  std::vector<std::uint8_t> copy;  // of a row of a picture of other than three samples
};

// The size of a padded picture of size `in`, or why torchvision refuses it.
[[nodiscard]] Result<Size> padded_size(const Size& in, const Pad& pad);

// The rows of the padded picture, a checked view; padded_size() has taken it. They are RGB, but BGR of
// PixelFormat::bgr.
void pad_rows(const ImageView& image, const Pad& pad, PadBuffers& buffers, RowSink& sink);

// The rows in grey, as Pillow converts to mode L: red, green and blue are equal.
void grey_rows(const ImageView& image, PadBuffers& buffers, RowSink& sink);

}  // namespace sample::detail
