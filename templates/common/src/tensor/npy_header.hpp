// The header of a .npy file: parsing and writing, apart from any file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "{= name =}/result.hpp"
#include "{= name =}/tensor.hpp"

namespace {= name =}::detail {

struct NpyHeader {
  DType dtype = DType::float32;
  Dims dims;
  std::size_t data_offset = 0;  // from the start of the file
  std::size_t data_bytes = 0;
};

// Bytes that hold magic, version and header length; what npy_header_end needs.
inline constexpr std::size_t kNpyPrefix = 12;

// Whether the bytes start as a .npy file does.
[[nodiscard]] bool is_npy(const std::uint8_t* bytes, std::size_t size) noexcept;

// Where the data starts, told by the first bytes of a file.
[[nodiscard]] Result<std::size_t> npy_header_end(const std::uint8_t* bytes, std::size_t size);

// Parses a header; `size` must reach to its end, the data is not looked at.
[[nodiscard]] Result<NpyHeader> parse_npy_header(const std::uint8_t* bytes, std::size_t size);

// The bytes before the data, padded to a multiple of 64 as NumPy does.
[[nodiscard]] std::string make_npy_header(DType dtype, const Dims& dims);

// Product of the sizes and the element's size, where it is one that memory can hold.
[[nodiscard]] Result<std::size_t> tensor_bytes(DType dtype, const Dims& dims);

}  // namespace {= name =}::detail
