#include "tensorrt/trt_build.hpp"

#include <algorithm>
#include <exception>
#include <mutex>
#include <vector>

#include "assets/path_text.hpp"
#include "facts.hpp"
#include "tensorrt/compat.hpp"
#include "tensorrt/trt_cache.hpp"
#include "tensorrt/trt_logger.hpp"

namespace sample::trt {
namespace {

using nvinfer1::OptProfileSelector;

constexpr int kMaxDepth = 8;  // of phases within phases

// Turns TensorRT's phases, which are nested, into one fraction that only grows.
class Progress final : public BuildListener {
 public:
  explicit Progress(const std::function<void(double, const std::string&)>& report) : report_(&report) {}

  void started(const char* phase, const char* parent, int steps) noexcept override {
    guarded([&] {
      // A parent that is not known is over, or was never told: the phase stands for itself.
      phases_.push_back({phase, parent == nullptr ? "" : parent, steps > 0 ? steps : 1, 0});
      tell(phase);
    });
  }

  bool stepped(const char* phase, int step) noexcept override {
    return guarded([&] {
      for (Phase& known : phases_) {
        if (known.name == phase) {
          known.done = std::min(step + 1, known.steps);
        }
      }
      tell(phase);
    });
  }

  void finished(const char* phase) noexcept override {
    guarded([&] {
      phases_.erase(
          std::remove_if(phases_.begin(), phases_.end(), [&](const Phase& known) { return known.name == phase; }),
          phases_.end());
    });
  }

  // Throws what the caller's callback threw.
  void rethrow() const {
    if (thrown_) {
      std::rethrow_exception(thrown_);
    }
  }

 private:
  struct Phase {
    std::string name;
    std::string parent;
    int steps = 1;
    int done = 0;
  };

  // Of a phase, with the part that its own sub-phase has done of the step under way.
  [[nodiscard]] double fraction_of(const Phase& phase, int depth) const {
    double inner = 0.0;
    for (const Phase& other : phases_) {
      if (other.parent == phase.name && depth > 0) {
        inner = std::max(inner, fraction_of(other, depth - 1));
      }
    }
    return std::min(1.0, (static_cast<double>(phase.done) + inner) / static_cast<double>(phase.steps));
  }

  void tell(const char* phase) {
    if (!phases_.empty()) {
      largest_ = std::max(largest_, fraction_of(phases_.front(), kMaxDepth));
    }
    (*report_)(largest_, phase);
  }

  // Runs `body` unless the caller's callback has thrown; false from then on.
  template <typename Body>
  bool guarded(Body&& body) noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!thrown_) {
      try {
        body();
      } catch (...) {
        thrown_ = std::current_exception();
      }
    }
    return !thrown_;
  }

  const std::function<void(double, const std::string&)>* report_;
  std::mutex mutex_;  // TensorRT calls from several threads
  std::vector<Phase> phases_;
  double largest_ = 0.0;
  std::exception_ptr thrown_;
};

Error backend_error(const std::string& what, Logger& logger) {
  return Error{ErrorCode::backend, what + logger.reasons()};
}

// Whether the network's tensor is the one that this project knows; empty, or how it differs.
std::string difference(const nvinfer1::ITensor& tensor, const TensorInfo& info) {
  if (tensor.isNetworkInput() && tensor.isShapeTensor()) {
    return "it holds a shape, which has to be in host memory";
  }
  const std::optional<DType> dtype = from_trt(tensor.getType());
  if (dtype != info.dtype) {
    return std::string("it is ") + (dtype ? to_string(*dtype) : "of a type that tensors here cannot hold") +
        ", expected " + to_string(info.dtype);
  }
  const Dims dims = from_trt(tensor.getDimensions());
  bool same = dims.size() == info.dims.size();
  for (std::size_t i = 0; same && i < dims.size(); ++i) {
    same = dims[i] < 0 || dims[i] == info.dims[i];
  }
  return same ? "" : "its shape is " + to_string(dims) + ", expected " + to_string(info.dims);
}

// The network's inputs or outputs have the names, types and shapes of model_info.hpp, in whatever order.
template <typename At>
Result<void> check_tensors(int count, At at, const std::vector<TensorInfo>& infos, const std::string& what) {
  std::string problems;
  for (const TensorInfo& info : infos) {
    const nvinfer1::ITensor* tensor = nullptr;
    for (int i = 0; i < count && tensor == nullptr; ++i) {
      tensor = at(i)->getName() == info.name ? at(i) : nullptr;
    }
    const std::string problem = tensor == nullptr ? "the network has none of this name" : difference(*tensor, info);
    if (!problem.empty()) {
      problems += "\n  " + what + " '" + info.name + "': " + problem;
    }
  }
  if (static_cast<std::size_t>(count) != infos.size()) {
    problems +=
        "\n  the network has " + std::to_string(count) + " " + what + "(s), expected " + std::to_string(infos.size());
  }
  return problems.empty() ? Result<void>()
                          : Error{ErrorCode::unsupported, "the network is not that of this project:" + problems};
}

Result<void> check_network(const nvinfer1::INetworkDefinition& network) {
  if (Result<void> inputs = check_tensors(
          network.getNbInputs(), [&](int i) { return network.getInput(i); }, input_infos(), "input");
      !inputs) {
    return inputs;
  }
  return check_tensors(network.getNbOutputs(), [&](int i) { return network.getOutput(i); }, output_infos(), "output");
}

// The profiles of engine_info.hpp, for the inputs that have a size which may vary.
Result<void> add_profiles(nvinfer1::IBuilder& builder, nvinfer1::IBuilderConfig& config,
    const nvinfer1::INetworkDefinition& network, Logger& logger) {
  const std::vector<TensorInfo> infos = input_infos();
  const auto dynamic = [&](const TensorInfo& info) {
    for (int i = 0; i < network.getNbInputs(); ++i) {
      if (network.getInput(i)->getName() == info.name && is_dynamic(from_trt(network.getInput(i)->getDimensions()))) {
        return true;
      }
    }
    return false;
  };
  if (std::none_of(infos.begin(), infos.end(), dynamic)) {
    return {};
  }
  for (const ProfileShapes& shapes : engine_profiles()) {
    nvinfer1::IOptimizationProfile* profile = builder.createOptimizationProfile();  // the builder's
    if (profile == nullptr) {
      return backend_error("TensorRT cannot make an optimisation profile", logger);
    }
    for (std::size_t i = 0; i < infos.size(); ++i) {
      const char* name = infos[i].name.c_str();
      const ShapeRange& range = shapes[i];
      if (dynamic(infos[i]) &&
          !(profile->setDimensions(name, OptProfileSelector::kMIN, to_trt(range.min)) &&
              profile->setDimensions(name, OptProfileSelector::kOPT, to_trt(range.opt)) &&
              profile->setDimensions(name, OptProfileSelector::kMAX, to_trt(range.max)))) {
        return backend_error("TensorRT refuses the profile of input '" + infos[i].name + "', " + to_string(range.min) +
                " to " + to_string(range.max),
            logger);
      }
    }
    if (config.addOptimizationProfile(profile) < 0) {
      return backend_error("TensorRT refuses an optimisation profile", logger);
    }
  }
  return {};
}

// As trtexec has it: "-CUDNN,+JIT_CONVOLUTIONS" changes the default set.
Result<void> set_tactic_sources(nvinfer1::IBuilderConfig& config, const std::string& text) {
  if (text.empty()) {
    return {};
  }
  nvinfer1::TacticSources sources = config.getTacticSources();
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string item = text.substr(begin, end - begin);
    begin = end + 1;
    const auto known = std::find_if(kTacticSources.begin(), kTacticSources.end(), [&](const TacticSourceName& source) {
      return item.size() > 1 && item.compare(1, std::string::npos, source.name) == 0;
    });
    if (known == kTacticSources.end() || (item[0] != '+' && item[0] != '-')) {
      std::string names;
      for (const TacticSourceName& source : kTacticSources) {
        names += (names.empty() ? "" : ", ") + std::string(source.name);
      }
      return Error{ErrorCode::invalid_argument,
          "tactic sources are written -NAME or +NAME, with commas between; " + std::string(kProduct) + " " +
              to_string(kHeaders) + " has " + names + "; got '" + item + "'"};
    }
    const nvinfer1::TacticSources bit = 1U << static_cast<std::uint32_t>(known->source);
    sources = item[0] == '+' ? sources | bit : sources & ~bit;
  }
  if (!config.setTacticSources(sources)) {
    return Error{ErrorCode::unsupported, "TensorRT does not take the tactic sources '" + text + "'"};
  }
  return {};
}

Result<void> configure(nvinfer1::IBuilderConfig& config, const EngineOptions& options) {
  if (Result<void> set = set_precision(config, engine_precision()); !set) {
    return set;
  }
  if (!engine_tf32()) {
    config.clearFlag(nvinfer1::BuilderFlag::kTF32);
  }
  if (options.workspace_bytes > 0) {
    config.setMemoryPoolLimit(nvinfer1::MemoryPoolType::kWORKSPACE, static_cast<std::size_t>(options.workspace_bytes));
  }
  config.setProfilingVerbosity(options.detailed_layers ? nvinfer1::ProfilingVerbosity::kDETAILED
                                                       : nvinfer1::ProfilingVerbosity::kLAYER_NAMES_ONLY);
  share_profiles(config);
  if (Result<void> set = set_optimization_level(config, options.optimization_level); !set) {
    return set;
  }
  if (Result<void> set = set_compatibility(config, options); !set) {
    return set;
  }
  limit_tactics(config);
  return set_tactic_sources(config, options.tactic_sources);
}

// Kernels' times of earlier builds, or an empty cache. Null where TensorRT makes none: the build then only
// takes longer.
Handle<nvinfer1::ITimingCache> use_timing_cache(
    nvinfer1::IBuilderConfig& config, const BuildRequest& request, Logger& logger) {
  if (request.timing_cache.empty()) {
    config.setFlag(nvinfer1::BuilderFlag::kDISABLE_TIMING_CACHE);
    return nullptr;
  }
  const Result<Bytes> stored = read_cached(request.timing_cache, request.timing_key, Check::full);
  if (!stored && stored.error().code != ErrorCode::not_found) {
    logger.say(LogLevel::warning, "the timing cache is made anew: " + stored.error().message);
  }
  Handle<nvinfer1::ITimingCache> cache;
  if (stored) {
    cache.reset(config.createTimingCache(stored->data.get(), stored->size));
  }
  if (cache == nullptr || !config.setTimingCache(*cache, false)) {
    cache.reset(config.createTimingCache(nullptr, 0));
    if (cache != nullptr && !config.setTimingCache(*cache, false)) {
      cache.reset();
    }
  }
  return cache;
}

void keep_timing_cache(const nvinfer1::IBuilderConfig& config, const BuildRequest& request, Logger& logger) {
  const nvinfer1::ITimingCache* cache = config.getTimingCache();  // the config's
  const Handle<nvinfer1::IHostMemory> content(cache == nullptr ? nullptr : cache->serialize());
  if (content == nullptr) {
    return;
  }
  if (Result<void> written = write_cached(request.timing_cache, request.timing_key, content->data(), content->size());
      !written) {
    logger.say(LogLevel::warning, "the timing cache is not kept: " + written.error().message);
  }
}

}  // namespace

Result<Handle<nvinfer1::IHostMemory>> build_plan(Logger& logger, const BuildRequest& request) {
  // What is declared later is destroyed earlier: the network, what it refers to and the config go before the
  // builder, and the monitor and the timing cache outlive the config that points to them.
  const Handle<nvinfer1::IBuilder> builder(nvinfer1::createInferBuilder(logger));
  if (builder == nullptr) {
    return backend_error("TensorRT cannot make a builder", logger);
  }
  Progress progress(request.progress);
  BuildMonitor monitor(progress);
  Handle<nvinfer1::ITimingCache> timing_cache;
  const Handle<nvinfer1::INetworkDefinition> network(builder->createNetworkV2(network_flags()));
  if (network == nullptr) {
    return backend_error("TensorRT cannot make a network", logger);
  }
  const Result<std::shared_ptr<void>> defined = define_network(*network, logger, request.source);
  if (!defined) {
    return defined.error();
  }
  if (Result<void> known = check_network(*network); !known) {
    return known.error();
  }
  const Handle<nvinfer1::IBuilderConfig> config(builder->createBuilderConfig());
  if (config == nullptr) {
    return backend_error("TensorRT cannot make a build configuration", logger);
  }
  if (Result<void> set = configure(*config, request.options); !set) {
    return set.error();
  }
  if (Result<void> added = add_profiles(*builder, *config, *network, logger); !added) {
    return added.error();
  }
  timing_cache = use_timing_cache(*config, request, logger);
  watch(*config, monitor);

  Handle<nvinfer1::IHostMemory> plan(builder->buildSerializedNetwork(*network, *config));
  progress.rethrow();
  logger.rethrow();
  if (plan == nullptr || plan->size() == 0) {
    return Error{ErrorCode::backend, "TensorRT could not build the engine" + logger.reasons() + free_memory_text()};
  }
  if (timing_cache != nullptr) {
    keep_timing_cache(*config, request, logger);
  }
  return plan;
}

}  // namespace sample::trt
