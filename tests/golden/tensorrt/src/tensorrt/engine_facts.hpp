// The facts of engine_info.hpp as functions: what includes TensorRT does not depend on the model.
#pragma once

#include <cstdint>
#include <vector>

#include "sample/tensor.hpp"

namespace sample {

// Others than fp32 are written into the artifact; its inputs and outputs stay float32.
enum class Precision : std::uint8_t {
  fp32,
  fp16,
  bf16,
};

// Of a GPU.
struct ComputeCapability {
  int major;
  int minor;
};

struct ShapeRange {
  Dims min;
  Dims opt;
  Dims max;
};

// Of every input.
using ProfileShapes = std::vector<ShapeRange>;

[[nodiscard]] Precision engine_precision() noexcept;
[[nodiscard]] const char* precision_name() noexcept;
// What a GPU has to have for it.
[[nodiscard]] ComputeCapability precision_capability() noexcept;
// How far answers may lie from the Python model's: of max |difference| / max |reference|.
[[nodiscard]] double engine_tolerance() noexcept;
// Whether float32 operands may be rounded to TF32.
[[nodiscard]] bool engine_tf32() noexcept;
// The optimisation profiles that the engine is built with.
[[nodiscard]] std::vector<ProfileShapes> engine_profiles();

}  // namespace sample
