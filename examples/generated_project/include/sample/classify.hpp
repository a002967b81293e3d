// Postprocessing of a classifier: the best classes, whose labels load_labels() gives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "labels.hpp"
#include "result.hpp"
#include "tensor.hpp"

#include "sample/public.hpp"

namespace SAMPLE_PUBLIC sample {

enum class Scores : std::uint8_t {
  logits,
  probabilities,  // the model ends in a softmax of its own: none is taken again
};

// What this model's first output is.
[[nodiscard]] Scores model_scores() noexcept;

struct ClassScore {
  std::size_t index = 0;
  float probability = 0.0F;
};

// Softmax over `count` logits, or probabilities as they are; best `k` first (all when k is larger), ties in the order
// of the index. A logit of -inf has the probability 0. Scores that leave no best class are
// ErrorCode::invalid_argument, with the index: NaN, +inf, and -inf for every class. So is a null pointer. Of no
// classes there is no best one, and no error.
[[nodiscard]] Result<std::vector<ClassScore>> top_k(
    const float* scores, std::size_t count, std::size_t k, Scores kind = model_scores());

// The same for row `row` of a float32 tensor of N x classes; anything else is ErrorCode::invalid_argument.
[[nodiscard]] Result<std::vector<ClassScore>> top_k(
    const Tensor& scores, std::size_t row, std::size_t k, Scores kind = model_scores());

}  // namespace sample
