#include "memory.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>

#if defined(__linux__)
#include <unistd.h>
#endif

#include "inputs.hpp"

namespace sample::bench {
namespace {

constexpr long long kPoints = 200;

// Calls `step` `count` times and looks at the memory now and then.
template <typename Step>
Result<std::vector<MemoryPoint>> watch(long long count, Step step) {
  std::vector<MemoryPoint> points;
  const long long every = std::max(1LL, count / kPoints);
  for (long long done = 1; done <= count; ++done) {
    if (const Result<void> ran = step(); !ran) {
      return ran.error();
    }
    if (done == 1 || done % every == 0 || done == count) {
      const Result<long long> bytes = resident_bytes();
      if (!bytes) {
        return bytes.error();
      }
      points.push_back({done, *bytes});
    }
  }
  return points;
}

Result<void> load_and_run(const Options& options) {
  const Result<Model> model = Model::load(options.load);
  if (!model) {
    return model.error();
  }
  const Result<Buffers> buffers = make_buffers(*model, options.batch, 0);
  return buffers ? Result<void>() : Result<void>(buffers.error());
}

}  // namespace

Result<long long> resident_bytes() {
#if defined(__linux__)
  std::ifstream in("/proc/self/statm");
  long long size = 0;
  long long resident = 0;
  if (in >> size >> resident) {
    return resident * static_cast<long long>(sysconf(_SC_PAGESIZE));
  }
#endif
  return Error{ErrorCode::unsupported, "the resident memory of a process is read on Linux only"};
}

Result<std::vector<MemoryPoint>> measure_memory(const Options& options) {
  if (options.memory_loads > 0) {
    return watch(options.memory_loads, [&] { return load_and_run(options); });
  }
  const Result<Model> model = Model::load(options.load);
  if (!model) {
    return model.error();
  }
  Result<Buffers> buffers = make_buffers(*model, options.batch, 0);
  if (!buffers) {
    return buffers.error();
  }
  return watch(options.memory_runs, [&] { return model->run(buffers->input_views, buffers->output_views); });
}

std::string memory_json(const Options& options, const std::vector<MemoryPoint>& points) {
  const bool loads = options.memory_loads > 0;
  std::string text = std::string("{\"of\": \"") + (loads ? "loads" : "runs") + "\", \"count\": " + std::to_string(loads ? options.memory_loads : options.memory_runs) + ", \"points\": [";
  for (std::size_t i = 0; i < points.size(); ++i) {
    text += (i == 0 ? "[" : ", [") + std::to_string(points[i].done) + ", " + std::to_string(points[i].resident_bytes) + "]";
  }
  return text + "]}";
}

}  // namespace sample::bench
