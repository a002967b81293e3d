// What a loaded engine tells of itself.
#pragma once

#include <string>
#include <vector>

#include "tensorrt/trt_pool.hpp"

namespace {= name =}::trt {

// One fact a line.
[[nodiscard]] std::string describe(const Engine& engine, const GraphSwitch& graphs, const Pool& pool);

// The engine inspector's JSON.
[[nodiscard]] Result<std::string> layers_json(const Engine& engine);

// Mean times of the layers, from a slot of its own: runs of other callers are not disturbed by the profiler.
[[nodiscard]] Result<std::vector<LayerTime>> profile_layers(const Engine& engine, TensorViews inputs, int runs);

}  // namespace {= name =}::trt
