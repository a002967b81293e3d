#include "image/image_view.hpp"

#include <cstring>
#include <limits>
#include <string>

#include "image/resize.hpp"

namespace sample::detail {
namespace {

constexpr std::size_t kSamples = 3;

std::string size_text(int width, int height) { return std::to_string(width) + "x" + std::to_string(height); }

Error invalid(const std::string& what) { return Error{ErrorCode::invalid_argument, what}; }

// Pixels of four samples, alpha last.
template <std::size_t Red, std::size_t Blue>
void drop_alpha(const std::uint8_t* pixel, std::size_t count, std::uint8_t* out) {
  for (std::size_t i = 0; i < count; ++i, pixel += 4, out += kSamples) {
    out[0] = pixel[Red];
    out[1] = pixel[1];
    out[2] = pixel[Blue];
  }
}

}  // namespace

std::size_t pixel_bytes(PixelFormat format) noexcept {
  switch (format) {
    case PixelFormat::rgb:
    case PixelFormat::bgr:
      return 3;
    case PixelFormat::rgba:
    case PixelFormat::bgra:
      return 4;
    case PixelFormat::grey:
      return 1;
  }
  return 0;
}

Result<ImageView> checked_view(const ImageView& image) {
  const std::string size = size_text(image.width, image.height);
  const std::size_t bytes = pixel_bytes(image.format);
  if (image.width < 1 || image.height < 1) {
    return invalid("the picture is empty (" + size + ")");
  }
  if (bytes == 0) {
    return invalid(
        "the format of the picture is none: " + std::to_string(static_cast<unsigned>(image.format)));
  }
  if (image.data == nullptr) {
    return invalid("the pixels of the picture (" + size + ") are a null pointer");
  }
  const std::int64_t row = static_cast<std::int64_t>(bytes) * image.width;
  if (image.stride != 0 && image.stride < row) {
    return invalid("a row of the picture (" + size + ") has " + std::to_string(row) + " bytes, its stride is " +
        std::to_string(image.stride));
  }
  if (image.stride > std::numeric_limits<std::int64_t>::max() / image.height) {
    return invalid("the stride of the picture (" + size + ") is beyond memory: " + std::to_string(image.stride));
  }
  ImageView view = image;
  view.stride = image.stride == 0 ? row : image.stride;
  return view;
}

Result<ImageView> checked_view(const Image& image) {
  if (image.width < 1 || image.height < 1) {
    return invalid("the picture is empty (" + size_text(image.width, image.height) + ")");
  }
  const std::size_t needed = rgb_bytes(image.height, image.width);
  if (image.pixels.size() != needed) {
    return invalid("a picture of " + size_text(image.width, image.height) + " needs " + std::to_string(needed) +
        " bytes, not " + std::to_string(image.pixels.size()));
  }
  return ImageView{image.pixels.data(), image.width, image.height,
      static_cast<std::int64_t>(rgb_bytes(1, image.width)), PixelFormat::rgb};
}

void copy_row(const ImageView& image, int y, int first, std::size_t count, std::uint8_t* out) {
  const std::uint8_t* pixel = row_of(image, y) + pixel_bytes(image.format) * static_cast<std::size_t>(first);
  switch (image.format) {
    case PixelFormat::rgb:
    case PixelFormat::bgr:
      std::memcpy(out, pixel, count * kSamples);
      return;
    case PixelFormat::rgba:
      drop_alpha<0, 2>(pixel, count, out);
      return;
    case PixelFormat::bgra:
      drop_alpha<2, 0>(pixel, count, out);
      return;
    case PixelFormat::grey:
      for (std::size_t i = 0; i < count; ++i, out += kSamples) {
        std::memset(out, pixel[i], kSamples);
      }
      return;
  }
}

void swap_red_and_blue(const std::uint8_t* from, std::size_t count, std::uint8_t* to) {
  for (std::size_t i = 0; i < count; ++i, from += kSamples, to += kSamples) {
    const std::uint8_t first = from[0];
    to[1] = from[1];
    to[0] = from[2];
    to[2] = first;
  }
}

}  // namespace sample::detail
