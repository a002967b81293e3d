// Compares a run with a stored one.
#pragma once

#include <string>

#include "sample/model.hpp"

namespace sample::bench {

// What a run is told apart by, and its median: the part of `--json` that a comparison needs.
struct Summary {
  double p50_ms = 0.0;
  long long batch = 0;
  long long threads = 0;
  long long workers = 0;
  std::string device;
};

// Reads what `--json` printed; invalid_argument for anything else.
[[nodiscard]] Result<Summary> read_baseline(const std::string& file);

// The median now over the median then; invalid_argument where the two runs were not of the same kind.
[[nodiscard]] Result<double> ratio_to_baseline(const Summary& now, const Summary& then, const std::string& file);

}  // namespace sample::bench
