// Times the model: latency percentiles, throughput, and the stages of a picture.
#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "{= name =}/classify.hpp"
#include "{= name =}/image.hpp"
#include "{= name =}/model.hpp"
#include "{= name =}/model_info.hpp"
#include "{= name =}/preprocess.hpp"

using {= name =}::Dims;
using {= name =}::DType;
using {= name =}::Error;
using {= name =}::ErrorCode;
using {= name =}::Model;
using {= name =}::Result;
using {= name =}::Tensor;
using {= name =}::TensorInfo;
using {= name =}::TensorView;

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  int iterations = 0;  // 0: as many as fit into `seconds`
  double seconds = 5.0;
  int warmup = 10;
  int batch = 0;  // 0: the size the artifact is tuned for
  int threads = 0;
  int workers = 1;
  std::optional<{= name =}::Device> device;  // empty: the backend's own
  std::string image;
  bool json = false;
  bool help = false;
};

constexpr const char* kUsage = R"(usage: {= name =}_bench [options] [PICTURE]

With a PICTURE, the stages decode, preprocess, infer and postprocess are timed too.

  --iterations N  timed runs of each worker (default: as many as fit into --seconds)
  --seconds S     time to measure for (default 5)
  --warmup N      runs before the first timed one (default 10)
  --batch N       first dimension of the inputs (default: what the artifact is tuned for)
  --threads N     threads for one run (default: the backend's choice)
  --workers N     callers at the same time (default 1)
  --device D      cpu or cuda (default: where the backend runs best); a run ends when its outputs are in host memory
  --json          one JSON object on standard output
  --help          this text
)";

template <typename Number>
bool parse(std::string_view text, Number least, Number& number) {
  if constexpr (std::is_integral_v<Number>) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() && number >= least;
  } else {
    char* end = nullptr;
    const std::string copy(text);
    number = std::strtod(copy.c_str(), &end);
    return !copy.empty() && *end == '\0' && number >= least && std::isfinite(number);
  }
}

Result<Options> parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--json") {
      options.json = true;
      continue;
    }
    if (option == "--help" || option == "-h") {
      options.help = true;
      continue;
    }
    if (option.substr(0, 1) != "-") {
      if (!options.image.empty()) {
        return Error{ErrorCode::invalid_argument, "one picture at a time; see --help"};
      }
      options.image = option;
      continue;
    }
    const std::string_view value = i + 1 < argc ? argv[++i] : "";
    bool good = true;
    if (option == "--iterations") {
      good = parse(value, 1, options.iterations);
    } else if (option == "--seconds") {
      good = parse(value, 0.001, options.seconds);
    } else if (option == "--warmup") {
      good = parse(value, 0, options.warmup);
    } else if (option == "--batch") {
      good = parse(value, 1, options.batch);
    } else if (option == "--threads") {
      good = parse(value, 1, options.threads);
    } else if (option == "--workers") {
      good = parse(value, 1, options.workers) && options.workers <= 1024;
    } else if (option == "--device") {
      good = value == "cpu" || value == "cuda";
      options.device = value == "cuda" ? {= name =}::Device::cuda : {= name =}::Device::cpu;
    } else {
      return Error{ErrorCode::invalid_argument, "unknown option " + std::string(option) + "; see --help"};
    }
    if (!good) {
      return Error{ErrorCode::invalid_argument, std::string(option) + ": bad value '" + std::string(value) + "'; see --help"};
    }
  }
  return options;
}

// Values that no layer can shortcut: uniform in [-1, 1], whole numbers 0 to 9 for integer types.
Tensor random_tensor(const TensorInfo& info, int batch, unsigned seed) {
  Dims dims = info.opt;
  if (batch > 0 && !dims.empty() && info.dims[0] < 0) {
    dims[0] = batch;
  }
  Tensor tensor(info.dtype, dims);
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> real(-1.0F, 1.0F);
  std::uniform_int_distribution<int> whole(0, 9);
  const std::int64_t count = dims.elements();
  auto* bytes = static_cast<unsigned char*>(tensor.data());
  for (std::int64_t i = 0; i < count; ++i) {
    switch (info.dtype) {
      case DType::float32:
        tensor.data_as<float>()[i] = real(random);
        break;
      case DType::float64:
        tensor.data_as<double>()[i] = static_cast<double>(real(random));
        break;
      case DType::int64:
        tensor.data_as<std::int64_t>()[i] = whole(random);
        break;
      case DType::int32:
        tensor.data_as<std::int32_t>()[i] = whole(random);
        break;
      case DType::float16: {
        const std::uint16_t half = {= name =}::float_to_half(real(random));
        std::memcpy(bytes + 2 * i, &half, sizeof half);
        break;
      }
      case DType::bfloat16: {
        const std::uint16_t half = {= name =}::float_to_bfloat16(real(random));
        std::memcpy(bytes + 2 * i, &half, sizeof half);
        break;
      }
      case DType::int16:
        tensor.data_as<std::int16_t>()[i] = static_cast<std::int16_t>(whole(random));
        break;
      case DType::boolean:
        bytes[i] = static_cast<unsigned char>(whole(random) % 2);
        break;
      case DType::int8:
      case DType::uint8:
        bytes[i] = static_cast<unsigned char>(whole(random));
        break;
    }
  }
  return tensor;
}

// Inputs and output buffers of one caller.
struct Buffers {
  std::vector<Tensor> inputs;
  {= name =}::Outputs outputs;
  std::vector<TensorView> input_views;
  std::vector<TensorView> output_views;
};

Result<Buffers> make_buffers(const Model& model, int batch, unsigned seed) {
  Buffers buffers;
  for (const TensorInfo& info : model.inputs()) {
    buffers.inputs.push_back(random_tensor(info, batch, seed));
    buffers.input_views.push_back(buffers.inputs.back().view());
  }
  Result<{= name =}::Outputs> first = model.run(buffers.input_views);  // tells the outputs' sizes
  if (!first) {
    return first.error();
  }
  for (const Tensor& tensor : *first) {
    buffers.outputs.emplace_back(tensor.dtype(), tensor.dims());
    buffers.output_views.push_back(buffers.outputs.back().view());
  }
  return buffers;
}

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
    const auto deadline = begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.seconds));
    Clock::time_point now = Clock::now();
    while (error.empty() && (options.iterations > 0 ? samples.size() < static_cast<std::size_t>(options.iterations) : (now < deadline || samples.empty()))) {
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
Result<Stages> measure_stages(const Model& model, const Options& options) {
  if (!{= name =}::kHasPreprocess) {
    return Error{ErrorCode::unsupported, "this model was generated without preprocessing: leave the picture out"};
  }
  if (!std::filesystem::is_regular_file(options.image)) {
    return Error{ErrorCode::not_found, options.image + " is not a file"};
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
  const int runs = options.iterations > 0 ? options.iterations : 30;
  for (int i = -3; i < runs; ++i) {
    const Clock::time_point t0 = Clock::now();
    const Result<{= name =}::Image> image = {= name =}::decode_image(reinterpret_cast<const std::uint8_t*>(file.data()), file.size());
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
    if ({= name =}::kClassifier) {
      if (const auto best = {= name =}::top_k((*outputs)[0], 0, 5); !best) {
        return best.error();
      }
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

int fail(const Error& error) {
  std::fprintf(stderr, "{= name =}_bench: %s\n", error.message.c_str());
  return error.code == ErrorCode::invalid_argument ? 2 : (error.code == ErrorCode::no_device ? 3 : 1);
}

}  // namespace

int main(int argc, char** argv) {
  const Result<Options> parsed = parse_options(argc, argv);
  if (!parsed) {
    return fail(parsed.error());
  }
  const Options& options = *parsed;
  if (options.help) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  if (const Result<void> configured = {= name =}::configure_process({options.threads, false}); !configured) {
    return fail(configured.error());
  }
  if (!{= name =}::kWeightsWarning.empty()) {
    std::fprintf(stderr, "{= name =}_bench: WARNING: %s\n", std::string({= name =}::kWeightsWarning).c_str());
  }
  {= name =}::LoadOptions load;
  load.device = options.device;
  const Clock::time_point load_start = Clock::now();
  const Result<Model> model = Model::load(load);
  if (!model) {
    return fail(model.error());
  }
  const double load_ms = milliseconds(Clock::now() - load_start);

  if (options.batch > 0 && model->inputs()[0].dims[0] >= 0 && model->inputs()[0].dims[0] != options.batch) {
    return fail(Error{ErrorCode::invalid_argument, "--batch: the first dimension of this model is fixed at " + std::to_string(model->inputs()[0].dims[0])});
  }
  Stages stages;
  if (!options.image.empty()) {
    const Result<Stages> measured_stages = measure_stages(*model, options);
    if (!measured_stages) {
      return fail(measured_stages.error());
    }
    stages = *measured_stages;
  }
  const Result<Measured> measured = measure(*model, options);
  if (!measured) {
    return fail(measured.error());
  }

  const std::vector<double>& samples = measured->latencies_ms;
  double sum = 0.0;
  for (const double sample : samples) {
    sum += sample;
  }
  const auto batch = static_cast<long long>(options.batch > 0 ? options.batch : (model->inputs()[0].opt.empty() ? 1 : model->inputs()[0].opt[0]));
  const double mean = sum / static_cast<double>(samples.size());
  const double throughput = static_cast<double>(samples.size()) * static_cast<double>(batch) / measured->wall_s;
  const double p50 = percentile(samples, 0.50);
  const double p90 = percentile(samples, 0.90);
  const double p99 = percentile(samples, 0.99);
  if (options.json) {
    std::printf("{\"p50_ms\": %.6g, \"p90_ms\": %.6g, \"p99_ms\": %.6g, \"mean_ms\": %.6g, \"min_ms\": %.6g, \"throughput_per_s\": %.6g, \"batch\": %lld, \"threads\": %d, \"workers\": %d, \"iterations\": %zu, \"load_ms\": %.6g", p50, p90, p99, mean, samples.front(), throughput, batch, {= name =}::process_threads(), options.workers, samples.size(), load_ms);
    if (!options.image.empty()) {
      std::printf(", \"decode_ms\": %.6g, \"preprocess_ms\": %.6g, \"infer_ms\": %.6g, \"postprocess_ms\": %.6g", stages.decode_ms, stages.preprocess_ms, stages.infer_ms, stages.postprocess_ms);
    }
    std::printf("}\n");
    return 0;
  }
  std::printf("{= name =} on %s, %s, batch %lld, %d threads, %d workers, %zu runs\n", {= name =}::backend_version().c_str(), to_string(model->device()), batch, {= name =}::process_threads(), options.workers, samples.size());
  std::printf("  latency ms   p50 %.3f   p90 %.3f   p99 %.3f   mean %.3f   min %.3f\n", p50, p90, p99, mean, samples.front());
  std::printf("  throughput   %.1f items/s\n  load         %.0f ms\n", throughput, load_ms);
  if (!options.image.empty()) {
    std::printf("  stages ms    decode %.3f   preprocess %.3f   infer %.3f   postprocess %.3f\n", stages.decode_ms, stages.preprocess_ms, stages.infer_ms, stages.postprocess_ms);
  }
  return 0;
}
