// How the engine is built.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sample/tensor.hpp"

namespace sample {

enum class Precision : std::uint8_t {
  fp32,
  fp16,  // written into the artifact; its inputs and outputs stay float32
};

inline constexpr Precision kPrecision = Precision::fp32;
// Whether float32 operands may be rounded to TF32.
inline constexpr bool kTf32 = false;
// The oldest TensorRT that the artifact is made for.
inline constexpr std::string_view kTensorRtMinimum = "10.0";

struct ShapeRange {
  Dims min;
  Dims opt;
  Dims max;
};

// Optimisation profiles: for each the shapes of every input.
inline constexpr std::size_t kProfileCount = 2;
inline constexpr std::array<std::array<ShapeRange, 1>, kProfileCount> kProfiles{{
    {{
        ShapeRange{Dims{1, 3, 224, 224}, Dims{1, 3, 224, 224}, Dims{1, 3, 224, 224}},
    }},
    {{
        ShapeRange{Dims{2, 3, 224, 224}, Dims{8, 3, 224, 224}, Dims{8, 3, 224, 224}},
    }},
}};

}  // namespace sample
