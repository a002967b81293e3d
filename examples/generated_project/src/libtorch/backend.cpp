// LibTorch as what runs a Model.
#include "backend.hpp"

#include <ATen/Parallel.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/InferenceMode.h>

#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include "sample/assets.hpp"
#include "sample/processors.hpp"

#include "assets/embedded.hpp"
#include "assets/input_file.hpp"
#include "assets/integrity.hpp"
#include "assets/path_text.hpp"
#include "facts.hpp"
#include "guarded.hpp"
#include "libtorch/artifact.hpp"
#include "libtorch/compiled_code.hpp"
#include "libtorch/fusion.hpp"
#include "libtorch/gpu.hpp"
#include "libtorch/libtorch_facts.hpp"
#include "libtorch/memory_file.hpp"
#include "libtorch/operator_clock.hpp"
#include "libtorch/run_memory.hpp"
#include "libtorch/scratch.hpp"
#include "libtorch/settled_sizes.hpp"
#include "libtorch/torch_tensors.hpp"

namespace sample {
namespace {

// The executor of TorchScript profiles the first run and optimises at the second; what is answered is the third
// at the earliest, which equals all later ones.
constexpr int kWarmUpRuns = 2;
constexpr int kWarmUpRunsOnGpu = 3;

constexpr int kDefaultContexts = 8;  // on a GPU

class LibTorch final : public Backend {
 public:
  LibTorch(std::unique_ptr<Artifact> artifact, const Place& place, bool fused, const LoadOptions& options)
      : artifact_(std::move(artifact)),
        place_(place),
        contexts_(static_cast<std::size_t>(options.engine.contexts == 0 ? kDefaultContexts : options.engine.contexts)),
        fused_(fused) {
    if (on_gpu()) {
      GpuRunner::Options running;
      running.device_index = place.index;
      running.graphs = options.engine.cuda_graph && !artifact_->takes_turns();
      running.contexts = contexts_;
      running.log = options.log;
      runner_ = make_gpu_runner(
          [this](TensorViews views, std::vector<at::Tensor>& tensors) { return compute_on_device(views, tensors); },
          running);
    }
  }

  [[nodiscard]] Device device() const noexcept override { return place_.device; }

  [[nodiscard]] std::size_t callers() const override {
    const int threads = std::max(1, process_threads());
    return on_gpu() ? contexts_ : static_cast<std::size_t>(std::max(1, available_processors() / threads));
  }

  [[nodiscard]] Result<void> check_memory(TensorViews views, const char* what) const override {
    for (std::size_t i = 0; i < views.size(); ++i) {
      if (views[i].device == Device::cpu) {
        continue;
      }
      const auto where = [&] { return std::string(what) + " " + std::to_string(i); };
      if (place_.device == Device::cpu) {
        return Error{ErrorCode::unsupported,
            where() + ": a tensor in CUDA memory was given to a model that was loaded on the CPU"};
      }
      if (views[i].device_index != place_.index) {
        return Error{ErrorCode::unsupported,
            where() + " is in the memory of CUDA device " + std::to_string(views[i].device_index) +
                ", the model was loaded on device " + std::to_string(place_.index)};
      }
    }
    return {};
  }

  [[nodiscard]] Result<Outputs> run(TensorViews inputs) const override;
  [[nodiscard]] Result<void> run_into(TensorViews inputs, TensorViews outputs, StageTimes* times) const override;
  [[nodiscard]] Result<std::vector<LayerTime>> profile(TensorViews inputs, int runs) const override;

  [[nodiscard]] std::string describe() const override;

  [[nodiscard]] Dims warm_up_dims(std::size_t /*i*/, const TensorInfo& input) const override { return input.opt; }
  [[nodiscard]] Result<void> warm_up(TensorViews inputs) override;

  void end_of_load() override {
    if (runner_) {
      runner_->end_of_load();
    }
  }

 private:
  [[nodiscard]] bool on_gpu() const noexcept { return place_.device == Device::cuda; }
  // Whether the executor compiles for each size of inputs.
  [[nodiscard]] bool settles() const { return fused_ || (on_gpu() && libtorch_facts().compiled == nullptr); }

  [[nodiscard]] Result<void> infer(TensorViews inputs, Scratch& scratch) const;
  [[nodiscard]] Result<void> compute(TensorViews inputs, Scratch& scratch) const;
  [[nodiscard]] Result<void> compute_on_device(TensorViews inputs, std::vector<at::Tensor>& tensors) const;
  [[nodiscard]] Result<void> set_up(const Scratch& scratch) const;
  [[nodiscard]] Result<Tensor> handed_over(at::Tensor&& tensor, std::size_t output, TensorViews inputs) const;

  std::unique_ptr<Artifact> artifact_;
  Place place_;
  std::size_t contexts_;  // callers at the same time, on a GPU
  bool fused_;            // oneDNN graph fusion was on when this was loaded
  int set_up_runs_ = 0;   // of new sizes, before the first that is answered
  std::size_t outputs_ = output_infos().size();
  mutable SettledSizes settled_;
  mutable SizeWatch sizes_;
  std::unique_ptr<GpuRunner> runner_;  // on a GPU, where it has streams of its own; it calls compute_on_device()
};

// Leaves the model's outputs, on its own device, in scratch.tensors.
Result<void> LibTorch::infer(TensorViews inputs, Scratch& scratch) const {
  if (!on_gpu()) {
    sizes_.before_run(inputs);
  }
  // OpenMP counts threads for each calling thread; without this a new one would use all processors.
  (void)at::get_num_threads();
  const c10::Device here = to_torch(place_.device, place_.index);
  const c10::OptionalDeviceGuard on_device(on_gpu() ? std::optional<c10::Device>(here) : std::nullopt);
  const bool channels_last = libtorch_facts().channels_last;
  for (const TensorView& view : inputs) {
    at::Tensor tensor = wrap(view);
    if (on_gpu()) {
      tensor = tensor.to(here);
    }
    if (channels_last && tensor.dim() == 4) {
      tensor = tensor.contiguous(at::MemoryFormat::ChannelsLast);
    }
    const bool shared = artifact_->writes_inputs() && tensor.data_ptr() == view.data;
    scratch.tensors.push_back(shared ? tensor.clone() : std::move(tensor));
  }
  return compute(inputs, scratch);
}

// Replaces the inputs in scratch.tensors, which are on the model's device, by its outputs.
Result<void> LibTorch::compute(TensorViews inputs, Scratch& scratch) const {
  if (settles()) {
    if (Result<void> done = settled_.ensure(inputs, [&] { return set_up(scratch); }); !done) {
      return done;
    }
  }
  if (Result<void> ran = artifact_->forward(scratch); !ran) {
    return ran;
  }
  if (scratch.tensors.size() != outputs_) {
    return Error{ErrorCode::backend,
        "the model returned " + std::to_string(scratch.tensors.size()) + " tensors, expected " +
            std::to_string(outputs_)};
  }
  return {};
}

// What the runner of a GPU captures and calls: `tensors` are its own.
Result<void> LibTorch::compute_on_device(TensorViews inputs, std::vector<at::Tensor>& tensors) const {
  const bool channels_last = libtorch_facts().channels_last;
  ScratchLease scratch;
  for (const at::Tensor& tensor : tensors) {
    at::Tensor taken = channels_last && tensor.dim() == 4 ? tensor.contiguous(at::MemoryFormat::ChannelsLast) : tensor;
    // They are read again: by the run that is captured after a plain one, and by every replay.
    scratch->tensors.push_back(
        artifact_->writes_inputs() && taken.is_same(tensor) ? taken.clone() : std::move(taken));
  }
  if (Result<void> computed = compute(inputs, *scratch); !computed) {
    return computed;
  }
  tensors.clear();
  std::swap(tensors, scratch->tensors);
  return {};
}

// Runs the inputs in scratch.tensors as often as the fuser needs to compile for their sizes.
Result<void> LibTorch::set_up(const Scratch& scratch) const {
  const FusionPause not_for_this_model(fused_);
  for (int i = 0; i < set_up_runs_; ++i) {
    Scratch copy;
    for (const at::Tensor& tensor : scratch.tensors) {
      copy.tensors.push_back(artifact_->writes_inputs() ? tensor.clone() : tensor);
    }
    if (Result<void> ran = artifact_->forward(copy); !ran) {
      return ran;
    }
  }
  return {};
}

// In host memory; without a copy where nobody else has it: not a constant of the model, not another output, not
// memory of the caller.
Result<Tensor> LibTorch::handed_over(at::Tensor&& tensor, std::size_t output, TensorViews inputs) const {
  auto held = std::make_shared<at::Tensor>(std::move(tensor));
  *held = held->to(c10::kCPU).contiguous();
  const std::optional<DType> dtype = from_torch(held->scalar_type());
  if (!dtype || held->dim() > static_cast<std::int64_t>(Dims::kMaxRank)) {
    return Error{ErrorCode::unsupported,
        "output '" + output_infos()[output].name + "' has an element type or rank that tensors here cannot hold"};
  }
  bool shared = held->use_count() > 1 || held->storage().use_count() > 1;
  for (const TensorView& view : inputs) {
    shared = shared || held->storage().data() == view.data;
  }
  if (shared) {
    *held = held->clone();
  }
  void* data = held->data_ptr();
  const Dims dims = to_dims(*held);
  return Tensor(*dtype, dims, std::shared_ptr<void>(std::move(held), data));
}

Result<Outputs> LibTorch::run(TensorViews inputs) const {
  const c10::InferenceMode no_autograd;
  if (runner_) {
    return runner_->run(inputs);
  }
  ScratchLease scratch;
  if (Result<void> inferred = infer(inputs, *scratch); !inferred) {
    return inferred.error();
  }
  Outputs results;
  results.reserve(outputs_);
  for (std::size_t i = 0; i < outputs_; ++i) {
    Result<Tensor> tensor = handed_over(std::move(scratch->tensors[i]), i, inputs);
    if (!tensor) {
      return tensor.error();
    }
    results.push_back(*std::move(tensor));
  }
  return results;
}

Result<void> LibTorch::run_into(TensorViews inputs, TensorViews outputs, StageTimes* times) const {
  if (runner_) {
    return runner_->run(inputs, outputs, times);
  }
  if (times != nullptr) {
    return Error{ErrorCode::unsupported,
        on_gpu() ? "this build does not tell the stages of a run: see SAMPLE_CUDA"
                 : "a run on the CPU has no stages"};
  }
  const c10::InferenceMode no_autograd;
  ScratchLease scratch;
  if (Result<void> inferred = infer(inputs, *scratch); !inferred) {
    return inferred;
  }
  bool asynchronous = false;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const at::Tensor& tensor = scratch->tensors[i];
    const TensorView& target = outputs[i];
    if (tensor.scalar_type() != to_torch(target.dtype) || tensor.sizes() != sizes_of(target.dims)) {
      return Error{ErrorCode::invalid_argument,
          "output " + std::to_string(i) + " ('" + output_infos()[i].name + "'): the model gave " +
              to_string(to_dims(tensor)) + ", the buffer is " + to_string(target.dims)};
    }
    if (target.bytes() == 0) {
      continue;
    }
    if (target.device == Device::cpu && tensor.is_cpu() && tensor.is_contiguous()) {
      std::memmove(target.data, tensor.const_data_ptr(), target.bytes());
    } else {
      wrap(target).copy_(tensor);
      asynchronous = asynchronous || target.device == Device::cuda;
    }
  }
  if (asynchronous) {
    synchronize_gpu(place_.index);  // copies within the device return before they are done
  }
  return {};
}

Result<std::vector<LayerTime>> LibTorch::profile(TensorViews inputs, int runs) const {
  if (on_gpu()) {
    return Error{ErrorCode::unsupported,
        "operators return before the GPU has run them: NVIDIA's profilers tell their times"};
  }
  if (const Result<Outputs> first = run(inputs); !first) {  // what compiles at new sizes does so here
    return first.error();
  }
  const OperatorClock clock;
  for (int i = 0; i < runs; ++i) {
    if (const Result<Outputs> ran = run(inputs); !ran) {
      return ran.error();
    }
  }
  return clock.times(runs);
}

Result<void> LibTorch::warm_up(TensorViews inputs) {
  const FusionPause not_for_this_model(fused_);
  const int wanted = on_gpu() ? kWarmUpRunsOnGpu : kWarmUpRuns;
  set_up_runs_ = fused_ ? wanted - 1 : wanted;  // the run that settles fused code counts as one
  for (int i = 0; i < (fused_ ? 1 : wanted); ++i) {
    if (const Result<Outputs> ran = run(inputs); !ran) {
      return ran.error();
    }
  }
  set_up_runs_ = wanted;
  return {};
}

std::string LibTorch::describe() const {
  const LibTorchFacts& facts = libtorch_facts();
  const std::string device = to_string(place_.device) + (on_gpu() ? ":" + std::to_string(place_.index) : "");
  const std::string fused = fused_ ? ", oneDNN graph fusion" : "";
  std::string text = std::string(facts.compiled == nullptr ? "TorchScript" : "AOTInductor") + " (" + facts.variant +
      ", " + facts.precision + ") on " + device + fused + ", " + backend_version() + "\n" + artifact_->describe_state();
  if (runner_) {
    return text + runner_->describe();
  }
  return on_gpu() ? text + "CUDA graph: off (built without streams of our own: see SAMPLE_CUDA)\n" : text;
}

// Whether the project may run there, and whether this machine can.
Result<void> check_place(const Place& place) {
  const LibTorchFacts& facts = libtorch_facts();
  const bool gpu = place.device == Device::cuda;
  if (facts.compiled != nullptr && gpu != (facts.runs_on == RunsOn::cuda)) {
    return Error{ErrorCode::unsupported, std::string("the artifact was compiled for ") + (gpu ? "the CPU" : "a GPU")};
  }
  if (gpu) {
    return guarded("looking for CUDA", [&] { return check_gpu(place.index); });
  }
  if (facts.runs_on == RunsOn::cuda) {
    return Error{ErrorCode::unsupported,
        "this project is for a GPU alone: `gencpp new --device any` makes one that runs on the CPU, too"};
  }
  return {};
}

// The artifact's bytes: embedded, or in a file.
struct Source {
  EmbeddedFile embedded;
  std::filesystem::path file;
};

Result<Source> find_source(const std::filesystem::path& named) {
  const ArtifactFacts& facts = artifact_facts();
  Source source{named.empty() ? embedded_file(facts.file) : EmbeddedFile{}, named};
  if (source.embedded.data == nullptr && named.empty()) {
    Result<std::filesystem::path> found = find_asset(facts.file);
    if (!found) {
      return found.error();
    }
    source.file = *std::move(found);
  }
  return source;
}

Result<void> check_source(const Source& source, Check wanted) {
  // Compiled code runs as soon as it is loaded: nothing but the very file may.
  const Check check = libtorch_facts().compiled != nullptr ? Check::full : wanted;
  return source.embedded.data != nullptr ? check_integrity(source.embedded, artifact_facts(), check)
                                         : check_integrity(source.file, artifact_facts(), check);
}

Result<std::unique_ptr<Artifact>> read(const Source& source, const Place& place, const LoadOptions& options) {
  const std::size_t inputs = input_infos().size();
  if (const CompiledFor* compiled = libtorch_facts().compiled; compiled != nullptr) {
    MemoryFile in_memory;  // it is unpacked while it is loaded, and not needed afterwards
    const Result<std::filesystem::path> package = source.embedded.data == nullptr
        ? Result<std::filesystem::path>(source.file)
        : in_memory.open(source.embedded);
    if (!package) {
      return package.error();
    }
    return read_compiled(*package, place, *compiled, options);
  }
  if (source.embedded.data == nullptr) {
    InputFile in;  // not by name: on Windows a name as char* cannot hold every path
    if (const Result<std::uint64_t> opened = in.open(source.file); !opened) {
      return opened.error();
    }
    return read_script(in, place, inputs);
  }
  MemoryBuffer buffer(source.embedded);
  std::istream in(&buffer);
  return read_script(in, place, inputs);
}

}  // namespace

Result<std::unique_ptr<Backend>> open_backend(const LoadOptions& options) {
  const auto progress = [&](double fraction, const std::string& what) {
    if (options.progress) {
      options.progress(fraction, what);
    }
  };
  if (options.threads != 0 && options.threads != at::get_num_threads()) {
    return Error{ErrorCode::unsupported,
        "LibTorch's threads belong to the whole process (now " + std::to_string(at::get_num_threads()) +
            "): call configure_process() in the program, and leave LoadOptions::threads at 0"};
  }
  const Place place{options.device.value_or(libtorch_facts().runs_on == RunsOn::cuda ? Device::cuda : Device::cpu),
      options.device_index};
  if (Result<void> usable = check_place(place); !usable) {
    return usable.error();
  }
  progress(0.0, "checking the artifact");
  const Result<Source> source = find_source(options.artifact);
  if (!source) {
    return source.error();
  }
  if (Result<void> intact = check_source(*source, options.check); !intact) {
    return intact.error();
  }
  const bool embedded = source->embedded.data != nullptr;
  if (options.log) {
    options.log(
        LogLevel::info, "loading " + (embedded ? std::string("the embedded artifact") : path_text(source->file)));
  }
  progress(0.2, "loading the artifact");
  const bool fuses = libtorch_facts().fusion && place.device == Device::cpu;
  const FusionPause not_for_this_model(fuses);
  Result<std::unique_ptr<Artifact>> artifact =
      guarded("loading the artifact", [&] { return read(*source, place, options); });
  if (!artifact) {
    return artifact.error();
  }
  return std::unique_ptr<Backend>(
      std::make_unique<LibTorch>(*std::move(artifact), place, fuses && fusion_is_on(), options));
}

// On a thread of its own: OpenMP keeps the team of every thread that ran something for as long as that thread lives,
// and where more threads than processors are kept, all of them sleep instead of spinning between the parts of a run.
// Who loads on one thread and runs on another would pay for it with every run.
void run_load(const std::function<void()>& load) {
  std::thread(load).join();
  release_memory();
}

std::string exception_text(const std::exception& error) {
  const auto* const torch = dynamic_cast<const c10::Error*>(&error);
  return torch == nullptr ? error.what() : torch->what_without_backtrace();
}

}  // namespace sample
