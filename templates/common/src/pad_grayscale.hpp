// Padding and grey pictures, row by row.
#pragma once

#include <cstdint>
#include <vector>

#include "{= name =}/image.hpp"
#include "{= name =}/preprocess.hpp"
#include "{= name =}/result.hpp"

#include "resize.hpp"

namespace {= name =}::detail {

// What padding needs besides pictures; kept from one to the next.
struct PadBuffers {
  std::vector<int> columns;  // source columns of the pixels to the left, then of those to the right
  std::vector<std::uint8_t> row;
};

// The size of a padded picture of size `in`, or why torchvision refuses it.
[[nodiscard]] Result<Size> padded_size(const Size& in, const Pad& pad);

// The rows of the padded picture; padded_size() has taken it.
void pad_rows(const Image& image, const Pad& pad, PadBuffers& buffers, RowSink& sink);

// The rows in grey, as Pillow converts to mode L: red, green and blue are equal.
void grey_rows(const Image& image, std::vector<std::uint8_t>& row, RowSink& sink);

}  // namespace {= name =}::detail
