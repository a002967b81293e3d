#include "golden_answer.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "sample/classify.hpp"
#include "sample/npy.hpp"

#include "exact_math.hpp"
#include "golden_tops.hpp"

namespace sample::test {
namespace {

// The best classes in Python's order; classes whose reference logits lie closer together than two
// tolerances may change places.
void check_top(
    const GoldenOutput& expected, const std::vector<TopClass>& theirs, const Tensor& logits, Checker& check) {
  const Result<Tensor> reference = read_npy(golden(expected.file));
  if (!check.that(reference.ok(), reference.ok() ? "" : reference.error().message)) {
    return;
  }
  if (reference->dtype() != logits.dtype() || reference->dims() != logits.dims()) {
    return;  // which the comparison of the outputs has told
  }
  const float* values = reference->data_as<float>();
  float largest = 0.0F;
  for (std::int64_t i = 0; i < reference->dims().elements(); ++i) {
    largest = std::max(largest, std::abs(values[i]));
  }
  const double near = 2.0 * expected.tolerance * static_cast<double>(largest);
  const auto best = top_k(logits, 0, theirs.size());
  if (!check.that(best.ok(), best.ok() ? "" : best.error().message) ||
      !check.that(best->size() == theirs.size(), "count of the best classes")) {
    return;
  }
  for (std::size_t i = 0; i < best->size(); ++i) {
    const ClassScore& ours = (*best)[i];
    std::printf("top-%zu: class %zu %.6f, Python %zu %.6f\n", i + 1, ours.index, static_cast<double>(ours.probability),
        theirs[i].index, theirs[i].probability);
    const double apart =
        std::abs(static_cast<double>(values[ours.index]) - static_cast<double>(values[theirs[i].index]));
    check.that(apart <= near, "top-" + std::to_string(i + 1) + " is another class");
    // A probability changes by no more than its logits do.
    check.that(std::abs(static_cast<double>(ours.probability) - theirs[i].probability) <= std::max(1e-3, near),
        "top-" + std::to_string(i + 1) + " has another probability");
  }
}

}  // namespace

void check_answer(const GoldenCase& expected, const Outputs& outputs, Checker& check) {
  for (const GoldenTop& top : golden_tops()) {
    if (top.name == expected.name) {
      check_top(expected.outputs[0], top.best, outputs[0], check);
    }
  }
}

}  // namespace sample::test
