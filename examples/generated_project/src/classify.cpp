#include "sample/classify.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <numeric>
#include <string>
#include <utility>

#include "classify_info.hpp"
#include "exact_math.hpp"

namespace sample {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

Error no_best(const std::string& why) {
  return Error{ErrorCode::invalid_argument, "top_k: " + why + ", so that there is no best class"};
}

// Whether softmax gives each logit a probability.
Result<void> check(const float* logits, std::size_t count) {
  if (logits == nullptr && count > 0) {
    return Error{ErrorCode::invalid_argument, "top_k: a null pointer was given for the logits"};
  }
  bool any = count == 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (std::isnan(logits[i]) || logits[i] == kInfinity) {
      return no_best(
          "the logit of class " + std::to_string(i) + " is " + (std::isnan(logits[i]) ? "NaN" : "infinite"));
    }
    any = any || logits[i] != -kInfinity;
  }
  return any ? Result<void>() : no_best("the logits of all " + std::to_string(count) + " classes are -infinity");
}

Result<std::vector<ClassScore>> best_of(const float* logits, std::size_t count, std::size_t k, Scores kind) {
  if (const Result<void> checked = check(logits, count); !checked) {
    return checked.error();
  }
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t kept = std::min(k, count);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
      [&](std::size_t a, std::size_t b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; });

  std::vector<ClassScore> best;
  if (kept == 0) {
    return best;
  }
  best.reserve(kept);
  if (kind == Scores::probabilities) {
    for (std::size_t i = 0; i < kept; ++i) {
      best.push_back(ClassScore{order[i], logits[order[i]]});
    }
    return best;
  }
  // In double, so that the sum over a thousand classes costs no digit of a float.
  const double top = static_cast<double>(logits[order[0]]);
  double sum = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    sum += std::exp(static_cast<double>(logits[i]) - top);
  }
  for (std::size_t i = 0; i < kept; ++i) {
    const double e = std::exp(static_cast<double>(logits[order[i]]) - top);
    best.push_back(ClassScore{order[i], static_cast<float>(e / sum)});
  }
  return best;
}

Result<std::vector<ClassScore>> best_of_row(const Tensor& logits, std::size_t row, std::size_t k, Scores kind) {
  if (logits.dtype() != DType::float32 || logits.dims().size() != 2) {
    return Error{ErrorCode::invalid_argument,
        "top_k needs float32 logits of N x classes, got " + std::string(to_string(logits.dtype())) + " " +
            to_string(logits.dims())};
  }
  if (row >= static_cast<std::size_t>(logits.dims()[0])) {
    return Error{
        ErrorCode::invalid_argument, "top_k: row " + std::to_string(row) + " of " + to_string(logits.dims())};
  }
  const auto classes = static_cast<std::size_t>(logits.dims()[1]);
  Result<std::vector<ClassScore>> best = best_of(logits.data_as<float>() + row * classes, classes, k, kind);
  return best ? std::move(best)
              : Error{best.error().code, best.error().message + " (row " + std::to_string(row) + ")"};
}

// Nothing but memory can be lacking.
template <typename Body>
Result<std::vector<ClassScore>> guarded(const Body& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::unsupported, "top_k: not enough memory"};
  }
}

}  // namespace

Scores model_scores() noexcept { return kScores; }

Result<std::vector<ClassScore>> top_k(const float* scores, std::size_t count, std::size_t k, Scores kind) {
  return guarded([&] { return best_of(scores, count, k, kind); });
}

Result<std::vector<ClassScore>> top_k(const Tensor& scores, std::size_t row, std::size_t k, Scores kind) {
  return guarded([&] { return best_of_row(scores, row, k, kind); });
}

}  // namespace sample
