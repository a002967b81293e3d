// The layers' values against the references. No TensorRT here.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "{= name =}/result.hpp"

#include "diff_run.hpp"

namespace {= name =}::diff {

struct LayerDifference {
  std::string layer;
  std::string shape;
  std::string problem;    // why nothing could be compared; empty when it was
  double absolute = 0.0;  // the largest one
  double relative = 0.0;  // the same, by the largest |value| of the reference
  bool departs = false;
};

struct Report {
  std::vector<LayerDifference> layers;  // in the order of the network
  std::vector<std::string> missing;     // layers with a reference that network.cpp lacks
  std::optional<std::size_t> first;     // that departs
};

// Reads assets/layers.npy.
[[nodiscard]] Result<Report> compare(const LayerRun& run, double tolerance);

// Every layer, or what is around the first that departs; and a summary.
void print_table(const Report& report, const LayerRun& run, double tolerance, bool all);
void print_json(const Report& report, const LayerRun& run, double tolerance);

}  // namespace {= name =}::diff
