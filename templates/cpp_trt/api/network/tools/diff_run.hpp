// One run of the network whose layers are outputs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "{= name =}/model.hpp"

#include "layer_references.hpp"

namespace {= name =}::diff {

// What a layer with a reference gave.
struct LayerValues {
  const LayerReference* reference = nullptr;
  bool found = false;  // false: network.cpp has no such layer
  Dims dims;
  std::vector<float> samples;  // every stride-th element, as the reference has them
};

struct LayerRun {
  std::vector<LayerValues> layers;  // in the order of kLayerReferences
  std::string gpu;
};

// Builds an engine that is kept nowhere, and runs it on the inputs that the references are for.
[[nodiscard]] Result<LayerRun> run_layers(const LoadOptions& options);

}  // namespace {= name =}::diff
