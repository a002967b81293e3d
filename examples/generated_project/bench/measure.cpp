#include "measure.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sample/image.hpp"
#include "sample/model_info.hpp"
#include "sample/preprocess.hpp"

#include "inputs.hpp"
#include "json.hpp"
#include "layers.hpp"
#include "postprocess.hpp"
#include "timing.hpp"

namespace sample::bench {
namespace {

// `workers` callers, each with its own buffers, start together and run until the time or the count is up.
Result<Measured> measure(const Model& model, const Options& options) {
  std::vector<Buffers> buffers;
  for (int w = 0; w < options.workers; ++w) {
    Result<Buffers> made = make_buffers(model, options.batch, static_cast<unsigned>(w));
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
  const auto work = [&](Buffers& mine) {
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
    for (Buffers& mine : buffers) {
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

// Medians of the way from a file's bytes to the best classes.
Result<Stages> measure_stages(const Model& model, const Options& options) {
  if (!kHasPreprocess) {
    return Error{ErrorCode::unsupported, "this model was generated without preprocessing: leave the picture out"};
  }
  // First as any program would: its limits, and what is no file.
  if (const Result<Image> readable = read_image(options.image); !readable) {
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
  const DecodeOptions decoding =
      options.fast_jpeg ? scaled_decoding() : DecodeOptions();
  const int runs = options.iterations > 0 ? options.iterations : 30;
  for (int i = -3; i < runs; ++i) {
    const Clock::time_point t0 = Clock::now();
    const Result<Image> image =
        decode_image(reinterpret_cast<const std::uint8_t*>(file.data()), file.size(), decoding);
    if (!image) {
      return Error{image.error().code, options.image + ": " + image.error().message};
    }
    const Clock::time_point t1 = Clock::now();
    const Result<Tensor> tensor = preprocess(*image);
    if (!tensor) {
      return tensor.error();
    }
    const Clock::time_point t2 = Clock::now();
    const Result<Outputs> outputs = model.run({tensor->view()});
    if (!outputs) {
      return outputs.error();
    }
    const Clock::time_point t3 = Clock::now();
    if (Result<void> done = postprocess(*outputs); !done) {
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
Result<StageTimes> measure_device(const Model& model, const Options& options) {
  Result<Buffers> buffers = make_buffers(model, options.batch, 0);
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

Result<void> measure_layers(const Model& model, const Options& options, Report& report) {
  if (options.dump_profile || !options.export_profile.empty()) {
    std::vector<Tensor> inputs;
    std::vector<TensorView> views;
    for (std::size_t i = 0; i < model.inputs().size(); ++i) {
      Result<Tensor> made = random_tensor(i, model.inputs()[i], options.batch, 0);
      if (!made) {
        return made.error();
      }
      inputs.push_back(std::move(made).value());
    }
    for (const Tensor& input : inputs) {
      views.push_back(input.view());
    }
    report.layer_runs = options.iterations > 0 ? options.iterations : 100;
    Result<std::vector<LayerTime>> layers = model.profile(views, report.layer_runs);
    if (!layers) {
      return layers.error();
    }
    report.layers = *std::move(layers);
  }
  if (!options.export_profile.empty()) {
    if (Result<void> written =
            write_text(options.export_profile, layer_json(report.layers, report.layer_runs));
        !written) {
      return written;
    }
  }
  if (!options.export_layers.empty()) {
    const Result<std::string> json = layers_of_engine(model);
    if (!json) {
      return json.error();
    }
    return write_text(options.export_layers, *json);
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

Result<void> write_times(const std::vector<double>& samples, const std::string& file) {
  std::string text;
  for (const double sample : samples) {
    text += (text.empty() ? "[" : ",") + app::json_number(sample);
  }
  return write_text(file, text + "]\n");
}

}  // namespace

long long batch_of(const Model& model, const Options& options) {
  const TensorInfo& input = batched_input(model);
  return options.batch > 0 ? options.batch : (input.batch ? input.opt[*input.batch] : 1);
}

Result<void> compare(const Model& model, const Options& options, const Summary& then, Report& report) {
  const double p50 = percentile(report.runs.latencies_ms, 0.50);
  const Summary now{
      p50, batch_of(model, options), process_threads(), options.workers, to_string(model.device())};
  const Result<double> ratio = ratio_to_baseline(now, then, options.baseline);
  if (!ratio) {
    return ratio.error();
  }
  report.baseline_ms = then.p50_ms;
  report.ratio = *ratio;
  return {};
}

Result<void> measure_all(const Model& model, const Options& options, Report& report) {
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

}  // namespace sample::bench
