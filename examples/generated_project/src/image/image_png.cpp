#include "image/image_codecs.hpp"

#if defined(SAMPLE_HAVE_PNG)
#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstring>
#endif

namespace sample {

bool has_png() noexcept {
#if defined(SAMPLE_HAVE_PNG)
  return true;
#else
  return false;
#endif
}

}  // namespace sample

namespace sample::detail {

#if defined(SAMPLE_HAVE_PNG)
namespace {

constexpr const char* kTruncated = "truncated PNG";

// The file as libpng gets it: the signature and the chunks that pixels are made of. All others are passed over here,
// whatever length they claim: libpng would make room for their content, and unpack some of it.
class ChunkReader {
 public:
  // `bytes` begin with the signature.
  ChunkReader(const std::uint8_t* bytes, std::size_t size) : file_(bytes), left_(size) {
    std::memcpy(head_.data(), file_, kHead);
    skip(kHead);
    end_ = kHead;
  }

  // The next `count` bytes for libpng; false where there are not as many.
  bool read(std::uint8_t* out, std::size_t count) {
    while (count > 0) {
      if (at_ == end_) {
        if (!next()) {
          return false;
        }
        continue;
      }
      const std::size_t data_end = kHead + length_;
      const std::uint8_t* from = at_ < kHead
          ? head_.data() + at_
          : (at_ < data_end ? data_ + (at_ - kHead) : tail_.data() + (at_ - data_end));
      const std::size_t there = (at_ < kHead ? kHead : (at_ < data_end ? data_end : end_)) - at_;
      const std::size_t taken = std::min(count, there);
      std::memcpy(out, from, taken);
      out += taken;
      count -= taken;
      at_ += taken;
    }
    return true;
  }

  // Bytes of packed pixels in this chunk and behind it.
  [[nodiscard]] std::uint64_t packed_pixels() const {
    std::uint64_t bytes = pixels_ ? length_ : 0;
    for (ChunkReader ahead = *this; ahead.next();) {
      bytes += ahead.pixels_ ? ahead.length_ : 0;
    }
    return bytes;
  }

 private:
  static constexpr std::size_t kHead = 8;  // of a chunk: its length and its name
  static constexpr std::size_t kTail = 4;  // its checksum

  void skip(std::size_t count) {
    file_ += count;
    left_ -= count;
  }

  // Goes to the next chunk that counts; false: there is none, or the file ends within it. Pixels may end with the
  // file: Pillow takes what is there.
  bool next() {
    while (left_ >= kHead) {
      std::memcpy(head_.data(), file_, kHead);
      const std::size_t claimed =
          std::size_t{head_[0]} << 24U | std::size_t{head_[1]} << 16U | std::size_t{head_[2]} << 8U | head_[3];
      const bool pixels = std::memcmp(head_.data() + 4, "IDAT", 4) == 0;
      const bool ends = claimed + kTail <= left_ - kHead;
      if (pixels_ ? !pixels : !(pixels || ends)) {
        return false;
      }
      skip(kHead);
      if (!pixels && (head_[4] & 0x20U) != 0) {  // a small letter: it can be done without
        skip(claimed + kTail);
        continue;
      }
      pixels_ = pixels;
      length_ = std::min(claimed, left_);
      for (unsigned i = 0; i < 4; ++i) {
        head_[i] = static_cast<std::uint8_t>(length_ >> (24U - 8U * i));
      }
      data_ = file_;
      skip(length_);
      tail_.fill(0);
      const std::size_t tail = std::min(left_, kTail);
      std::memcpy(tail_.data(), file_, tail);
      skip(tail);
      at_ = 0;
      end_ = kHead + length_ + kTail;
      return true;
    }
    return false;
  }

  const std::uint8_t* file_;
  std::size_t left_;
  std::array<std::uint8_t, kHead> head_{};
  std::array<std::uint8_t, kTail> tail_{};
  const std::uint8_t* data_ = nullptr;
  std::size_t length_ = 0;
  std::size_t at_ = 0;  // in head, data and tail, as one
  std::size_t end_ = 0;
  bool pixels_ = false;
};

// Everything that libpng works on. Its errors leave by longjmp, which runs no destructors: each function
// that calls setjmp holds nothing but plain values, and what needs a destructor lives in its caller.
struct Decoder {
  png_structp png = nullptr;
  png_infop info = nullptr;
  ChunkReader chunks;
  char message[128] = "out of memory";

  Decoder(const std::uint8_t* bytes, std::size_t size) : chunks(bytes, size) {}
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { png_destroy_read_struct(&png, &info, nullptr); }
};

// What libpng hands out: one of these, 8 bits a sample but for wide_grey.
enum class Layout {
  rgb,
  palette,    // one index a pixel
  wide_grey,  // 16 bits, big-endian
};

struct Header {
  png_uint_32 width = 0;
  png_uint_32 height = 0;
  unsigned bits = 1;  // of a stored pixel
  int depth = 0;
  int color = 0;
  bool interlaced = false;
  Layout layout = Layout::rgb;
  std::array<std::uint8_t, 768> palette{};  // an index beyond the file's palette is black
};

extern "C" {

[[noreturn]] static void leave(png_structp png, png_const_charp message) {
  auto* decoder = static_cast<Decoder*>(png_get_error_ptr(png));
  std::strncpy(decoder->message, message, sizeof(decoder->message) - 1);
  png_longjmp(png, 1);
}

static void ignore_warning(png_structp /*png*/, png_const_charp /*message*/) {}

static void read_bytes(png_structp png, png_bytep out, png_size_t count) {
  auto* decoder = static_cast<Decoder*>(png_get_io_ptr(png));
  if (!decoder->chunks.read(out, count)) {
    png_error(png, kTruncated);
  }
}

}  // extern "C"

bool read_header(Decoder& decoder, Header& header) {
  decoder.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &decoder, leave, ignore_warning);
  if (decoder.png == nullptr) {
    return false;
  }
  png_structp png = decoder.png;
  if (setjmp(png_jmpbuf(png)) != 0) {
    return false;
  }
  decoder.info = png_create_info_struct(png);
  if (decoder.info == nullptr) {
    return false;
  }
  png_set_read_fn(png, &decoder, read_bytes);
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // check_picture_size() has the say
  png_set_benign_errors(png, 1);
#if defined(PNG_MAXIMUM_INFLATE_WINDOW)
  png_set_option(png, PNG_MAXIMUM_INFLATE_WINDOW, PNG_OPTION_ON);  // some encoders understate it
#endif
  png_read_info(png, decoder.info);
  int depth = 0;
  int color = 0;
  int interlace = PNG_INTERLACE_NONE;
  png_get_IHDR(png, decoder.info, &header.width, &header.height, &depth, &color, &interlace, nullptr, nullptr);
  header.bits = static_cast<unsigned>(depth) * png_get_channels(png, decoder.info);
  // Pillow does not look at the checksums of the pixels' chunks.
  png_set_crc_action(png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
  header.depth = depth;
  header.color = color;
  header.interlaced = interlace != PNG_INTERLACE_NONE;
  return true;
}

// Chooses the layout. libpng allocates rows here, so the size has to have been checked.
bool prepare_rows(Decoder& decoder, Header& header) {
  png_structp png = decoder.png;
  const int depth = header.depth;
  const int color = header.color;
  if (setjmp(png_jmpbuf(png)) != 0) {
    return false;
  }
  // The samples as Pillow's convert("RGB") makes them: alpha, transparency and gamma play no part.
  if (color == PNG_COLOR_TYPE_PALETTE) {
    header.layout = Layout::palette;
    png_set_packing(png);
#if defined(PNG_READ_CHECK_FOR_INVALID_INDEX_SUPPORTED)
    png_set_check_for_invalid_index(png, 0);
#endif
    png_colorp colors = nullptr;
    int count = 0;
    png_get_PLTE(png, decoder.info, &colors, &count);
    for (int i = 0; i < count && i < 256; ++i) {
      std::uint8_t* entry = header.palette.data() + 3 * i;
      entry[0] = colors[i].red;
      entry[1] = colors[i].green;
      entry[2] = colors[i].blue;
    }
  } else if (color == PNG_COLOR_TYPE_GRAY && depth == 16) {
    header.layout = Layout::wide_grey;
  } else {
    if (depth == 16) {
      png_set_strip_16(png);  // the high byte
    } else if (depth < 8) {
      png_set_expand_gray_1_2_4_to_8(png);
    }
    png_set_strip_alpha(png);
    if ((color & PNG_COLOR_MASK_COLOR) == 0) {
      png_set_gray_to_rgb(png);
    }
  }
  png_set_interlace_handling(png);
  png_read_update_info(png, decoder.info);
  return true;
}

// Each row is `stride` bytes after the last. An interlaced picture is gone through several times.
bool read_rows(Decoder& decoder, const Header& header, std::uint8_t* first, std::size_t stride) {
  if (setjmp(png_jmpbuf(decoder.png)) != 0) {
    return false;
  }
  const int passes = header.interlaced ? 7 : 1;
  for (int pass = 0; pass < passes; ++pass) {
    for (std::size_t y = 0; y < header.height; ++y) {
      png_read_row(decoder.png, first + y * stride, nullptr);
    }
  }
  return true;
}

// Samples per pixel that libpng writes: the rest of a row's 3 bytes a pixel is filled by expand_row().
std::size_t bytes_per_pixel(Layout layout) {
  switch (layout) {
    case Layout::rgb:
      return 3;
    case Layout::wide_grey:
      return 2;
    case Layout::palette:
      return 1;
  }
  return 3;
}

// Expands a row in place: its samples lie at the row's end, and no pixel is overwritten before it is read.
void expand_row(const Header& header, std::uint8_t* row) {
  const std::size_t width = header.width;
  const std::uint8_t* in = row + width * (3 - bytes_per_pixel(header.layout));
  std::uint8_t* out = row;
  for (std::size_t x = 0; x < width; ++x, out += 3) {
    if (header.layout == Layout::palette) {
      std::memcpy(out, header.palette.data() + 3 * std::size_t{*in++}, 3);
    } else {
      // Pillow keeps 16 bits here, and clips them instead of scaling.
      const std::uint8_t level = in[0] == 0 ? in[1] : std::uint8_t{255};
      in += 2;
      std::memset(out, level, 3);
    }
  }
}

Error failure(const Decoder& decoder) {
  const bool truncated = std::strcmp(decoder.message, kTruncated) == 0;
  return Error{ErrorCode::bad_file, truncated ? kTruncated : "bad PNG: " + std::string(decoder.message)};
}

// Bytes of the rows as they are packed: each begins with the number of its filter.
std::uint64_t row_bytes(const Header& header) {
  const auto rows_of = [&](std::uint64_t width, std::uint64_t height) {
    return width == 0 ? 0 : height * (1 + (width * header.bits + 7) / 8);
  };
  if (!header.interlaced) {
    return rows_of(header.width, header.height);
  }
  // Adam7: each pass has every dx-th pixel of every dy-th row, from x0 and y0 on.
  constexpr struct {
    unsigned x0, y0, dx, dy;
  } kPasses[] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
  std::uint64_t bytes = 0;
  for (const auto& pass : kPasses) {
    bytes += rows_of((std::uint64_t{header.width} + pass.dx - 1 - pass.x0) / pass.dx,
        (std::uint64_t{header.height} + pass.dy - 1 - pass.y0) / pass.dy);
  }
  return bytes;
}

// Deflate packs at most 1032 to 1: less data than that cannot hold the rows.
bool can_hold_rows(const Decoder& decoder, const Header& header) {
  return row_bytes(header) / 1032 <= decoder.chunks.packed_pixels();
}

}  // namespace

Result<Image> decode_png(const std::uint8_t* bytes, std::size_t size, const DecodeOptions& options) {
  Decoder decoder(bytes, size);
  Header header;
  if (!read_header(decoder, header)) {
    return failure(decoder);
  }
  if (const Result<void> checked = check_picture_size(header.width, header.height, options.max_pixels); !checked) {
    return checked.error();
  }
  if (!can_hold_rows(decoder, header)) {
    return Error{ErrorCode::bad_file, kTruncated};
  }
  if (!prepare_rows(decoder, header)) {
    return failure(decoder);
  }
  Image image = make_image(static_cast<int>(header.width), static_cast<int>(header.height));
  const std::size_t stride = std::size_t{header.width} * 3;
  const std::size_t offset = std::size_t{header.width} * (3 - bytes_per_pixel(header.layout));
  if (!read_rows(decoder, header, image.pixels.data() + offset, stride)) {
    return failure(decoder);
  }
  for (std::size_t y = 0; y < header.height && header.layout != Layout::rgb; ++y) {
    expand_row(header, image.pixels.data() + y * stride);
  }
  return image;
}

#else

Result<Image> decode_png(const std::uint8_t* /*bytes*/, std::size_t /*size*/, const DecodeOptions& /*options*/) {
  return Error{ErrorCode::unsupported,
      "this build cannot decode PNG: install libpng's development package "
      "(e.g. apt install libjpeg-dev libpng-dev) and configure again"};
}

#endif

}  // namespace sample::detail
