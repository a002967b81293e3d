// What the benchmark measures.
#pragma once

#include <string>
#include <vector>

#include "sample/model.hpp"

#include "baseline.hpp"
#include "options.hpp"

namespace sample::bench {

struct Measured {
  std::vector<double> latencies_ms;  // sorted
  double wall_s = 0.0;
};

// Medians of the way from a file's bytes to the best classes.
struct Stages {
  double decode_ms = 0.0;
  double preprocess_ms = 0.0;
  double infer_ms = 0.0;
  double postprocess_ms = 0.0;
};

// Everything that was measured.
struct Report {
  double load_ms = 0.0;
  std::string engine;  // where it came from; empty for backends without one
  Measured runs;
  bool has_device = false;
  StageTimes device;
  Stages stages;
  std::vector<LayerTime> layers;
  int layer_runs = 0;
  double baseline_ms = 0.0;  // 0: there is no baseline
  double ratio = 0.0;        // to the baseline
};

// Items of a run.
[[nodiscard]] long long batch_of(const Model& model, const Options& options);

// All of it, but for what load() took; writes the files that the options name.
[[nodiscard]] Result<void> measure_all(const Model& model, const Options& options, Report& report);

// Puts the ratio to an earlier run into the report.
[[nodiscard]] Result<void> compare(
    const Model& model, const Options& options, const Summary& then, Report& report);

}  // namespace sample::bench
