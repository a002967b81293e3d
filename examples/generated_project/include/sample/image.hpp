// Pictures: decoding JPEG, PNG, PPM and .npy to the pixels that Pillow gives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "result.hpp"

#include "sample/public.hpp"

namespace SAMPLE_PUBLIC sample {

// 8-bit RGB, interleaved, rows from top to bottom without padding.
struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;  // height x width x 3
};

// How the pixels of a picture lie in memory: samples of 8 bits in this order. Alpha is dropped, as Pillow's
// convert("RGB") does; a sample of grey stands for red, green and blue.
enum class PixelFormat : std::uint8_t {
  rgb,
  bgr,
  rgba,
  bgra,
  grey,
};

// A picture in memory of somebody else, such as a camera's frame or a part of one. It is read where it lies, and not
// owned. Bytes between its rows may be read, too, whatever they hold; nothing behind its last pixel is.
struct ImageView {
  const std::uint8_t* data = nullptr;  // the first sample of the upper left pixel
  int width = 0;                       // pixels
  int height = 0;
  std::int64_t stride = 0;  // bytes from one row to the next; 0: the rows lie without padding
  PixelFormat format = PixelFormat::rgb;
};

// How a picture is decoded. The default gives Pillow's pixels.
struct DecodeOptions {
  // JPEG only: decoded at an eighth, a quarter or half of its size, the least at which it still is this wide and
  // this high, and its shorter side this long. Several times as fast for large pictures, and OTHER PIXELS than a
  // decoded picture that is resized: those of PIL.Image.draft(). All 0: the whole picture.
  // scaled_decoding() of preprocess.hpp has what a model needs.
  int least_width = 0;
  int least_height = 0;
  int least_shorter = 0;

  // What a file may ask for; where it is more, it is refused before anything is allocated. No camera's picture meets
  // these limits, and a small file can claim any size (a decompression bomb).
  std::int64_t max_pixels = 178'956'970;  // width x height: Pillow's own limit
  // Of the file: 1 GiB.
  std::uint64_t max_bytes = std::uint64_t{1} << 30U;
  // JPEG only: each is a pass over the whole picture. Encoders write up to 24.
  int max_scans = 64;
};

// Decodes a file's bytes: the pixels of PIL.Image.open(...).convert("RGB"), exactly. EXIF orientation
// is not applied and alpha is dropped, as there. The format is told by its content.
// JPEG and PNG need a build with libjpeg and libpng; without them the result is ErrorCode::unsupported.
[[nodiscard]] Result<Image> decode_image(
    const std::uint8_t* bytes, std::size_t size, const DecodeOptions& options = {});

// Reads and decodes a file; errors name the file.
[[nodiscard]] Result<Image> read_image(const std::filesystem::path& file, const DecodeOptions& options = {});

// As above, into a picture whose memory is used again: new memory costs a tenth of the time of a large JPEG. After a
// failure `image` holds no picture.
[[nodiscard]] Result<void> read_image(const std::filesystem::path& file, const DecodeOptions& options, Image& image);

// Whether this build decodes JPEG and PNG.
[[nodiscard]] bool has_jpeg() noexcept;
[[nodiscard]] bool has_png() noexcept;

// Writes a binary PPM (P6).
[[nodiscard]] Result<void> write_ppm(const std::filesystem::path& file, const Image& image);

}  // namespace sample
