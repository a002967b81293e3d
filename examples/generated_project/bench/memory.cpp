#include "memory.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <random>
#include <utility>

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

// Runs with inputs of other sizes each time: `random` draws one share a dimension, for all inputs, since models tie
// their inputs' sizes together.
Result<void> run_other_sizes(const Model& model, std::mt19937& random) {
  std::array<double, Dims::kMaxRank> shares{};
  std::uniform_real_distribution<double> share(0.0, 1.0);
  std::generate(shares.begin(), shares.end(), [&] { return share(random); });
  std::vector<Tensor> inputs;
  std::vector<TensorView> views;
  std::string sizes;
  for (std::size_t i = 0; i < model.inputs().size(); ++i) {
    const TensorInfo& info = model.inputs()[i];
    Dims dims = info.opt;
    for (std::size_t d = 0; d < dims.size(); ++d) {
      const auto range = static_cast<double>(info.max[d] - info.min[d] + 1);
      dims[d] = info.dims[d] < 0 ? std::min(info.max[d], info.min[d] + static_cast<std::int64_t>(range * shares[d]))
                                 : dims[d];
    }
    Result<Tensor> made = random_tensor(i, info, dims, 0);
    if (!made) {
      return made.error();
    }
    inputs.push_back(std::move(made).value());
    sizes += " " + to_string(dims);
  }
  for (const Tensor& input : inputs) {
    views.push_back(input.view());
  }
  const Result<Outputs> ran = model.run(views);
  return ran ? Result<void>() : Result<void>(Error{ran.error().code, "inputs of" + sizes + ": " + ran.error().message});
}

// --memory-loads, --memory-runs or --memory-sizes: the last word of the option, and its number.
std::pair<const char*, int> asked(const Options& options) {
  if (options.memory_loads > 0) {
    return {"loads", options.memory_loads};
  }
  return options.memory_runs > 0 ? std::pair{"runs", options.memory_runs} : std::pair{"sizes", options.memory_sizes};
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
  if (options.memory_sizes > 0) {
    std::mt19937 random(1);
    return watch(options.memory_sizes, [&] { return run_other_sizes(*model, random); });
  }
  Result<Buffers> buffers = make_buffers(*model, options.batch, 0);
  if (!buffers) {
    return buffers.error();
  }
  return watch(options.memory_runs, [&] { return model->run(buffers->input_views, buffers->output_views); });
}

std::string memory_json(const Options& options, const std::vector<MemoryPoint>& points) {
  const auto [of, count] = asked(options);
  std::string text = std::string("{\"of\": \"") + of + "\", \"count\": " + std::to_string(count) + ", \"points\": [";
  for (std::size_t i = 0; i < points.size(); ++i) {
    text +=
        (i == 0 ? "[" : ", [") + std::to_string(points[i].done) + ", " + std::to_string(points[i].resident_bytes) + "]";
  }
  return text + "]}";
}

}  // namespace sample::bench
