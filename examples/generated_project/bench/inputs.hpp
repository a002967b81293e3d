// What the benchmark feeds the model.
#pragma once

#include <cstddef>
#include <vector>

#include "sample/model.hpp"

namespace sample::bench {

// Values that no layer can shortcut, for input number `input`: uniform in the range of input_values.hpp, or a
// golden's, repeated. `batch` is how many items a run has, where that may vary; 0 takes what the artifact is tuned for.
[[nodiscard]] Result<Tensor> random_tensor(std::size_t input, const TensorInfo& info, int batch, unsigned seed);

// The same, of these sizes.
[[nodiscard]] Result<Tensor> random_tensor(std::size_t input, const TensorInfo& info, const Dims& dims, unsigned seed);

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
