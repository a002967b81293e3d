// What the benchmark feeds the model.
#pragma once

#include <vector>

#include "sample/model.hpp"

namespace sample::bench {

// Values that no layer can shortcut: uniform in [-1, 1], whole numbers 0 to 9 for integer types. `batch` is
// the first size where that may vary; 0 takes what the artifact is tuned for.
[[nodiscard]] Tensor random_tensor(const TensorInfo& info, int batch, unsigned seed);

// Inputs and output buffers of one caller.
struct Buffers {
  std::vector<Tensor> inputs;
  Outputs outputs;
  std::vector<TensorView> input_views;
  std::vector<TensorView> output_views;
};

// Runs the model once, which tells the outputs' sizes.
[[nodiscard]] Result<Buffers> make_buffers(const Model& model, int batch, unsigned seed);

}  // namespace sample::bench
