#include "postprocess.hpp"

#include "{= name =}/classify.hpp"

namespace {= name =}::bench {

Result<void> postprocess(const Outputs& outputs) {
  const auto best = top_k(outputs[0], 0, 5);
  return best ? Result<void>() : best.error();
}

}  // namespace {= name =}::bench
