// The stage behind the model: what its task makes of the outputs.
#pragma once

#include "sample/model.hpp"

namespace sample::bench {

[[nodiscard]] Result<void> postprocess(const Outputs& outputs);

}  // namespace sample::bench
