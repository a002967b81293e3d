#include "image/image_codecs.hpp"

#if defined(SAMPLE_HAVE_JPEG)
#include <csetjmp>
#include <cstdio>  // jpeglib.h needs it before

#include <jpeglib.h>

#include <algorithm>
#include <limits>
#include <vector>
#endif

namespace sample {

bool has_jpeg() noexcept {
#if defined(SAMPLE_HAVE_JPEG)
  return true;
#else
  return false;
#endif
}

}  // namespace sample

namespace sample::detail {

#if defined(SAMPLE_HAVE_JPEG)
namespace {

// Everything that libjpeg works on. Its errors leave by longjmp, which runs no destructors: each function
// that calls setjmp holds nothing but plain values, and what needs a destructor lives in its caller.
struct Decoder {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_source_mgr source{};
  jpeg_progress_mgr progress{};
  int max_scans = 0;
  std::jmp_buf on_error{};
  char message[JMSG_LENGTH_MAX] = "";
  bool truncated = false;
  bool too_many_scans = false;

  Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { jpeg_destroy_decompress(&info); }
};

extern "C" {

[[noreturn]] static void leave(j_common_ptr info) {
  auto* decoder = static_cast<Decoder*>(info->client_data);
  info->err->format_message(info, decoder->message);
  std::longjmp(decoder->on_error, 1);
}

static void ignore_message(j_common_ptr /*info*/) {}
static void ignore_source(j_decompress_ptr /*info*/) {}

// The whole file is in memory, so there is never more: the call that needs it reports suspension. (The
// library's own memory source would make up an end marker, and turn a truncated file into a grey one.)
static boolean no_more_input(j_decompress_ptr /*info*/) { return FALSE; }

static void skip_input(j_decompress_ptr info, long count) {
  if (count > 0) {
    const auto wanted = static_cast<std::size_t>(count);
    const std::size_t skipped = wanted < info->src->bytes_in_buffer ? wanted : info->src->bytes_in_buffer;
    info->src->next_input_byte += skipped;
    info->src->bytes_in_buffer -= skipped;
  }
}

// Called now and then. Each scan is a pass over the whole picture, and takes no more than a few bytes of the file.
static void count_scans(j_common_ptr info) {
  auto* decoder = static_cast<Decoder*>(info->client_data);
  if (decoder->info.input_scan_number > decoder->max_scans) {
    decoder->too_many_scans = true;
    std::longjmp(decoder->on_error, 1);
  }
}

}  // extern "C"

// What libjpeg may take: two bytes for each sample of four, which a file of several scans needs, and what their blocks
// reach beyond the picture.
long memory_limit(const DecodeOptions& options) {
  constexpr long kMost = std::numeric_limits<long>::max();
  constexpr long kMore = 256L << 20U;
  const std::int64_t pixels = std::max<std::int64_t>(options.max_pixels, 0);
  return pixels > (kMost - kMore) / 8 ? kMost : static_cast<long>(pixels) * 8 + kMore;
}

// Up to the first scan; false: see message and truncated.
bool read_header(Decoder& decoder, const std::uint8_t* bytes, std::size_t size, const DecodeOptions& options) {
  jpeg_decompress_struct& info = decoder.info;
  info.err = jpeg_std_error(&decoder.errors);
  info.client_data = &decoder;
  decoder.errors.error_exit = leave;
  decoder.errors.output_message = ignore_message;
  if (setjmp(decoder.on_error) != 0) {
    return false;
  }
  jpeg_create_decompress(&info);
  info.mem->max_memory_to_use = memory_limit(options);
  decoder.max_scans = options.max_scans;
  decoder.progress.progress_monitor = count_scans;
  info.progress = &decoder.progress;
  decoder.source.next_input_byte = bytes;
  decoder.source.bytes_in_buffer = size;
  decoder.source.init_source = ignore_source;
  decoder.source.fill_input_buffer = no_more_input;
  decoder.source.skip_input_data = skip_input;
  decoder.source.resync_to_restart = jpeg_resync_to_restart;
  decoder.source.term_source = ignore_source;
  info.src = &decoder.source;
  for (;;) {
    const int found = jpeg_read_header(&info, FALSE);
    if (found == JPEG_HEADER_OK) {
      return true;
    }
    if (found == JPEG_SUSPENDED) {
      decoder.truncated = true;
      return false;
    }
  }
}

// Divisors of the size. libjpeg knows every eighth, but only for these has libjpeg-turbo vector code.
constexpr unsigned kScales[] = {8, 4, 2};

// The largest divisor at which the decoded picture holds what is wanted, by the rule of PIL.Image.draft().
unsigned scale_for(const jpeg_decompress_struct& info, const DecodeOptions& options) {
  const auto wanted = [](int a, int b) {
    return static_cast<std::uint64_t>(a > b ? (a > 0 ? a : 0) : (b > 0 ? b : 0));
  };
  const std::uint64_t width = wanted(options.least_width, options.least_shorter);
  const std::uint64_t height = wanted(options.least_height, options.least_shorter);
  if (width == 0 && height == 0) {
    return 1;
  }
  for (const unsigned scale : kScales) {
    if (info.image_width >= scale * width && info.image_height >= scale * height) {
      return scale;
    }
  }
  return 1;
}

// Whether a file of `size` bytes can hold the picture: Huffman codes take a bit for each block, at least. (Arithmetic
// codes have no such bound.)
bool can_hold_blocks(const jpeg_decompress_struct& info, std::size_t size) {
  if (info.arith_code != FALSE) {
    return true;
  }
  std::uint64_t blocks = 0;
  for (int i = 0; i < info.num_components; ++i) {
    const jpeg_component_info& component = info.comp_info[i];
    const auto along = [](std::uint64_t pixels, int sampling, int most) {
      return (pixels * static_cast<unsigned>(sampling) + 8U * static_cast<unsigned>(most) - 1) /
          (8U * static_cast<unsigned>(most));
    };
    blocks += along(info.image_width, component.h_samp_factor, info.max_h_samp_factor) *
        along(info.image_height, component.v_samp_factor, info.max_v_samp_factor);
  }
  return blocks / 8 <= size;
}

// Tells the size that the picture is decoded to, in info.output_width and info.output_height.
bool choose_output(Decoder& decoder, const DecodeOptions& options) {
  jpeg_decompress_struct& info = decoder.info;
  if (setjmp(decoder.on_error) != 0) {
    return false;
  }
  info.out_color_space = info.num_components == 4 ? JCS_CMYK : JCS_RGB;
  info.scale_num = 1;
  info.scale_denom = scale_for(info, options);
  jpeg_calc_output_dimensions(&info);
  return true;
}

// a * b / 255, rounded; exact for bytes.
int multiply_255(int a, int b) {
  const int product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

// Pillow takes every CMYK JPEG for inverted, as Adobe writes it.
void cmyk_to_rgb(const std::uint8_t* cmyk, std::size_t count, std::uint8_t* rgb) {
  for (std::size_t i = 0; i < count; ++i, cmyk += 4, rgb += 3) {
    const int light = cmyk[3];
    for (std::size_t c = 0; c < 3; ++c) {
      rgb[c] = static_cast<std::uint8_t>(light - multiply_255(255 - cmyk[c], light));
    }
  }
}

// Decodes all rows, each `stride` bytes after the last. `cmyk`: room for one row, where that is what is stored.
bool read_rows(Decoder& decoder, std::uint8_t* pixels, std::size_t stride, std::uint8_t* cmyk) {
  jpeg_decompress_struct& info = decoder.info;
  if (setjmp(decoder.on_error) != 0) {
    return false;
  }
  if (jpeg_start_decompress(&info) == FALSE) {
    decoder.truncated = true;
    return false;
  }
  while (info.output_scanline < info.output_height) {
    std::uint8_t* rgb = pixels + info.output_scanline * stride;
    JSAMPROW row = cmyk != nullptr ? cmyk : rgb;
    if (jpeg_read_scanlines(&info, &row, 1) != 1) {
      decoder.truncated = true;
      return false;
    }
    if (cmyk != nullptr) {
      cmyk_to_rgb(cmyk, info.output_width, rgb);
    }
  }
  // Damage behind the last row is an error for Pillow; a missing end marker, which suspends this, is none.
  (void)jpeg_finish_decompress(&info);
  return true;
}

Error failure(const Decoder& decoder) {
  if (decoder.too_many_scans) {
    return Error{ErrorCode::unsupported,
        "the JPEG has more than " + std::to_string(decoder.max_scans) +
            " scans, which DecodeOptions::max_scans allows: each costs the time of a picture"};
  }
  return Error{ErrorCode::bad_file, decoder.truncated ? "truncated JPEG" : "bad JPEG: " + std::string(decoder.message)};
}

}  // namespace

Result<void> decode_jpeg(const std::uint8_t* bytes, std::size_t size, const DecodeOptions& options, Image& image) {
  Decoder decoder;
  if (!read_header(decoder, bytes, size, options)) {
    return failure(decoder);
  }
  const jpeg_decompress_struct& info = decoder.info;
  if (info.data_precision != 8) {
    return Error{ErrorCode::unsupported, "a JPEG of " + std::to_string(info.data_precision) + " bits is not supported"};
  }
  if (info.num_components != 1 && info.num_components != 3 && info.num_components != 4) {
    const std::string count = std::to_string(info.num_components);
    return Error{ErrorCode::unsupported, "a JPEG of " + count + " components is not supported"};
  }
  if (const Result<void> checked = check_picture_size(info.image_width, info.image_height, options.max_pixels);
      !checked) {
    return checked.error();
  }
  if (!can_hold_blocks(info, size)) {
    return Error{ErrorCode::bad_file,
        "truncated JPEG: " + std::to_string(size) + " bytes cannot hold " + std::to_string(info.image_width) + "x" +
            std::to_string(info.image_height) + " pixels"};
  }
  if (!choose_output(decoder, options)) {
    return failure(decoder);
  }
  resize_image(static_cast<int>(info.output_width), static_cast<int>(info.output_height), image);
  std::vector<std::uint8_t> cmyk(info.num_components == 4 ? std::size_t{info.output_width} * 4 : 0);
  if (!read_rows(
          decoder, image.pixels.data(), std::size_t{info.output_width} * 3, cmyk.empty() ? nullptr : cmyk.data())) {
    return failure(decoder);
  }
  return {};
}

#else

Result<void> decode_jpeg(
    const std::uint8_t* /*bytes*/, std::size_t /*size*/, const DecodeOptions& /*options*/, Image& /*image*/) {
  return Error{ErrorCode::unsupported,
      "this build cannot decode JPEG: install libjpeg-turbo's development package "
      "(e.g. apt install libjpeg-dev libpng-dev) and configure again"};
}

#endif

}  // namespace sample::detail
