// How the engine is built.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "tensorrt/engine_facts.hpp"

namespace sample {

inline constexpr Precision kPrecision = Precision::fp32;
inline constexpr const char* kPrecisionName = "fp32";
inline constexpr ComputeCapability kPrecisionCapability{0, 0};
inline constexpr double kTolerance = 0.001;
// Whether float32 operands may be rounded to TF32.
inline constexpr bool kTf32 = false;
// The oldest TensorRT that the artifact is made for.
inline constexpr std::string_view kTensorRtMinimum = "10.0";

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
