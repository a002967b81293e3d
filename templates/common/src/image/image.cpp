#include "{= name =}/image.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <fstream>
#include <limits>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "assets/input_file.hpp"
#include "assets/path_text.hpp"
#include "image/image_codecs.hpp"
#include "tensor/npy_header.hpp"

namespace {= name =} {
namespace {

constexpr std::string_view kJpegMagic{"\xff\xd8\xff", 3};
constexpr std::string_view kPngMagic{"\x89PNG\r\n\x1a\n", 8};

bool starts_with(const std::uint8_t* bytes, std::size_t size, std::string_view magic) {
  return size >= magic.size() && std::memcmp(bytes, magic.data(), magic.size()) == 0;
}

bool contains(std::string_view set, std::uint8_t c) { return set.find(static_cast<char>(c)) != std::string_view::npos; }

bool is_pnm(const std::uint8_t* bytes, std::size_t size) {
  return size >= 3 && bytes[0] == 'P' && contains("2356", bytes[1]) && contains(" \t\n\v\f\r", bytes[2]);
}

Error no_picture(std::size_t size) {
  return Error{ErrorCode::bad_file, size == 0 ? "the file is empty" : "not a JPEG, PNG, PPM or .npy picture"};
}

Result<void> check_file_size(std::uint64_t size, const DecodeOptions& options) {
  if (size > options.max_bytes) {
    return Error{ErrorCode::unsupported,
        "the file has " + std::to_string(size) + " bytes; the limit is " + std::to_string(options.max_bytes) +
            ", which DecodeOptions::max_bytes sets"};
  }
  return {};
}

// A picture saved by numpy.save: uint8, HxWx3 or HxW (grey).
Result<Image> decode_npy(const std::uint8_t* bytes, std::size_t size, const DecodeOptions& options) {
  const Result<detail::NpyHeader> header = detail::parse_npy_header(bytes, size);
  if (!header) {
    return header.error();
  }
  const Dims& dims = header->dims;
  const bool grey = dims.size() == 2;
  if (header->dtype != DType::uint8 || !(grey || (dims.size() == 3 && dims[2] == 3))) {
    const std::string found = std::string(to_string(header->dtype)) + " " + to_string(dims);
    return Error{ErrorCode::bad_file, "a .npy picture is uint8 and HxWx3 or HxW, not " + found};
  }
  const auto height = static_cast<std::uint64_t>(dims[0]);
  const auto width = static_cast<std::uint64_t>(dims[1]);
  if (const Result<void> checked = detail::check_picture_size(width, height, options.max_pixels); !checked) {
    return checked.error();
  }
  if (size - header->data_offset < header->data_bytes) {
    return Error{ErrorCode::bad_file, "truncated .npy picture"};
  }
  Image image = detail::make_image(static_cast<int>(width), static_cast<int>(height));
  const std::uint8_t* data = bytes + header->data_offset;
  if (!grey) {
    std::memcpy(image.pixels.data(), data, image.pixels.size());
    return image;
  }
  std::uint8_t* pixel = image.pixels.data();
  for (std::size_t i = 0; i < header->data_bytes; ++i, pixel += 3) {
    std::memset(pixel, data[i], 3);
  }
  return image;
}

// What is not a JPEG.
Result<Image> decode_other(const std::uint8_t* bytes, std::size_t size, const DecodeOptions& options) {
  if (starts_with(bytes, size, kPngMagic)) {
    return detail::decode_png(bytes, size, options);
  }
  if (is_pnm(bytes, size)) {
    return detail::decode_pnm(bytes, size, options);
  }
  if (detail::is_npy(bytes, size)) {
    return decode_npy(bytes, size, options);
  }
  return no_picture(size);
}

Result<void> decode(const std::uint8_t* bytes, std::size_t size, const DecodeOptions& options, Image& image) {
  if (const Result<void> checked = check_file_size(size, options); !checked) {
    return checked;
  }
  if (starts_with(bytes, size, kJpegMagic)) {
    return detail::decode_jpeg(bytes, size, options, image);
  }
  Result<Image> decoded = decode_other(bytes, size, options);
  if (!decoded) {
    return decoded.error();
  }
  image = std::move(decoded).value();
  return {};
}

// The same without exceptions.
Result<void> guarded_decode(const std::uint8_t* bytes, std::size_t size, const DecodeOptions& options, Image& image) {
  if (bytes == nullptr && size > 0) {
    return Error{ErrorCode::invalid_argument, "a null pointer was given for the bytes of a picture"};
  }
  try {
    return decode(bytes, size, options, image);
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::unsupported, "not enough memory for this picture"};
  } catch (const std::exception& e) {
    return Error{ErrorCode::bad_file, e.what()};
  }
}

Error in_file(const std::filesystem::path& file, ErrorCode code, const std::string& what) {
  return Error{code, path_text(file) + ": " + what};
}

Error in_file(const std::filesystem::path& file, const Error& error) {
  return in_file(file, error.code, error.message);
}

// Whether a file that begins like this may be a picture: nothing else is read whole.
bool begins_a_picture(const std::uint8_t* bytes, std::size_t size) {
  return starts_with(bytes, size, kJpegMagic) || starts_with(bytes, size, kPngMagic) || is_pnm(bytes, size) ||
      detail::is_npy(bytes, size);
}

Result<void> load(const std::filesystem::path& file, const DecodeOptions& options, Image& image) {
  InputFile in;
  const Result<std::uint64_t> size = in.open(file);
  if (!size) {
    return in_file(file, size.error());
  }
  std::array<std::uint8_t, 16> head{};
  const auto head_size = static_cast<std::size_t>(std::min<std::uint64_t>(*size, head.size()));
  in.read(reinterpret_cast<char*>(head.data()), static_cast<std::streamsize>(head_size));
  if (!begins_a_picture(head.data(), head_size)) {
    return in_file(file, no_picture(head_size));
  }
  if (const Result<void> checked = check_file_size(*size, options); !checked) {
    return in_file(file, checked.error());
  }
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(*size));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (static_cast<std::uint64_t>(in.gcount()) != *size) {
    return in_file(file, Error{ErrorCode::io, "reading failed: the file became shorter meanwhile, or its disk failed"});
  }
  const Result<void> decoded = guarded_decode(bytes.data(), bytes.size(), options, image);
  return decoded ? Result<void>{} : in_file(file, decoded.error());
}

Result<void> save(const std::filesystem::path& file, const Image& image) {
  const auto width = static_cast<std::uint64_t>(image.width);  // a negative one comes out far too large
  const auto height = static_cast<std::uint64_t>(image.height);
  if (const Result<void> checked = detail::check_picture_size(width, height, std::numeric_limits<int>::max());
      !checked) {
    return in_file(file, ErrorCode::invalid_argument, checked.error().message);
  }
  if (image.pixels.size() != width * height * 3) {
    return in_file(file, ErrorCode::invalid_argument, "the picture's pixels do not match its size");
  }
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  if (!out) {
    return in_file(file, ErrorCode::io, "cannot be written");
  }
  out << "P6\n"
      << std::to_string(image.width) << ' ' << std::to_string(image.height) << "\n255\n";
  out.write(reinterpret_cast<const char*>(image.pixels.data()), static_cast<std::streamsize>(image.pixels.size()));
  out.close();
  return out ? Result<void>{} : in_file(file, ErrorCode::io, "writing failed");
}

}  // namespace

Result<Image> decode_image(const std::uint8_t* bytes, std::size_t size, const DecodeOptions& options) {
  Image image;
  const Result<void> decoded = guarded_decode(bytes, size, options, image);
  return decoded ? Result<Image>(std::move(image)) : Result<Image>(decoded.error());
}

Result<Image> read_image(const std::filesystem::path& file, const DecodeOptions& options) {
  Image image;
  const Result<void> read = read_image(file, options, image);
  return read ? Result<Image>(std::move(image)) : Result<Image>(read.error());
}

Result<void> read_image(const std::filesystem::path& file, const DecodeOptions& options, Image& image) {
  Result<void> read = [&]() -> Result<void> {
    try {
      return load(file, options, image);
    } catch (const std::bad_alloc&) {
      return in_file(file, ErrorCode::unsupported, "not enough memory for this picture");
    } catch (const std::exception& e) {
      return in_file(file, ErrorCode::io, e.what());
    }
  }();
  if (!read) {  // neither the picture before nor half of this one
    image.width = 0;
    image.height = 0;
    image.pixels.clear();
  }
  return read;
}

Result<void> write_ppm(const std::filesystem::path& file, const Image& image) {
  try {
    return save(file, image);
  } catch (const std::exception& e) {
    return in_file(file, ErrorCode::io, e.what());
  }
}

namespace detail {

Result<void> check_picture_size(std::uint64_t width, std::uint64_t height, std::int64_t max_pixels) {
  if (width == 0 || height == 0) {
    return Error{ErrorCode::bad_file, "the picture is empty"};
  }
  // The sides are ints, and a picture's bytes a difference of pointers.
  constexpr std::uint64_t kMaxSide = std::numeric_limits<int>::max();
  constexpr std::uint64_t kMaxArea = static_cast<std::uint64_t>(std::numeric_limits<std::ptrdiff_t>::max()) / 4;
  const std::uint64_t limit = std::min(max_pixels > 0 ? static_cast<std::uint64_t>(max_pixels) : 0, kMaxArea);
  if (width > kMaxSide || height > kMaxSide || width * height > limit) {
    return Error{ErrorCode::unsupported,
        "the picture claims " + std::to_string(width) + "x" + std::to_string(height) + " pixels; the limit is " +
            std::to_string(limit) + " in all, which --max-pixels and DecodeOptions::max_pixels set"};
  }
  return {};
}

Image make_image(int width, int height) {
  Image image;
  resize_image(width, height, image);
  return image;
}

void resize_image(int width, int height, Image& image) {
  image.width = width;
  image.height = height;
  image.pixels.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
}

}  // namespace detail
}  // namespace {= name =}
