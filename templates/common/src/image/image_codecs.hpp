// The decoders behind decode_image(), one for each format. They may throw std::bad_alloc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "{= name =}/image.hpp"

namespace {= name =}::detail {

// What a picture is resized and cropped to is no larger than this.
inline constexpr std::int64_t kMaxPixels = DecodeOptions().max_pixels;

// An Error for sizes that are empty or have more than `max_pixels`.
[[nodiscard]] Result<void> check_picture_size(std::uint64_t width, std::uint64_t height, std::int64_t max_pixels);

// Into `image`, whose memory is used again.
[[nodiscard]] Result<void> decode_jpeg(
    const std::uint8_t* bytes, std::size_t size, const DecodeOptions& options, Image& image);
[[nodiscard]] Result<Image> decode_png(const std::uint8_t* bytes, std::size_t size, const DecodeOptions& options);
[[nodiscard]] Result<Image> decode_pnm(
    const std::uint8_t* bytes, std::size_t size, const DecodeOptions& options);  // P2, P3, P5, P6

// A black picture.
[[nodiscard]] Image make_image(int width, int height);

// Gives `image` this size. What its pixels are is left open.
void resize_image(int width, int height, Image& image);

}  // namespace {= name =}::detail
