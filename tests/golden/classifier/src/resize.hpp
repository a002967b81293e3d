// Pillow's Image.resize on 8-bit RGB, bit by bit, for a part of the resized picture.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sample/image.hpp"
#include "sample/preprocess.hpp"

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

// The `window` of `image` resized to `size`: the same pixels as resizing first and cropping then, but
// only those are computed. All sides are at least 1. Throws std::bad_alloc.
[[nodiscard]] Image resize_window(const Image& image, const Size& size, Interpolation interpolation, const Window& window);

// Bytes of an RGB picture; throws std::bad_alloc where memory cannot hold it.
[[nodiscard]] std::size_t rgb_bytes(int height, int width);

}  // namespace sample::detail
