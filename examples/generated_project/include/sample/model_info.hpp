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

inline constexpr std::string_view kModelName = "resnet18";

// Empty unless the weights are random.
inline constexpr std::string_view kWeightsWarning = "RANDOM WEIGHTS: no answers.";

inline constexpr std::array<TensorFacts, 1> kInputs{
    TensorFacts{"x", DType::float32, Dims{1, 3, 224, 224}, Dims{1, 3, 224, 224}, Dims{8, 3, 224, 224}, 0.0, 0},
};

inline constexpr std::array<TensorFacts, 1> kOutputs{
    TensorFacts{"logits", DType::float32, Dims{1, 3}, Dims{1, 3}, Dims{8, 3}, 0.0, 0},
};

inline constexpr std::string_view kLabelsFile = "labels.txt";
inline constexpr std::size_t kLabelCount = 3;

// From a picture to the input; without it the model takes raw tensors only.
inline constexpr bool kHasPreprocess = true;
// Resize{shorter, max_size, height, width, filter, whose}, CenterCrop{height, width},
// Pad{left, top, right, bottom, mode, {red, green, blue}, of a tensor}, Grayscale{}
inline constexpr std::array<GeometryStep, 2> kGeometry{
    Resize{256, 0, 0, 0, Interpolation::bilinear},
    CenterCrop{224, 224},
};
inline constexpr Rescale kRescale = Rescale::divide;
inline constexpr bool kNormalize = true;
inline constexpr int kChannels = 3;  // of the tensor; 1: pictures are grey
inline constexpr std::array<float, 3> kMean{0.485F, 0.456F, 0.406F};
inline constexpr std::array<float, 3> kStd{0.229F, 0.224F, 0.225F};

}  // namespace sample
