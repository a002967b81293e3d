// Rows of pictures in any format, as RGB.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sample/image.hpp"
#include "sample/result.hpp"

namespace sample::detail {

// Bytes of a pixel; 0: there is no such format.
[[nodiscard]] std::size_t pixel_bytes(PixelFormat format) noexcept;

// Whether a pixel has three samples, and a row is read as it lies, in the order that it has.
[[nodiscard]] inline bool is_packed(const ImageView& image) noexcept { return pixel_bytes(image.format) == 3; }

// The view with its stride, if it may be read; of an Image, all of it.
[[nodiscard]] Result<ImageView> checked_view(const ImageView& image);
[[nodiscard]] Result<ImageView> checked_view(const Image& image);

// Where row `y` begins.
[[nodiscard]] inline const std::uint8_t* row_of(const ImageView& image, int y) {
  return image.data + static_cast<std::ptrdiff_t>(image.stride) * y;
}

// `count` pixels of row `y`, from column `first` on, as three samples each: RGB, but BGR of PixelFormat::bgr.
void copy_row(const ImageView& image, int y, int first, std::size_t count, std::uint8_t* out);

// Red and blue of `count` pixels of three samples change places; `from` and `to` may be the same.
void swap_red_and_blue(const std::uint8_t* from, std::size_t count, std::uint8_t* to);

}  // namespace sample::detail
