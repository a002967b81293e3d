// Times the model: latency percentiles, throughput, and the stages of a picture.
#include <cstdio>
#include <string>
#include <vector>

#include "{= name =}/model.hpp"
#include "{= name =}/model_info.hpp"

#include "baseline.hpp"
#include "console.hpp"
#include "finish.hpp"
#include "load_flags.hpp"
#include "measure.hpp"
#include "memory.hpp"
#include "options.hpp"
#include "reporting.hpp"
#include "timing.hpp"

namespace app = {= name =}::app;
namespace bench = {= name =}::bench;
using {= name =}::Model;
using {= name =}::Result;

namespace {

constexpr const char* kProgram = "{= name =}_bench";

// "read in 0.1 s from ..." of describe(), which has one fact a line.
std::string engine_origin(const Model& model) {
  const std::string text = model.describe();
  const std::string title = "engine: ";
  const std::size_t begin = text.find(title);
  return begin == std::string::npos ? ""
                                    : text.substr(begin + title.size(), text.find('\n', begin) - begin - title.size());
}

}  // namespace

int main(int argc, char** argv) {
  const Result<bench::Options> parsed = bench::parse_options(argc, argv);
  if (!parsed) {
    return app::fail(kProgram, parsed.error());
  }
  const bench::Options& options = *parsed;
  if (options.help) {
    std::fputs(bench::usage().c_str(), stdout);
    return app::finish(kProgram, 0);
  }
  {= name =}::ProcessOptions process;
  process.threads = options.threads;
  process.fusion = app::fusion_for(options.load);
  process.log = []({= name =}::LogLevel level, const std::string& message) {
    app::print_message(kProgram, level, message);
  };
  if (const Result<void> configured = {= name =}::configure_process(process); !configured) {
    return app::fail(kProgram, configured.error());
  }
  if (!{= name =}::kWeightsWarning.empty()) {
    std::fprintf(stderr, "{= name =}_bench: WARNING: %s\n", std::string({= name =}::kWeightsWarning).c_str());
  }
  if (options.memory_loads > 0 || options.memory_runs > 0 || options.memory_sizes > 0) {
    const Result<std::vector<bench::MemoryPoint>> points = bench::measure_memory(options);
    if (!points) {
      return app::fail(kProgram, points.error());
    }
    std::printf("%s\n", bench::memory_json(options, *points).c_str());
    return app::finish(kProgram, 0);
  }
  bench::Summary baseline;
  if (!options.baseline.empty()) {
    const Result<bench::Summary> read = bench::read_baseline(options.baseline);
    if (!read) {
      return app::fail(kProgram, read.error());
    }
    baseline = *read;
  }
  {= name =}::LoadOptions load = options.load;
  app::LoadConsole console(kProgram, load, false, {= name =}::kWeightsWarning);
  const bench::Clock::time_point load_start = bench::Clock::now();
  const Result<Model> model = Model::load(load);
  console.clear();
  if (!model) {
    return app::fail(kProgram, model.error());
  }
  bench::Report report;
  report.load_ms = bench::milliseconds(bench::Clock::now() - load_start);
  report.engine = engine_origin(*model);
  if (const Result<void> measured = bench::measure_all(*model, options, report); !measured) {
    return app::fail(kProgram, measured.error());
  }
  if (!options.baseline.empty()) {
    if (const Result<void> compared = bench::compare(*model, options, baseline, report); !compared) {
      return app::fail(kProgram, compared.error());
    }
  }
  bench::print_report(*model, options, report);
  if (report.ratio > 1.0 + options.max_regression) {
    std::fprintf(stderr, "{= name =}_bench: slower than the baseline: %.3f of its p50, allowed %.3f\n", report.ratio,
        1.0 + options.max_regression);
    return app::finish(kProgram, 1);
  }
  return app::finish(kProgram, 0);
}
