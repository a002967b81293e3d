// The time of each layer, as a table and as JSON.
#pragma once

#include <string>
#include <vector>

#include "sample/model.hpp"

namespace sample::bench {

// For people: the layers in their order, with their share of the sum.
[[nodiscard]] std::string layer_table(const std::vector<LayerTime>& layers);

// As trtexec writes it: an array with the count of runs, then an object a layer.
[[nodiscard]] std::string layer_json(const std::vector<LayerTime>& layers, int runs);

[[nodiscard]] Result<void> write_text(const std::string& file, const std::string& text);

}  // namespace sample::bench
