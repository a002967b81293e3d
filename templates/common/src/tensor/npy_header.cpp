#include "tensor/npy_header.hpp"

#include <array>
#include <cstring>
#include <limits>
#include <string_view>

namespace {= name =}::detail {
namespace {

constexpr std::string_view kMagic{"\x93NUMPY", 6};
constexpr std::size_t kMaxHeader = std::size_t{1} << 20;

struct NpyType {
  std::string_view kind;  // kind and size, without the byte order
  DType dtype;
};

constexpr std::array<NpyType, 9> kTypes{{
    {"f4", DType::float32},
    {"f8", DType::float64},
    {"f2", DType::float16},
    {"i1", DType::int8},
    {"u1", DType::uint8},
    {"i2", DType::int16},
    {"i4", DType::int32},
    {"i8", DType::int64},
    {"b1", DType::boolean},
}};

Error bad_header(const std::string& what) { return Error{ErrorCode::bad_file, "bad .npy header: " + what}; }

// Text out of a file for a message: short and printable, whatever the file holds.
std::string quoted(const std::string& text) {
  constexpr std::size_t kMaxLength = 40;
  std::string result = "'";
  for (const char c : text.substr(0, kMaxLength)) {
    result += c >= ' ' && c <= '~' ? c : '?';
  }
  return result + (text.size() > kMaxLength ? "...'" : "'");
}

Result<DType> dtype_of_descr(const std::string& descr) {
  std::string_view kind = descr;
  char order = '=';
  if (!kind.empty() && std::string_view("<>=|").find(kind.front()) != std::string_view::npos) {
    order = kind.front();
    kind.remove_prefix(1);
  }
  for (const NpyType& type : kTypes) {
    if (type.kind == kind) {
      if (order == '>' && size_of(type.dtype) > 1) {
        return Error{ErrorCode::unsupported, "dtype " + quoted(descr) + " is big-endian; save it little-endian"};
      }
      return type.dtype;
    }
  }
  return Error{
      ErrorCode::unsupported, "dtype " + quoted(descr) + " is not supported (only b1 i1 u1 i2 i4 i8 f2 f4 f8)"};
}

// Reads the Python dictionary that a .npy header is: three keys, with a string, a bool and a tuple.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  Result<NpyHeader> parse() {
    if (!take('{')) {
      return bad_header("no dictionary");
    }
    while (!take('}')) {
      std::string key;
      if (!take_string(key) || !take(':')) {
        return bad_header("a key is missing");
      }
      if (const Result<void> read = take_value(key); !read) {
        return read.error();
      }
      if (!take(',') && peek() != '}') {
        return bad_header("a comma is missing");
      }
    }
    if (peek() != '\0' || at_ < text_.size()) {
      return bad_header("there is more than a dictionary");
    }
    if (!has_descr_ || !has_order_ || !has_shape_) {
      return bad_header("descr, fortran_order or shape is missing");
    }
    return header_;
  }

 private:
  Result<void> take_value(const std::string& key) {
    if (key == "descr") {
      std::string descr;
      if (!take_string(descr)) {
        return Error{ErrorCode::unsupported, "a structured dtype is not supported"};
      }
      const Result<DType> dtype = dtype_of_descr(descr);
      if (!dtype) {
        return dtype.error();
      }
      header_.dtype = *dtype;
      has_descr_ = true;
      return {};
    }
    if (key == "fortran_order") {
      if (take_word("True")) {
        return Error{ErrorCode::unsupported, "Fortran order is not supported; save numpy.ascontiguousarray(x)"};
      }
      has_order_ = take_word("False");
      return has_order_ ? Result<void>{} : bad_header("fortran_order is not a bool");
    }
    if (key == "shape") {
      return take_shape();
    }
    return bad_header("unknown key " + quoted(key));
  }

  Result<void> take_shape() {
    if (!take('(')) {
      return bad_header("shape is not a tuple");
    }
    Dims dims;
    while (!take(')')) {
      std::int64_t size = 0;
      if (!take_number(size)) {
        return bad_header("a size in shape is not a number");
      }
      if (!dims.push_back(size)) {
        return Error{ErrorCode::unsupported, "more than " + std::to_string(Dims::kMaxRank) + " dimensions"};
      }
      if (!take(',') && peek() != ')') {
        return bad_header("a comma is missing in shape");
      }
    }
    header_.dims = dims;
    has_shape_ = true;
    return {};
  }

  bool take_number(std::int64_t& value) {
    skip_spaces();
    const std::size_t start = at_;
    value = 0;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      const int digit = text_[at_] - '0';
      if (value > (std::numeric_limits<std::int64_t>::max() - digit) / 10) {
        return false;
      }
      value = value * 10 + digit;
      ++at_;
    }
    if (at_ == start) {
      return false;
    }
    if (at_ < text_.size() && text_[at_] == 'L') {  // Python 2
      ++at_;
    }
    return true;
  }

  bool take_string(std::string& value) {
    const char quote = peek();
    if (quote != '\'' && quote != '"') {
      return false;
    }
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) {
      return false;
    }
    value = std::string(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return true;
  }

  bool take_word(std::string_view word) {
    skip_spaces();
    if (text_.substr(at_, word.size()) != word) {
      return false;
    }
    at_ += word.size();
    return true;
  }

  bool take(char c) {
    if (peek() != c) {
      return false;
    }
    ++at_;
    return true;
  }

  // The next character that is no space; NUL, which no header holds, at the end.
  char peek() {
    skip_spaces();
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  void skip_spaces() {
    while (
        at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  NpyHeader header_;
  bool has_descr_ = false;
  bool has_order_ = false;
  bool has_shape_ = false;
};

std::string descr_of(DType dtype) {
  if (dtype == DType::bfloat16) {
    return "<u2";  // NumPy has no bfloat16: the bit patterns
  }
  for (const NpyType& type : kTypes) {
    if (type.dtype == dtype) {
      return (size_of(dtype) == 1 ? "|" : "<") + std::string(type.kind);
    }
  }
  return {};
}

}  // namespace

bool is_npy(const std::uint8_t* bytes, std::size_t size) noexcept {
  return size >= kMagic.size() && std::memcmp(bytes, kMagic.data(), kMagic.size()) == 0;
}

Result<std::size_t> npy_header_end(const std::uint8_t* bytes, std::size_t size) {
  if (!is_npy(bytes, size)) {
    return Error{ErrorCode::bad_file, "not a .npy file"};
  }
  if (size < kNpyPrefix) {
    return Error{ErrorCode::bad_file, "truncated .npy header"};
  }
  const int version = bytes[6];
  if (version < 1 || version > 3) {
    return Error{ErrorCode::unsupported, ".npy format " + std::to_string(version) + " is not supported (1 to 3 are)"};
  }
  std::size_t length = bytes[8] | static_cast<std::size_t>(bytes[9]) << 8;
  if (version > 1) {
    length |= static_cast<std::size_t>(bytes[10]) << 16 | static_cast<std::size_t>(bytes[11]) << 24;
  }
  if (length > kMaxHeader) {
    return bad_header("it claims " + std::to_string(length) + " bytes");
  }
  return (version == 1 ? std::size_t{10} : std::size_t{12}) + length;
}

Result<NpyHeader> parse_npy_header(const std::uint8_t* bytes, std::size_t size) {
  const Result<std::size_t> end = npy_header_end(bytes, size);
  if (!end) {
    return end.error();
  }
  if (size < *end) {
    return Error{ErrorCode::bad_file, "truncated .npy header"};
  }
  const std::size_t start = bytes[6] == 1 ? 10 : 12;
  if (*end < start) {
    return bad_header("it is empty");
  }
  const std::string text(bytes + start, bytes + *end);
  Result<NpyHeader> header = HeaderParser(text).parse();
  if (!header) {
    return header;
  }
  const Result<std::size_t> data = tensor_bytes(header->dtype, header->dims);
  if (!data) {
    return data.error();
  }
  header->data_offset = *end;
  header->data_bytes = *data;
  return header;
}

std::string make_npy_header(DType dtype, const Dims& dims) {
  std::string text = "{'descr': '" + descr_of(dtype) + "', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < dims.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(dims[i]);
  }
  text += dims.size() == 1 ? ",), }" : "), }";
  constexpr std::size_t kPrefix = 10;
  text.append(63 - (kPrefix + text.size()) % 64, ' ');
  text += '\n';
  std::string header(kMagic);
  header += '\x01';
  header += '\x00';
  header += static_cast<char>(text.size() & 0xFFU);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

Result<std::size_t> tensor_bytes(DType dtype, const Dims& dims) {
  constexpr auto kMax = static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max());
  std::size_t bytes = size_of(dtype);
  bool empty = false;
  if (bytes == 0) {
    return Error{ErrorCode::invalid_argument, "there is no such element type"};
  }
  for (const std::int64_t size : dims) {
    if (size < 0) {
      return Error{ErrorCode::invalid_argument, "the size " + to_string(dims) + " is not fixed"};
    }
    const auto count = static_cast<std::uint64_t>(size);
    if (count == 0) {
      empty = true;
    } else if (bytes > kMax / count) {
      return Error{ErrorCode::bad_file, "the size " + to_string(dims) + " is beyond memory"};
    } else {
      bytes *= static_cast<std::size_t>(count);
    }
  }
  return empty ? 0 : bytes;
}

}  // namespace {= name =}::detail
