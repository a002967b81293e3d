// TensorRT as what runs a Model.
#include <algorithm>
#include <utility>

#include "{= name =}/processors.hpp"
#include "{= name =}/tensorrt.hpp"

#include "backend.hpp"
#include "check_views.hpp"
#include "facts.hpp"
#include "guarded.hpp"
#include "tensorrt/trt_inspect.hpp"

namespace {= name =} {
namespace {

constexpr int kDefaultContexts = 8;
// The first run at a shape sets it up, the second captures its CUDA graph, the third replays it.
constexpr int kWarmUpRuns = 3;
// One run keeps one CPU thread busy, whatever the model: the work is on the GPU.
constexpr int kThreads = 1;

Result<void> check_options(const LoadOptions& options) {
  if (options.device.value_or(Device::cuda) != Device::cuda) {
    return Error{ErrorCode::unsupported,
        "TensorRT runs on NVIDIA GPUs only: leave LoadOptions::device empty, or use a LibTorch project of the model "
        "on the CPU"};
  }
  if (options.threads != 0 && options.threads != kThreads) {
    return Error{ErrorCode::unsupported,
        "TensorRT computes on the GPU, and a run takes one thread: leave LoadOptions::threads at 0 "
        "(configure_process() does not change it either)"};
  }
  return {};
}

class TensorRt final : public Backend {
 public:
  TensorRt(trt::Engine&& opened, const EngineOptions& options)
      : callers_(static_cast<std::size_t>(options.contexts == 0 ? kDefaultContexts : options.contexts)),
        engine_(std::move(opened)),
        graphs_(options.cuda_graph, options.cuda_graph ? "" : "EngineOptions::cuda_graph"),
        pool_(std::make_unique<trt::Pool>(engine_, graphs_, callers_)) {}
  TensorRt(const TensorRt&) = delete;
  TensorRt& operator=(const TensorRt&) = delete;
  ~TensorRt() override {
    const trt::DeviceGuard on_device(engine_.gpu.index);
    pool_.reset();
    engine_.engine.reset();
    engine_.runtime.reset();
  }

  [[nodiscard]] Device device() const noexcept override { return Device::cuda; }
  [[nodiscard]] std::size_t callers() const override { return callers_; }

  [[nodiscard]] Result<void> check_memory(TensorViews views, const char* what) const override {
    for (std::size_t i = 0; i < views.size(); ++i) {
      if (views[i].device == Device::cuda && views[i].device_index != engine_.gpu.index) {
        return Error{ErrorCode::unsupported,
            std::string(what) + " " + std::to_string(i) + " is in the memory of CUDA device " +
                std::to_string(views[i].device_index) + ", the model was loaded on device " +
                std::to_string(engine_.gpu.index)};
      }
    }
    return {};
  }

  [[nodiscard]] Result<Outputs> run(TensorViews inputs) const override {
    return on_slot<Outputs>(inputs, [&](trt::Pool::Lease& slot) { return slot->run(inputs); });
  }

  [[nodiscard]] Result<void> run_into(TensorViews inputs, TensorViews outputs, StageTimes* times) const override {
    return on_slot<void>(inputs, [&](trt::Pool::Lease& slot) { return slot->run(inputs, outputs, times); });
  }

  [[nodiscard]] Result<std::vector<LayerTime>> profile(TensorViews inputs, int runs) const override {
    const trt::DeviceGuard on_device(engine_.gpu.index);
    if (Result<void> current = on_device.status(); !current) {
      return current.error();
    }
    return trt::profile_layers(engine_, inputs, runs);
  }

  [[nodiscard]] Result<std::string> layers() const { return trt::layers_json(engine_); }

  [[nodiscard]] std::string describe() const override { return trt::describe(engine_, graphs_, *pool_); }

  // The sizes that the engine is tuned for; those of a caller's own engine may lie outside of what the project takes.
  [[nodiscard]] Dims warm_up_dims(std::size_t i, const TensorInfo& input) const override {
    Dims dims = engine_.profiles.at(0).inputs[i].opt;
    for (std::size_t d = 0; d < dims.size(); ++d) {
      dims[d] = std::clamp(dims[d], input.min[d], input.max[d]);
    }
    return dims;
  }

  [[nodiscard]] Result<void> warm_up(TensorViews inputs) override {
    for (int i = 0; i < kWarmUpRuns; ++i) {
      if (const Result<Outputs> ran = run(inputs); !ran) {
        return ran.error();
      }
    }
    return {};
  }

  void end_of_load() override {
    engine_.logger->rethrow();
    engine_.logger->end_of_load();
  }

 private:
  template <typename Answer, typename Body>
  [[nodiscard]] Result<Answer> on_slot(TensorViews inputs, const Body& body) const {
    const trt::DeviceGuard on_device(engine_.gpu.index);
    if (Result<void> current = on_device.status(); !current) {
      return current.error();
    }
    Result<trt::Pool::Lease> slot = pool_->take(inputs);
    return slot ? body(*slot) : Result<Answer>(slot.error());
  }

  std::size_t callers_;
  trt::Engine engine_;
  mutable trt::GraphSwitch graphs_;
  std::unique_ptr<trt::Pool> pool_;
};

}  // namespace

Result<std::unique_ptr<Backend>> open_backend(const LoadOptions& options) {
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
  return std::unique_ptr<Backend>(std::make_unique<TensorRt>(*std::move(engine), options.engine));
}

Result<std::string> engine_layers(const Model& model) {
  const Backend* const backend = Backend::of(model);
  if (backend == nullptr) {
    return moved_from();
  }
  return guarded("asking for the engine's layers", [&] { return static_cast<const TensorRt*>(backend)->layers(); });
}

void run_load(const std::function<void()>& load) { load(); }

std::string exception_text(const std::exception& error) { return error.what(); }

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

}  // namespace {= name =}
