#include "postprocess.hpp"

namespace sample::bench {

Result<void> postprocess(const Outputs& /*outputs*/) { return {}; }

}  // namespace sample::bench
