// The postprocessing of a classifier.
#include <cmath>
#include <vector>

#include "sample/classify.hpp"

#include "check.hpp"

namespace sample::test {
namespace {

void test_top_k(Checker& check) {
  const std::vector<float> logits{0.0F, 2.0F, 1.0F};
  const std::vector<ClassScore> best = top_k(logits.data(), logits.size(), 2);
  check.that(best.size() == 2 && best[0].index == 1 && best[1].index == 2, "top-2 of three");
  check.that(std::abs(best[0].probability - 0.66524096F) < 1e-6F, "softmax of the best");
  check.that(top_k(logits.data(), logits.size(), 9).size() == 3, "more than there are");
  Tensor flat(DType::float32, Dims{3});
  check.fails(top_k(flat, 0, 1), ErrorCode::invalid_argument, "N x classes", "logits without a batch");
}

}  // namespace
}  // namespace sample::test

int main() {
  sample::test::Checker check;
  sample::test::test_top_k(check);
  return check.exit_code();
}
