// Resident memory over many loads or runs.
#pragma once

#include <string>
#include <vector>

#include "sample/model.hpp"

#include "options.hpp"

namespace sample::bench {

struct MemoryPoint {
  long long done = 0;
  long long resident_bytes = 0;
};

// Resident memory of this process in bytes; unsupported elsewhere than on Linux.
[[nodiscard]] Result<long long> resident_bytes();

// Loads the model `--memory-loads` times, each with a run, or runs one `--memory-runs` times, or `--memory-sizes` times
// with inputs of other sizes each time. The first of at most about 200 points is after the first load or run.
[[nodiscard]] Result<std::vector<MemoryPoint>> measure_memory(const Options& options);

// {"of": "loads", "runs" or "sizes", "count": N, "points": [[done, bytes], ...]}
[[nodiscard]] std::string memory_json(const Options& options, const std::vector<MemoryPoint>& points);

}  // namespace sample::bench
