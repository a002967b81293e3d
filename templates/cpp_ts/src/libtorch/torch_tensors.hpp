// LibTorch's tensors and this API's, in each other's words. For the files that include torch.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "{= name =}/tensor.hpp"

namespace {= name =} {

inline at::ScalarType to_torch(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return at::kFloat;
    case DType::float64:
      return at::kDouble;
    case DType::float16:
      return at::kHalf;
    case DType::bfloat16:
      return at::kBFloat16;
    case DType::int8:
      return at::kChar;
    case DType::uint8:
      return at::kByte;
    case DType::int16:
      return at::kShort;
    case DType::int32:
      return at::kInt;
    case DType::int64:
      return at::kLong;
    case DType::boolean:
      return at::kBool;
  }
  return at::kFloat;
}

inline std::optional<DType> from_torch(at::ScalarType type) {
  for (const DType dtype : {DType::float32, DType::float64, DType::float16, DType::bfloat16, DType::int8, DType::uint8,
           DType::int16, DType::int32, DType::int64, DType::boolean}) {
    if (to_torch(dtype) == type) {
      return dtype;
    }
  }
  return std::nullopt;
}

// Throws std::length_error where the tensor has more than Dims::kMaxRank dimensions.
inline Dims to_dims(const at::Tensor& tensor) {
  Dims dims;
  for (const std::int64_t size : tensor.sizes()) {
    if (!dims.push_back(size)) {  // not TORCH_CHECK: its message would name this file's place where it was built
      throw std::length_error("a tensor of " + std::to_string(tensor.dim()) + " dimensions: tensors here have up to " +
          std::to_string(Dims::kMaxRank));
    }
  }
  return dims;
}

inline c10::IntArrayRef sizes_of(const Dims& dims) { return {dims.begin(), dims.size()}; }

inline c10::Device to_torch(Device device, int index) {
  return device == Device::cpu ? c10::Device(c10::kCPU) : c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
}

// A tensor in memory of the caller.
inline at::Tensor wrap(const TensorView& view) {
  return at::from_blob(view.data, sizes_of(view.dims),
      at::TensorOptions().dtype(to_torch(view.dtype)).device(to_torch(view.device, view.device_index)));
}

}  // namespace {= name =}
