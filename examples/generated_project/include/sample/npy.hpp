// NumPy's .npy files (format 1.0 to 3.0, little-endian, C order) and headerless raw files.
#pragma once

#include <filesystem>

#include "result.hpp"
#include "tensor.hpp"

#include "sample/public.hpp"

namespace SAMPLE_PUBLIC sample {

// NumPy has no bfloat16: it is written as uint16, which reads back in NumPy but not here.
[[nodiscard]] Result<Tensor> read_npy(const std::filesystem::path& file);
[[nodiscard]] Result<void> write_npy(const std::filesystem::path& file, const TensorView& tensor);

// A file that is nothing but the elements, little-endian, row-major; its size must be exactly that of
// the tensor.
[[nodiscard]] Result<Tensor> read_raw(const std::filesystem::path& file, DType dtype, const Dims& dims);
[[nodiscard]] Result<void> write_raw(const std::filesystem::path& file, const TensorView& tensor);

}  // namespace sample
