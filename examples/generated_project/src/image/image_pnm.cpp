// PGM and PPM, plain (P2, P3) and raw (P5, P6), scaled to 8 bits as Pillow does it.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "image/image_codecs.hpp"

namespace sample::detail {
namespace {

Error bad(const std::string& what) { return Error{ErrorCode::bad_file, "bad PPM: " + what}; }

bool is_space(std::uint8_t c) {
  return std::string_view(" \t\n\v\f\r").find(static_cast<char>(c)) != std::string_view::npos;
}

// Numbers between white space; a comment vanishes with the end of its line, and so joins what it parts.
class TokenReader {
 public:
  TokenReader(const std::uint8_t* bytes, std::size_t size, std::size_t at) : bytes_(bytes), size_(size), at_(at) {}

  // Takes one number and the white space that ends it; -1 where there is none.
  std::int64_t take() {
    constexpr int kMaxDigits = 10;
    std::int64_t value = 0;
    int digits = 0;
    while (at_ < size_) {
      const std::uint8_t c = bytes_[at_++];
      if (c == '#') {
        skip_comment();
      } else if (is_space(c)) {
        if (digits > 0) {
          return value;
        }
      } else if (c < '0' || c > '9' || ++digits > kMaxDigits) {
        return -1;
      } else {
        value = value * 10 + (c - '0');
      }
    }
    return digits > 0 ? value : -1;
  }

  [[nodiscard]] std::size_t position() const { return at_; }

 private:
  void skip_comment() {
    while (at_ < size_) {
      const std::uint8_t c = bytes_[at_++];
      if (c == '\n' || c == '\r') {
        return;
      }
    }
  }

  const std::uint8_t* bytes_;
  std::size_t size_;
  std::size_t at_;
};

// The 8-bit level of each stored value: value / maxval * 255, a half to the even neighbour as Python's round() has it.
// Pillow divides in double, which gives the same for every value of every maxval; integers do so under any of the
// compiler's flags. Grey above 8 bits becomes a wide integer in Pillow, which convert("RGB") clips instead of scaling.
std::vector<std::uint8_t> level_table(std::size_t entries, std::uint64_t maxval, bool grey) {
  const std::uint64_t top = grey && maxval > 255 ? 65535 : 255;
  std::vector<std::uint8_t> table(entries);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::uint64_t product = i * top;
    const std::uint64_t level = product / maxval;
    const std::uint64_t twice = 2 * (product % maxval);
    const bool up = twice > maxval || (twice == maxval && level % 2 != 0);
    table[i] = static_cast<std::uint8_t>(std::min<std::uint64_t>(level + (up ? 1 : 0), 255));
  }
  return table;
}

}  // namespace

Result<Image> decode_pnm(const std::uint8_t* bytes, std::size_t size, const DecodeOptions& options) {
  const char kind = static_cast<char>(bytes[1]);
  const bool grey = kind == '2' || kind == '5';
  const bool plain = kind == '2' || kind == '3';
  TokenReader tokens(bytes, size, 3);  // after "P6" and one white space
  const std::int64_t width = tokens.take();
  const std::int64_t height = tokens.take();
  const std::int64_t maxval = tokens.take();
  if (width < 0 || height < 0) {
    return bad("no size");
  }
  if (maxval < 1 || maxval > 65535) {
    return bad("the largest value is not between 1 and 65535");
  }
  const Result<void> checked = check_picture_size(
      static_cast<std::uint64_t>(width), static_cast<std::uint64_t>(height), options.max_pixels);
  if (!checked) {
    return checked.error();
  }
  const bool wide = maxval > 255;
  const std::uint64_t samples = static_cast<std::uint64_t>(width * height) * (grey ? 1U : 3U);
  const std::size_t start = tokens.position();
  // A plain value takes a digit and a space, but for the last.
  const std::uint64_t least = plain ? 2 * samples - 1 : samples * (wide ? 2U : 1U);
  if (size - start < least) {
    return bad("truncated");
  }

  Image image = make_image(static_cast<int>(width), static_cast<int>(height));
  const std::size_t entries = plain ? static_cast<std::size_t>(maxval) + 1 : (wide ? 65536 : 256);
  const std::vector<std::uint8_t> levels = level_table(entries, static_cast<std::uint64_t>(maxval), grey);
  const std::size_t copies = grey ? 3 : 1;
  const std::uint8_t* data = bytes + start;
  std::uint8_t* out = image.pixels.data();
  for (std::uint64_t i = 0; i < samples; ++i) {
    std::size_t value = 0;
    if (plain) {
      const std::int64_t token = tokens.take();
      if (token < 0 || token > maxval) {
        return bad(token < 0 ? "truncated, or not a number" : "a value is above the largest");
      }
      value = static_cast<std::size_t>(token);
    } else if (wide) {
      value = static_cast<std::size_t>(data[0]) << 8 | data[1];
      data += 2;
    } else {
      value = *data++;
    }
    for (std::size_t c = 0; c < copies; ++c) {
      *out++ = levels[value];
    }
  }
  return image;
}

}  // namespace sample::detail
