// What gencpp knows of the model. The same for every backend.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "preprocess.hpp"
#include "tensor.hpp"

namespace sample {

// An input or output; sizes may vary from min to max, the artifact is tuned for opt.
// An output's size that depends on the inputs' values has kUnknownSize as opt, and as max where no
// bound is known.
struct TensorFacts {
  const char* name;
  DType dtype;
  Dims min;
  Dims opt;
  Dims max;
  double fill;  // of an input: a value that every element may have
  int batch;    // the dimension that counts the items of a batch; -1: none does
};

inline constexpr std::string_view kModelName = "nets:make";

// Empty unless the weights are random.
inline constexpr std::string_view kWeightsWarning = "";

inline constexpr std::array<TensorFacts, 2> kInputs{
    TensorFacts{"left", DType::float32, Dims{2, 6}, Dims{2, 6}, Dims{2, 6}, 0.0, 0},
    TensorFacts{"right", DType::int64, Dims{2}, Dims{2}, Dims{2}, 0.0, 0},
};

inline constexpr std::array<TensorFacts, 3> kOutputs{
    TensorFacts{"output_0", DType::float32, Dims{2, 4}, Dims{2, 4}, Dims{2, 4}, 0.0, 0},
    TensorFacts{"output_1", DType::float16, Dims{2, 2, 4}, Dims{2, 2, 4}, Dims{2, 2, 4}, 0.0, 0},
    TensorFacts{"output_2", DType::boolean, Dims{2}, Dims{2}, Dims{2}, 0.0, 0},
};

inline constexpr std::string_view kLabelsFile = "labels.txt";
inline constexpr std::size_t kLabelCount = 0;

// From a picture to the input; without it the model takes raw tensors only.
inline constexpr bool kHasPreprocess = false;
inline constexpr std::array<GeometryStep, 0> kGeometry{};
inline constexpr Rescale kRescale = Rescale::divide;
inline constexpr bool kNormalize = false;
inline constexpr int kChannels = 3;  // of the tensor; 1: pictures are grey
inline constexpr std::array<float, 3> kMean{0.0F, 0.0F, 0.0F};
inline constexpr std::array<float, 3> kStd{1.0F, 1.0F, 1.0F};

}  // namespace sample
