// The postprocessing of a classifier.
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "{= name =}/classify.hpp"

#include "check.hpp"
#include "exact_math.hpp"

namespace {= name =}::test {
namespace {

void test_top_k(Checker& check) {
  const std::vector<float> logits{0.0F, 2.0F, 1.0F};
  const auto best = top_k(logits.data(), logits.size(), 2, Scores::logits);
  if (!check.that(best.ok(), best.ok() ? "" : best.error().message)) {
    return;
  }
  check.that(best->size() == 2 && (*best)[0].index == 1 && (*best)[1].index == 2, "top-2 of three");
  check.that(std::abs((*best)[0].probability - 0.66524096F) < 1e-6F, "softmax of the best");
  check.that(top_k(logits.data(), logits.size(), 9, Scores::logits)->size() == 3, "more than there are");
  check.that(top_k(logits.data(), logits.size(), 0)->empty() && top_k(nullptr, 0, 5)->empty(),
      "none wanted, and none there");
  const std::vector<float> shares{0.2F, 0.7F, 0.1F};
  const auto likely = top_k(shares.data(), shares.size(), 2, Scores::probabilities);
  check.that(likely.ok() && (*likely)[0].index == 1 && (*likely)[0].probability == 0.7F &&
          (*likely)[1].probability == 0.2F,
      "probabilities are taken as they are");
  Tensor flat(DType::float32, Dims{3});
  check.fails(top_k(flat, 0, 1), ErrorCode::invalid_argument, "N x classes", "logits without a batch");
}

// Logits that have no order, or no softmax.
void test_no_best(Checker& check) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Tensor batch(DType::float32, Dims{2, 3});
  float* row = batch.data_as<float>() + 3;
  const auto best_of = [&](float a, float b, float c) {
    row[0] = a;
    row[1] = b;
    row[2] = c;
    return top_k(batch, 1, 3, Scores::logits);
  };
  for (const float wrong : {nan, -nan, inf}) {
    check.fails(best_of(wrong, 1.0F, 2.0F), ErrorCode::invalid_argument, "class 0",
        "the first logit is " + std::to_string(wrong));
    check.fails(best_of(1.0F, -inf, wrong), ErrorCode::invalid_argument, "class 2",
        "the last logit is " + std::to_string(wrong));
  }
  check.fails(best_of(nan, nan, nan), ErrorCode::invalid_argument, "row 1", "all logits are NaN");
  check.fails(best_of(-inf, -inf, -inf), ErrorCode::invalid_argument, "all 3 classes", "all logits are -infinity");
  const auto masked = best_of(-inf, 1.0F, -inf);
  check.that(masked.ok() && (*masked)[0].index == 1 && (*masked)[0].probability == 1.0F &&
          (*masked)[1].index == 0 && (*masked)[1].probability == 0.0F && (*masked)[2].index == 2,
      "classes that are masked out");
  const auto large = best_of(3e38F, -3e38F, 3e38F);
  check.that(large.ok() && (*large)[0].index == 0 && (*large)[0].probability == 0.5F && (*large)[1].index == 2,
      "the largest of logits");
  check.that(top_k(batch, 0, 3).ok(), "another row is not asked");
}

void test_wrong_tensors(Checker& check) {
  Tensor batch(DType::float32, Dims{2, 3});
  check.fails(top_k(batch, 2, 3), ErrorCode::invalid_argument, "row 2", "a row that there is not");
  check.fails(top_k(batch, std::numeric_limits<std::size_t>::max(), 3), ErrorCode::invalid_argument, "row",
      "the last of all rows");
  check.fails(top_k(static_cast<const float*>(nullptr), 3, 1), ErrorCode::invalid_argument, "null",
      "logits at a null pointer");
  const Tensor taken = std::move(batch);
  check.fails(top_k(batch, 0, 3), ErrorCode::invalid_argument, "N x classes",
      "a tensor that was moved from");  // NOLINT: on purpose
  check.fails(top_k(Tensor(), 0, 3), ErrorCode::invalid_argument, "N x classes", "a tensor that holds nothing");
  check.fails(top_k(Tensor(DType::float64, Dims{2, 3}), 0, 3), ErrorCode::invalid_argument, "float32", "doubles");
  check.fails(
      top_k(Tensor(DType::float32, Dims{0, 3}), 0, 3), ErrorCode::invalid_argument, "row 0", "a batch of nothing");
  const auto none = top_k(Tensor(DType::float32, Dims{1, 0}), 0, 3);
  check.that(none.ok() && none->empty(), "no classes");
  check.that(
      top_k(taken, 1, std::numeric_limits<std::size_t>::max())->size() == 3, "as many classes as can be asked for");
}

}  // namespace
}  // namespace {= name =}::test

int main() {
  {= name =}::test::Checker check;
  {= name =}::test::test_top_k(check);
  {= name =}::test::test_no_best(check);
  {= name =}::test::test_wrong_tensors(check);
  return check.exit_code();
}
