// Postprocessing of a classifier: the best classes, whose labels load_labels() gives.
#pragma once

#include <cstddef>
#include <vector>

#include "labels.hpp"
#include "result.hpp"
#include "tensor.hpp"

namespace sample {

struct ClassScore {
  std::size_t index = 0;
  float probability = 0.0F;
};

// Softmax over `count` logits, best `k` first (all when k is larger); ties in the order of the index. A logit of -inf
// has the probability 0. Logits that leave no best class are ErrorCode::invalid_argument, with the index: NaN, +inf,
// and -inf for every class. So is a null pointer.
[[nodiscard]] Result<std::vector<ClassScore>> top_k(const float* logits, std::size_t count, std::size_t k);

// The same for row `row` of a float32 tensor of N x classes; anything else is ErrorCode::invalid_argument.
[[nodiscard]] Result<std::vector<ClassScore>> top_k(const Tensor& logits, std::size_t row, std::size_t k);

}  // namespace sample
