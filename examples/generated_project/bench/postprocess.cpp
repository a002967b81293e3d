#include "postprocess.hpp"

#include "sample/classify.hpp"

namespace sample::bench {

Result<void> postprocess(const Outputs& outputs) {
  const auto best = top_k(outputs[0], 0, 5);
  return best ? Result<void>() : best.error();
}

}  // namespace sample::bench
