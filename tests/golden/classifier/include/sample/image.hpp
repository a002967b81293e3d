// Pictures: decoding JPEG, PNG, PPM and .npy to the pixels that Pillow gives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "result.hpp"

namespace sample {

// 8-bit RGB, interleaved, rows from top to bottom without padding.
struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;  // height x width x 3
};

// Decodes a file's bytes: the pixels of PIL.Image.open(...).convert("RGB"), exactly. EXIF orientation
// is not applied and alpha is dropped, as there. The format is told by its content.
// JPEG and PNG need a build with libjpeg and libpng; without them the result is ErrorCode::unsupported.
[[nodiscard]] Result<Image> decode_image(const std::uint8_t* bytes, std::size_t size);

// Reads and decodes a file; errors name the file.
[[nodiscard]] Result<Image> read_image(const std::filesystem::path& file);

// Whether this build decodes JPEG and PNG.
[[nodiscard]] bool has_jpeg() noexcept;
[[nodiscard]] bool has_png() noexcept;

// Writes a binary PPM (P6).
[[nodiscard]] Result<void> write_ppm(const std::filesystem::path& file, const Image& image);

}  // namespace sample
