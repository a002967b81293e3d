// The boundary to TensorRT: nothing beyond this file throws through the API.
#include "sample/model.hpp"

#include <algorithm>
#include <new>
#include <thread>
#include <utility>

#include "sample/processors.hpp"

#include "check_views.hpp"
#include "facts.hpp"
#include "trt_inspect.hpp"

namespace sample {
namespace {

constexpr int kDefaultContexts = 8;
constexpr int kMaxContexts = 1024;
// The first run at a shape sets it up, the second captures its CUDA graph, the third replays it.
constexpr int kWarmUpRuns = 3;
// One run keeps one CPU thread busy, whatever the model: the work is on the GPU.
constexpr int kThreads = 1;

// Runs `body`, and turns what it throws into an Error. `what` is no std::string: a run allocates nothing
// for messages that it does not need.
template <typename Body>
auto guarded(const char* what, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::backend, "out of memory"};
  } catch (const std::exception& e) {
    return Error{ErrorCode::backend, std::string(what) + ": " + e.what()};
  } catch (...) {  // a callback of the caller may throw anything
    return Error{ErrorCode::backend, std::string(what) + ": unknown exception"};
  }
}

Result<void> check_options(const LoadOptions& options) {
  if (options.device.value_or(Device::cuda) != Device::cuda) {
    return Error{ErrorCode::unsupported,
        "TensorRT runs on NVIDIA GPUs only: leave LoadOptions::device empty, or use a LibTorch project of the model on "
        "the CPU"};
  }
  if (options.threads != 0 && options.threads != kThreads) {
    return Error{ErrorCode::unsupported,
        "TensorRT computes on the GPU, and a run takes one thread: leave LoadOptions::threads at 0 "
        "(configure_process() does not change it either)"};
  }
  if (options.engine.contexts < 0 || options.engine.contexts > kMaxContexts) {
    return Error{ErrorCode::invalid_argument,
        "contexts must be from 0 to " + std::to_string(kMaxContexts) + ", got " +
            std::to_string(options.engine.contexts)};
  }
  return {};
}

}  // namespace

struct Model::Impl {
  Impl(trt::Engine&& opened, const EngineOptions& options)
      : engine(std::move(opened)),
        graphs(options.cuda_graph, options.cuda_graph ? "" : "EngineOptions::cuda_graph"),
        pool(std::make_unique<trt::Pool>(
            engine, graphs, static_cast<std::size_t>(options.contexts == 0 ? kDefaultContexts : options.contexts))) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    const trt::DeviceGuard on_device(engine.gpu.index);
    pool.reset();
    engine.engine.reset();
    engine.runtime.reset();
  }

  [[nodiscard]] Result<void> check_devices(TensorViews views, const char* what) const;
  [[nodiscard]] Result<Outputs> run(TensorViews views) const;
  [[nodiscard]] Result<void> run(TensorViews views, TensorViews results, StageTimes* times) const;
  [[nodiscard]] Result<void> warm_up() const;

  std::vector<TensorInfo> inputs = input_infos();
  std::vector<TensorInfo> outputs = output_infos();
  trt::Engine engine;
  mutable trt::GraphSwitch graphs;
  std::unique_ptr<trt::Pool> pool;
};

Result<void> Model::Impl::check_devices(TensorViews views, const char* what) const {
  for (std::size_t i = 0; i < views.size(); ++i) {
    if (views[i].device == Device::cuda && views[i].device_index != engine.gpu.index) {
      return Error{ErrorCode::unsupported,
          std::string(what) + " " + std::to_string(i) + " is in the memory of CUDA device " +
              std::to_string(views[i].device_index) + ", the model was loaded on device " +
              std::to_string(engine.gpu.index)};
    }
  }
  return {};
}

Result<Outputs> Model::Impl::run(TensorViews views) const {
  return guarded("running the model", [&]() -> Result<Outputs> {
    if (Result<void> fits = check_views(views, inputs, "input"); !fits) {
      return fits.error();
    }
    if (Result<void> reachable = check_devices(views, "input"); !reachable) {
      return reachable.error();
    }
    const trt::DeviceGuard on_device(engine.gpu.index);
    if (Result<void> current = on_device.status(); !current) {
      return current.error();
    }
    Result<trt::Pool::Lease> slot = pool->take(views);
    return slot ? (*slot)->run(views) : Result<Outputs>(slot.error());
  });
}

Result<void> Model::Impl::run(TensorViews views, TensorViews results, StageTimes* times) const {
  return guarded("running the model", [&]() -> Result<void> {
    if (Result<void> fits = check_views(views, inputs, "input"); !fits) {
      return fits;
    }
    if (Result<void> fits = check_views(results, outputs, "output"); !fits) {
      return fits;
    }
    if (Result<void> reachable = check_devices(views, "input"); !reachable) {
      return reachable;
    }
    if (Result<void> reachable = check_devices(results, "output"); !reachable) {
      return reachable;
    }
    const trt::DeviceGuard on_device(engine.gpu.index);
    if (Result<void> current = on_device.status(); !current) {
      return current;
    }
    Result<trt::Pool::Lease> slot = pool->take(views);
    return slot ? (*slot)->run(views, results, times) : Result<void>(slot.error());
  });
}

// On the sizes that the engine is tuned for; those of a caller's own engine may lie outside of what the project takes.
Result<void> Model::Impl::warm_up() const {
  std::vector<Tensor> tensors;
  std::vector<TensorView> views;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Dims dims = engine.profiles.at(0).inputs[i].opt;
    for (std::size_t d = 0; d < dims.size(); ++d) {
      dims[d] = std::clamp(dims[d], inputs[i].min[d], inputs[i].max[d]);
    }
    tensors.push_back(filled(inputs[i].dtype, dims, inputs[i].fill));
    views.push_back(tensors.back().view());
  }
  for (int i = 0; i < kWarmUpRuns; ++i) {
    if (const Result<Outputs> ran = run(views); !ran) {
      return ran.error();
    }
  }
  return {};
}

Result<Model> Model::load(const LoadOptions& options) {
  // Nothing leaves as an exception, not even what a callback of the caller throws.
  return guarded("loading the model", [&] { return load_unguarded(options); });
}

Result<Model> Model::load_unguarded(const LoadOptions& options) {
  const auto progress = [&](double fraction, const std::string& what) {
    if (options.progress) {
      options.progress(fraction, what);
    }
  };
  // What is wrong with files and options is said on every machine, so that comes before the GPU.
  progress(0.0, "checking the artifact");
  const Result<trt::Artifact> artifact = trt::find_artifact(options);
  if (!artifact) {
    return artifact.error();
  }
  if (Result<void> possible = check_options(options); !possible) {
    return possible.error();
  }
  progress(0.05, "starting the GPU");
  const Result<trt::Gpu> gpu = trt::start_up(options.device_index);
  if (!gpu) {
    return gpu.error();
  }
  const trt::DeviceGuard on_device(gpu->index);
  if (Result<void> current = on_device.status(); !current) {
    return current.error();
  }
  progress(0.1, "loading the engine");
  Result<trt::Engine> engine = trt::open_engine({options, *artifact, *gpu, false, {}});
  if (!engine) {
    return engine.error();
  }
  auto impl = std::make_shared<const Impl>(*std::move(engine), options.engine);
  trt::Logger& logger = *impl->engine.logger;
  if (const std::string warning = weights_warning(); !warning.empty()) {
    logger.say(LogLevel::warning, warning);
  }
  progress(0.9, "warming up");
  if (Result<void> warm = impl->warm_up(); !warm) {
    return warm.error();
  }
  logger.rethrow();
  logger.end_of_load();
  progress(1.0, "ready");
  return Model(std::move(impl));
}

Model::Model(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

const std::vector<TensorInfo>& Model::inputs() const noexcept {
  return impl_ == nullptr ? no_tensors() : impl_->inputs;
}
const std::vector<TensorInfo>& Model::outputs() const noexcept {
  return impl_ == nullptr ? no_tensors() : impl_->outputs;
}
Device Model::device() const noexcept { return Device::cuda; }

Result<Outputs> Model::run(TensorViews inputs) const {
  return impl_ == nullptr ? Result<Outputs>(moved_from()) : impl_->run(inputs);
}

Result<void> Model::run(TensorViews inputs, TensorViews outputs) const {
  return impl_ == nullptr ? Result<void>(moved_from()) : impl_->run(inputs, outputs, nullptr);
}

Future Model::run_async(TensorViews inputs, TensorViews outputs) const {
  try {
    return Future(std::async(std::launch::async,
        [impl = impl_, in = std::vector<TensorView>(inputs.begin(), inputs.end()),
            out = std::vector<TensorView>(outputs.begin(), outputs.end())]() -> Result<void> {
          return impl == nullptr ? Result<void>(moved_from()) : impl->run(in, out, nullptr);
        }));
  } catch (const std::exception& e) {
    std::promise<Result<void>> failed;
    failed.set_value(Error{ErrorCode::backend, std::string("cannot start a thread: ") + e.what()});
    return Future(failed.get_future());
  }
}

Result<void> Model::run_async(TensorViews inputs, TensorViews outputs, std::function<void(Result<void>)> done) const {
  return guarded("starting a run", [&]() -> Result<void> {
    if (!done) {
      return Error{ErrorCode::invalid_argument, "run_async: there is nothing to call when the run is done"};
    }
    if (impl_ == nullptr) {
      return moved_from();
    }
    std::thread([impl = impl_, in = std::vector<TensorView>(inputs.begin(), inputs.end()),
                    out = std::vector<TensorView>(outputs.begin(), outputs.end()), done = std::move(done)]() mutable {
      Result<void> result = impl->run(in, out, nullptr);
      impl.reset();  // first: once told, the caller may end the program
      try {
        done(std::move(result));
      } catch (...) {  // nobody is left whom it could be told
      }
    }).detach();
    return {};
  });
}

Result<StageTimes> Model::run_timed(TensorViews inputs, TensorViews outputs) const {
  if (impl_ == nullptr) {
    return moved_from();
  }
  StageTimes times;
  if (Result<void> ran = impl_->run(inputs, outputs, &times); !ran) {
    return ran.error();
  }
  return times;
}

Result<std::vector<LayerTime>> Model::profile(TensorViews inputs, int runs) const {
  if (impl_ == nullptr) {
    return moved_from();
  }
  return guarded("profiling the model", [&]() -> Result<std::vector<LayerTime>> {
    if (Result<void> fits = check_views(inputs, impl_->inputs, "input"); !fits) {
      return fits.error();
    }
    if (Result<void> reachable = impl_->check_devices(inputs, "input"); !reachable) {
      return reachable.error();
    }
    const trt::DeviceGuard on_device(impl_->engine.gpu.index);
    if (Result<void> current = on_device.status(); !current) {
      return current.error();
    }
    return trt::profile_layers(impl_->engine, inputs, runs);
  });
}

Result<std::string> Model::engine_layers() const {
  if (impl_ == nullptr) {
    return moved_from();
  }
  return guarded("asking for the engine's layers", [&] { return trt::layers_json(impl_->engine); });
}

std::string Model::describe() const {
  return impl_ == nullptr ? moved_from().message + "\n" : trt::describe(impl_->engine, impl_->graphs, *impl_->pool);
}

Result<void> configure_process(const ProcessOptions& options) {
  if (options.threads < 0 || options.threads > kMaxThreads) {
    return Error{ErrorCode::invalid_argument,
        "threads must be from 0 to " + std::to_string(kMaxThreads) + ", got " + std::to_string(options.threads)};
  }
  if (options.tf32 && !engine_tf32()) {
    return Error{ErrorCode::unsupported,
        "TF32 belongs to the engine, and this project's is built without it: generate the project anew with --tf32"};
  }
  return {};
}

int process_threads() { return kThreads; }

int required_threads() { return 0; }

std::string backend_version() { return std::string(trt::kProduct) + " " + trt::to_string(trt::library_version()); }

}  // namespace sample
