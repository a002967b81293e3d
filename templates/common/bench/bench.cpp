// Times the model: latency percentiles, throughput, and the stages of a picture.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "{= name =}/image.hpp"
#include "{= name =}/model.hpp"
#include "{= name =}/model_info.hpp"
#include "{= name =}/preprocess.hpp"

#include "baseline.hpp"
#include "console.hpp"
#include "finish.hpp"
#include "inputs.hpp"
#include "json.hpp"
#include "layers.hpp"
#include "load_flags.hpp"
#include "memory.hpp"
#include "options.hpp"
#include "postprocess.hpp"

namespace app = {= name =}::app;
namespace bench = {= name =}::bench;
using {= name =}::Error;
using {= name =}::ErrorCode;
using {= name =}::Model;
using {= name =}::Result;
using {= name =}::StageTimes;
using {= name =}::Tensor;
using {= name =}::TensorInfo;
using {= name =}::TensorView;

namespace {

constexpr const char* kProgram = "{= name =}_bench";

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

// The value that a share `q` of the sorted samples does not exceed (nearest rank).
double percentile(const std::vector<double>& sorted, double q) {
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted.size())));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

struct Measured {
  std::vector<double> latencies_ms;  // sorted
  double wall_s = 0.0;
};

// `workers` callers, each with its own buffers, start together and run until the time or the count is up.
Result<Measured> measure(const Model& model, const bench::Options& options) {
  std::vector<bench::Buffers> buffers;
  for (int w = 0; w < options.workers; ++w) {
    Result<bench::Buffers> made = bench::make_buffers(model, options.batch, static_cast<unsigned>(w));
    if (!made) {
      return made.error();
    }
    buffers.push_back(std::move(made).value());
  }

  std::atomic<int> ready{0};
  std::atomic<bool> go{false};
  std::mutex mutex;
  Measured measured;
  std::string failure;
  Clock::time_point begin;
  const auto work = [&](bench::Buffers& mine) {
    std::vector<double> samples;
    std::string error;
    const auto run_once = [&] {
      const Result<void> ran = model.run(mine.input_views, mine.output_views);
      if (!ran) {
        error = ran.error().message;
      }
      return ran.ok();
    };
    for (int i = 0; i < options.warmup && run_once(); ++i) {
    }
    ++ready;
    while (!go) {
      std::this_thread::yield();
    }
    if (options.workers == 1) {
      begin = Clock::now();
    }
    const auto deadline =
        begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.seconds));
    Clock::time_point now = Clock::now();
    while (error.empty() &&
        (options.iterations > 0 ? samples.size() < static_cast<std::size_t>(options.iterations)
                                : (now < deadline || samples.empty()))) {
      const Clock::time_point start = Clock::now();
      if (!run_once()) {
        break;
      }
      now = Clock::now();
      samples.push_back(milliseconds(now - start));
    }
    const std::lock_guard<std::mutex> lock(mutex);
    measured.latencies_ms.insert(measured.latencies_ms.end(), samples.begin(), samples.end());
    if (!error.empty()) {
      failure = error;
    }
  };

  // A single caller is this thread: OpenMP keeps a team for each thread that ever ran something, and with more
  // threads than processors all of them sleep between the parts of a run instead of spinning.
  if (options.workers == 1) {
    go = true;
    work(buffers.front());
  } else {
    std::vector<std::thread> threads;
    for (bench::Buffers& mine : buffers) {
      threads.emplace_back(work, std::ref(mine));
    }
    while (ready < options.workers) {
      std::this_thread::yield();
    }
    begin = Clock::now();
    go = true;
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
  measured.wall_s = std::chrono::duration<double>(Clock::now() - begin).count();
  if (!failure.empty()) {
    return Error{ErrorCode::backend, failure};
  }
  std::sort(measured.latencies_ms.begin(), measured.latencies_ms.end());
  return measured;
}

struct Stages {
  double decode_ms = 0.0;
  double preprocess_ms = 0.0;
  double infer_ms = 0.0;
  double postprocess_ms = 0.0;
};

double median(std::vector<double>& samples) {
  std::sort(samples.begin(), samples.end());
  return percentile(samples, 0.5);
}

// Medians of the way from a file's bytes to the best classes.
Result<Stages> measure_stages(const Model& model, const bench::Options& options) {
  if (!{= name =}::kHasPreprocess) {
    return Error{ErrorCode::unsupported, "this model was generated without preprocessing: leave the picture out"};
  }
  // First as any program would: its limits, and what is no file.
  if (const Result<{= name =}::Image> readable = {= name =}::read_image(options.image); !readable) {
    return readable.error();
  }
  std::ifstream in(options.image, std::ios::binary);
  const std::vector<char> file{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in) {
    return Error{ErrorCode::not_found, "cannot read " + options.image};
  }
  std::vector<double> decode;
  std::vector<double> prepare;
  std::vector<double> infer;
  std::vector<double> post;
  const {= name =}::DecodeOptions decoding =
      options.fast_jpeg ? {= name =}::scaled_decoding() : {= name =}::DecodeOptions();
  const int runs = options.iterations > 0 ? options.iterations : 30;
  for (int i = -3; i < runs; ++i) {
    const Clock::time_point t0 = Clock::now();
    const Result<{= name =}::Image> image =
        {= name =}::decode_image(reinterpret_cast<const std::uint8_t*>(file.data()), file.size(), decoding);
    if (!image) {
      return Error{image.error().code, options.image + ": " + image.error().message};
    }
    const Clock::time_point t1 = Clock::now();
    const Result<Tensor> tensor = {= name =}::preprocess(*image);
    if (!tensor) {
      return tensor.error();
    }
    const Clock::time_point t2 = Clock::now();
    const Result<{= name =}::Outputs> outputs = model.run({tensor->view()});
    if (!outputs) {
      return outputs.error();
    }
    const Clock::time_point t3 = Clock::now();
    if (Result<void> done = bench::postprocess(*outputs); !done) {
      return done.error();
    }
    const Clock::time_point t4 = Clock::now();
    if (i >= 0) {
      decode.push_back(milliseconds(t1 - t0));
      prepare.push_back(milliseconds(t2 - t1));
      infer.push_back(milliseconds(t3 - t2));
      post.push_back(milliseconds(t4 - t3));
    }
  }
  return Stages{median(decode), median(prepare), median(infer), median(post)};
}

// Medians of the device's own times of a run; unsupported where the backend does not tell them.
Result<StageTimes> measure_device(const Model& model, const bench::Options& options) {
  Result<bench::Buffers> buffers = bench::make_buffers(model, options.batch, 0);
  if (!buffers) {
    return buffers.error();
  }
  std::vector<double> h2d;
  std::vector<double> compute;
  std::vector<double> d2h;
  const int runs = options.iterations > 0 ? options.iterations : 100;
  for (int i = -3; i < runs; ++i) {
    const Result<StageTimes> times = model.run_timed(buffers->input_views, buffers->output_views);
    if (!times) {
      return times.error();
    }
    if (i >= 0) {
      h2d.push_back(times->h2d_ms);
      compute.push_back(times->compute_ms);
      d2h.push_back(times->d2h_ms);
    }
  }
  return StageTimes{median(h2d), median(compute), median(d2h)};
}

// Everything that was measured.
struct Report {
  double load_ms = 0.0;
  std::string engine;  // where it came from; empty for backends without one
  Measured runs;
  bool has_device = false;
  StageTimes device;
  Stages stages;
  std::vector<{= name =}::LayerTime> layers;
  int layer_runs = 0;
  double baseline_ms = 0.0;  // 0: there is no baseline
  double ratio = 0.0;        // to the baseline
};

// "read in 0.1 s from ..." of describe(), which has one fact a line.
std::string engine_origin(const Model& model) {
  const std::string text = model.describe();
  const std::string title = "engine: ";
  const std::size_t begin = text.find(title);
  return begin == std::string::npos ? ""
                                    : text.substr(begin + title.size(), text.find('\n', begin) - begin - title.size());
}

Result<void> measure_layers(const Model& model, const bench::Options& options, Report& report) {
  if (options.dump_profile || !options.export_profile.empty()) {
    std::vector<Tensor> inputs;
    std::vector<TensorView> views;
    for (std::size_t i = 0; i < model.inputs().size(); ++i) {
      Result<Tensor> made = bench::random_tensor(i, model.inputs()[i], options.batch, 0);
      if (!made) {
        return made.error();
      }
      inputs.push_back(std::move(made).value());
    }
    for (const Tensor& input : inputs) {
      views.push_back(input.view());
    }
    report.layer_runs = options.iterations > 0 ? options.iterations : 100;
    Result<std::vector<{= name =}::LayerTime>> layers = model.profile(views, report.layer_runs);
    if (!layers) {
      return layers.error();
    }
    report.layers = *std::move(layers);
  }
  if (!options.export_profile.empty()) {
    if (Result<void> written =
            bench::write_text(options.export_profile, bench::layer_json(report.layers, report.layer_runs));
        !written) {
      return written;
    }
  }
  if (!options.export_layers.empty()) {
    const Result<std::string> json = model.engine_layers();
    if (!json) {
      return json.error();
    }
    return bench::write_text(options.export_layers, *json);
  }
  return {};
}

// The input that --batch is of: the first whose batch varies, else the first.
const TensorInfo& batched_input(const Model& model) {
  const std::vector<TensorInfo>& inputs = model.inputs();
  const auto found =
      std::find_if(inputs.begin(), inputs.end(), [](const TensorInfo& info) { return info.batch_varies(); });
  return found == inputs.end() ? inputs.front() : *found;
}

// Items of a run.
long long batch_of(const Model& model, const bench::Options& options) {
  const TensorInfo& input = batched_input(model);
  return options.batch > 0 ? options.batch : (input.batch ? input.opt[*input.batch] : 1);
}

Result<void> write_times(const std::vector<double>& samples, const std::string& file) {
  std::string text;
  for (const double sample : samples) {
    text += (text.empty() ? "[" : ",") + app::json_number(sample);
  }
  return bench::write_text(file, text + "]\n");
}

Result<void> compare(const Model& model, const bench::Options& options, const bench::Summary& then, Report& report) {
  const double p50 = percentile(report.runs.latencies_ms, 0.50);
  const bench::Summary now{
      p50, batch_of(model, options), {= name =}::process_threads(), options.workers, to_string(model.device())};
  const Result<double> ratio = bench::ratio_to_baseline(now, then, options.baseline);
  if (!ratio) {
    return ratio.error();
  }
  report.baseline_ms = then.p50_ms;
  report.ratio = *ratio;
  return {};
}

Result<void> measure_all(const Model& model, const bench::Options& options, Report& report) {
  if (options.batch > 0 && !batched_input(model).batch_varies() && batch_of(model, {}) != options.batch) {
    return Error{ErrorCode::invalid_argument,
        "--batch: the batch of this model is fixed at " + std::to_string(batch_of(model, {}))};
  }
  if (!options.image.empty()) {
    Result<Stages> stages = measure_stages(model, options);
    if (!stages) {
      return stages.error();
    }
    report.stages = *stages;
  }
  Result<Measured> runs = measure(model, options);
  if (!runs) {
    return runs.error();
  }
  report.runs = *std::move(runs);
  if (!options.export_times.empty()) {
    if (Result<void> written = write_times(report.runs.latencies_ms, options.export_times); !written) {
      return written;
    }
  }
  const Result<StageTimes> device = measure_device(model, options);
  if (!device && device.error().code != ErrorCode::unsupported) {
    return device.error();
  }
  report.has_device = device.ok();
  if (device) {
    report.device = *device;
  }
  return measure_layers(model, options, report);
}

void print_report(const Model& model, const bench::Options& options, const Report& report) {
  const std::vector<double>& samples = report.runs.latencies_ms;
  double sum = 0.0;
  for (const double sample : samples) {
    sum += sample;
  }
  const long long batch = batch_of(model, options);
  const double mean = sum / static_cast<double>(samples.size());
  const double throughput = static_cast<double>(samples.size()) * static_cast<double>(batch) / report.runs.wall_s;
  const double p50 = percentile(samples, 0.50);
  const double p90 = percentile(samples, 0.90);
  const double p99 = percentile(samples, 0.99);
  const Stages& stages = report.stages;
  const StageTimes& device = report.device;
  if (options.json) {
    std::printf(
        "{\"p50_ms\": %.6g, \"p90_ms\": %.6g, \"p99_ms\": %.6g, \"mean_ms\": %.6g, \"min_ms\": %.6g, "
        "\"throughput_per_s\": %.6g, \"batch\": %lld, \"threads\": %d, \"workers\": %d, \"device\": \"%s\", "
        "\"iterations\": %zu, \"load_ms\": %.6g",
        p50, p90, p99, mean, samples.front(), throughput, batch, {= name =}::process_threads(), options.workers,
        to_string(model.device()), samples.size(), report.load_ms);
    if (!options.image.empty()) {
      std::printf(", \"decode_ms\": %.6g, \"preprocess_ms\": %.6g, \"infer_ms\": %.6g, \"postprocess_ms\": %.6g",
          stages.decode_ms, stages.preprocess_ms, stages.infer_ms, stages.postprocess_ms);
    }
    if (report.has_device) {
      std::printf(", \"h2d_ms\": %.6g, \"compute_ms\": %.6g, \"d2h_ms\": %.6g", device.h2d_ms, device.compute_ms,
          device.d2h_ms);
    }
    if (!report.engine.empty()) {
      std::printf(", \"engine\": %s, \"cuda_graph\": %s", app::json_string(report.engine).c_str(),
          options.load.engine.cuda_graph ? "true" : "false");
    }
    if (report.baseline_ms > 0.0) {
      std::printf(", \"baseline_p50_ms\": %.6g, \"baseline_ratio\": %.6g", report.baseline_ms, report.ratio);
    }
    if (options.dump_profile) {
      std::printf(", \"layers\": %s", bench::layer_json(report.layers, report.layer_runs).c_str());
    }
    std::printf("}\n");
    return;
  }
  std::printf("{= name =} on %s, %s, batch %lld, %d threads, %d workers, %zu runs\n",
      {= name =}::backend_version().c_str(), to_string(model.device()), batch, {= name =}::process_threads(),
      options.workers, samples.size());
  std::printf(
      "  latency ms   p50 %.3f   p90 %.3f   p99 %.3f   mean %.3f   min %.3f\n", p50, p90, p99, mean, samples.front());
  std::printf("  throughput   %.1f items/s\n  load         %.0f ms%s%s\n", throughput, report.load_ms,
      report.engine.empty() ? "" : ", engine ", report.engine.c_str());
  if (!options.image.empty()) {
    std::printf("  stages ms    decode %.3f   preprocess %.3f   infer %.3f   postprocess %.3f\n", stages.decode_ms,
        stages.preprocess_ms, stages.infer_ms, stages.postprocess_ms);
  }
  if (report.has_device) {
    std::printf("  device ms    h2d %.3f   compute %.3f   d2h %.3f\n", device.h2d_ms, device.compute_ms, device.d2h_ms);
  }
  if (report.baseline_ms > 0.0) {
    std::printf("  baseline     p50 %.3f ms then, now %.3f of it\n", report.baseline_ms, report.ratio);
  }
  if (options.dump_profile) {
    std::fputs(bench::layer_table(report.layers).c_str(), stdout);
  }
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
  const Clock::time_point load_start = Clock::now();
  const Result<Model> model = Model::load(load);
  console.clear();
  if (!model) {
    return app::fail(kProgram, model.error());
  }
  Report report;
  report.load_ms = milliseconds(Clock::now() - load_start);
  report.engine = engine_origin(*model);
  if (const Result<void> measured = measure_all(*model, options, report); !measured) {
    return app::fail(kProgram, measured.error());
  }
  if (!options.baseline.empty()) {
    if (const Result<void> compared = compare(*model, options, baseline, report); !compared) {
      return app::fail(kProgram, compared.error());
    }
  }
  print_report(*model, options, report);
  if (report.ratio > 1.0 + options.max_regression) {
    std::fprintf(stderr, "{= name =}_bench: slower than the baseline: %.3f of its p50, allowed %.3f\n", report.ratio,
        1.0 + options.max_regression);
    return app::finish(kProgram, 1);
  }
  return app::finish(kProgram, 0);
}
