// The stage behind the model: what its task makes of the outputs.
#pragma once

#include "{= name =}/model.hpp"

namespace {= name =}::bench {

[[nodiscard]] Result<void> postprocess(const Outputs& outputs);

}  // namespace {= name =}::bench
