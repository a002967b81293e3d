// What only TensorRT offers beside Model.
#pragma once

#include <string>

#include "model.hpp"
#include "result.hpp"

#include "{= name =}/public.hpp"

namespace {= NAME =}_PUBLIC {= name =} {

// The layers of the compiled engine, as the engine inspector's JSON; more of them with EngineOptions::detailed_layers.
// Fails where the engine keeps none.
[[nodiscard]] Result<std::string> engine_layers(const Model& model);

}  // namespace {= name =}
