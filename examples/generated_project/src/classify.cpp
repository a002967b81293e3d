#include "sample/classify.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "exact_math.hpp"

namespace sample {

std::vector<ClassScore> top_k(const float* logits, std::size_t count, std::size_t k) {
  // NaN has no place in an order: it comes last.
  const auto value = [&](std::size_t i) { return std::isnan(logits[i]) ? -std::numeric_limits<float>::infinity() : logits[i]; };
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t kept = std::min(k, count);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(), [&](std::size_t a, std::size_t b) {
    const float x = value(a);
    const float y = value(b);
    return x != y ? x > y : a < b;
  });

  std::vector<ClassScore> best;
  if (kept == 0) {
    return best;
  }
  // In double, so that the sum over a thousand classes costs no digit of a float.
  const double top = static_cast<double>(logits[order[0]]);
  double sum = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    sum += std::exp(static_cast<double>(logits[i]) - top);
  }
  best.reserve(kept);
  for (std::size_t i = 0; i < kept; ++i) {
    const double e = std::exp(static_cast<double>(logits[order[i]]) - top);
    best.push_back(ClassScore{order[i], static_cast<float>(e / sum)});
  }
  return best;
}

Result<std::vector<ClassScore>> top_k(const Tensor& logits, std::size_t row, std::size_t k) {
  if (logits.dtype() != DType::float32 || logits.dims().size() != 2) {
    return Error{ErrorCode::invalid_argument, "top_k needs float32 logits of N x classes, got " + std::string(to_string(logits.dtype())) + " " + to_string(logits.dims())};
  }
  if (row >= static_cast<std::size_t>(logits.dims()[0])) {
    return Error{ErrorCode::invalid_argument, "top_k: row " + std::to_string(row) + " of " + to_string(logits.dims())};
  }
  const std::size_t classes = static_cast<std::size_t>(logits.dims()[1]);
  return top_k(logits.data_as<float>() + row * classes, classes, k);
}

}  // namespace sample
