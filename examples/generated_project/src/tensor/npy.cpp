#include "sample/npy.hpp"

#include <cstdint>
#include <exception>
#include <fstream>
#include <string>
#include <vector>

#include "assets/input_file.hpp"
#include "assets/path_text.hpp"
#include "tensor/npy_header.hpp"

// Elements are copied as they lie in memory: this code is for little-endian machines, as every
// backend is.

namespace sample {
namespace {

Error in_file(const std::filesystem::path& file, ErrorCode code, const std::string& what) {
  return Error{code, path_text(file) + ": " + what};
}

Error in_file(const std::filesystem::path& file, const Error& error) {
  return in_file(file, error.code, error.message);
}

bool read_exactly(std::istream& in, void* data, std::size_t bytes) {
  in.read(static_cast<char*>(data), static_cast<std::streamsize>(bytes));
  return in.good() || bytes == 0;
}

// Opens a file for reading and tells its size.
Result<std::uint64_t> open(const std::filesystem::path& file, InputFile& in) {
  const Result<std::uint64_t> size = in.open(file);
  return size ? size : Result<std::uint64_t>(in_file(file, size.error()));
}

// Reads the elements into a fresh tensor.
Result<Tensor> read_elements(const std::filesystem::path& file, std::istream& in, DType dtype, const Dims& dims) {
  Tensor tensor(dtype, dims);
  if (!read_exactly(in, tensor.data(), tensor.bytes())) {
    return in_file(file, ErrorCode::io, "reading failed");
  }
  if (dtype == DType::boolean) {  // any other byte in a bool would be undefined behaviour
    auto* bytes = static_cast<std::uint8_t*>(tensor.data());
    for (std::size_t i = 0; i < tensor.bytes(); ++i) {
      bytes[i] = bytes[i] != 0 ? 1 : 0;
    }
  }
  return tensor;
}

Result<Tensor> load_npy(const std::filesystem::path& file) {
  InputFile in;
  const Result<std::uint64_t> size = open(file, in);
  if (!size) {
    return size.error();
  }
  std::vector<std::uint8_t> head(detail::kNpyPrefix);
  in.read(reinterpret_cast<char*>(head.data()), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(in.gcount()));
  const Result<std::size_t> end = detail::npy_header_end(head.data(), head.size());
  if (!end) {
    return in_file(file, end.error());
  }
  if (*size < *end) {
    return in_file(file, ErrorCode::bad_file, "truncated .npy header");
  }
  head.resize(*end);
  in.clear();
  in.seekg(0);
  if (!read_exactly(in, head.data(), head.size())) {
    return in_file(file, ErrorCode::bad_file, "truncated .npy header");
  }
  const Result<detail::NpyHeader> header = detail::parse_npy_header(head.data(), head.size());
  if (!header) {
    return in_file(file, header.error());
  }
  if (*size - *end < header->data_bytes) {
    return in_file(file, ErrorCode::bad_file,
        "truncated: " + std::to_string(header->data_bytes) + " bytes of data expected, " +
            std::to_string(*size - *end) + " found");
  }
  return read_elements(file, in, header->dtype, header->dims);
}

Result<Tensor> load_raw(const std::filesystem::path& file, DType dtype, const Dims& dims) {
  const Result<std::size_t> bytes = detail::tensor_bytes(dtype, dims);
  if (!bytes) {
    return Error{ErrorCode::invalid_argument, bytes.error().message};
  }
  InputFile in;
  const Result<std::uint64_t> size = open(file, in);
  if (!size) {
    return size.error();
  }
  if (*size != *bytes) {
    return in_file(file, ErrorCode::bad_file,
        std::to_string(*bytes) + " bytes expected for " + to_string(dtype) + " " + to_string(dims) + ", " +
            std::to_string(*size) + " found");
  }
  return read_elements(file, in, dtype, dims);
}

Result<void> save(const std::filesystem::path& file, const TensorView& tensor, bool with_header) {
  if (tensor.device != Device::cpu) {
    return in_file(file, ErrorCode::invalid_argument, "only a tensor in CPU memory can be written");
  }
  const Result<std::size_t> bytes = detail::tensor_bytes(tensor.dtype, tensor.dims);
  if (!bytes) {
    return in_file(file, ErrorCode::invalid_argument, bytes.error().message);
  }
  if (tensor.data == nullptr && *bytes != 0) {
    return in_file(file, ErrorCode::invalid_argument, "the tensor has no data");
  }
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  if (!out) {
    return in_file(file, ErrorCode::io, "cannot be written");
  }
  if (with_header) {
    const std::string header = detail::make_npy_header(tensor.dtype, tensor.dims);
    out.write(header.data(), static_cast<std::streamsize>(header.size()));
  }
  if (*bytes != 0) {
    out.write(static_cast<const char*>(tensor.data), static_cast<std::streamsize>(*bytes));
  }
  out.close();
  if (!out) {
    return in_file(file, ErrorCode::io, "writing failed");
  }
  return {};
}

}  // namespace

Result<Tensor> read_npy(const std::filesystem::path& file) {
  try {
    return load_npy(file);
  } catch (const std::exception& e) {
    return in_file(file, ErrorCode::io, e.what());
  }
}

Result<void> write_npy(const std::filesystem::path& file, const TensorView& tensor) {
  try {
    return save(file, tensor, true);
  } catch (const std::exception& e) {
    return in_file(file, ErrorCode::io, e.what());
  }
}

Result<Tensor> read_raw(const std::filesystem::path& file, DType dtype, const Dims& dims) {
  try {
    return load_raw(file, dtype, dims);
  } catch (const std::exception& e) {
    return in_file(file, ErrorCode::io, e.what());
  }
}

Result<void> write_raw(const std::filesystem::path& file, const TensorView& tensor) {
  try {
    return save(file, tensor, false);
  } catch (const std::exception& e) {
    return in_file(file, ErrorCode::io, e.what());
  }
}

}  // namespace sample
