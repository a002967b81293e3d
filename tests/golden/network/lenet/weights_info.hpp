// The arrays of assets/weights.bin: little-endian, aligned, outermost dimension first.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "sample/tensor.hpp"

namespace sample {

struct WeightInfo {
  std::string_view name;
  DType dtype;
  Dims dims;
  std::uint64_t offset;  // bytes
  std::uint64_t size;    // bytes
  std::string_view sha256;
};

inline constexpr std::array<WeightInfo, 8> kWeights{{
    {"conv1.weight", DType::float32, Dims{8, 8, 3, 3}, 0, 64, "0000000000000000000000000000000000000000000000000000000000000000"},
    {"conv1.bias", DType::float32, Dims{8}, 64, 64, "0000000000000000000000000000000000000000000000000000000000000000"},
    {"conv2.weight", DType::float32, Dims{8, 8, 3, 3}, 128, 64, "0000000000000000000000000000000000000000000000000000000000000000"},
    {"conv2.bias", DType::float32, Dims{8}, 192, 64, "0000000000000000000000000000000000000000000000000000000000000000"},
    {"fc1.weight", DType::float32, Dims{8, 8}, 256, 64, "0000000000000000000000000000000000000000000000000000000000000000"},
    {"fc1.bias", DType::float32, Dims{8}, 320, 64, "0000000000000000000000000000000000000000000000000000000000000000"},
    {"fc2.weight", DType::float32, Dims{8, 8}, 384, 64, "0000000000000000000000000000000000000000000000000000000000000000"},
    {"fc2.bias", DType::float32, Dims{8}, 448, 64, "0000000000000000000000000000000000000000000000000000000000000000"},
}};

}  // namespace sample
