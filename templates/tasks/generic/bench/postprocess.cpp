#include "postprocess.hpp"

namespace {= name =}::bench {

Result<void> postprocess(const Outputs& /*outputs*/) { return {}; }

}  // namespace {= name =}::bench
