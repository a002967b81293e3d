// The boundary to LibTorch: exceptions of torch end here.
#include "sample/model.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/core/ivalue.h>
#include <ATen/record_function.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/api/include/torch/cuda.h>
#include <torch/csrc/api/include/torch/version.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/codegen/onednn/interface.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/passes/pass_manager.h>
#include <torch/csrc/jit/serialization/import.h>
#if __has_include(<torch/csrc/inductor/aoti_package/model_package_loader.h>)
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#else
#define SAMPLE_NO_AOTI
#endif

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <mutex>
#include <new>
#include <optional>
#include <shared_mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "sample/assets.hpp"
#include "sample/processors.hpp"

#include "check_views.hpp"
#include "cuda_driver.hpp"
#include "embedded.hpp"
#include "facts.hpp"
#include "input_file.hpp"
#include "integrity.hpp"
#include "libtorch_facts.hpp"
#include "memory_file.hpp"
#include "nvtx.hpp"
#include "path_text.hpp"
#include "run_state.hpp"
#include "torch_tensors.hpp"
#include "wait_policy.hpp"
#if defined(SAMPLE_HAVE_CUDA)
#include "cuda_runner.hpp"
#endif

// LibTorch keeps the passes of all compilations of the process in one list, without a lock. This one is shared by
// all projects of the process: compilations hold it shared, whoever changes the list holds it alone.
namespace gencpp_shared {
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
inline std::shared_mutex libtorch_passes;
}  // namespace gencpp_shared

namespace sample {
namespace {

// The executor of TorchScript profiles the first run and optimises at the second; what is answered is the third
// at the earliest, which equals all later ones.
constexpr int kWarmUpRuns = 2;
constexpr int kWarmUpRunsOnGpu = 3;

// Sizes of inputs that are looked after: the executor itself compiles for no more than these.
constexpr std::size_t kMostSettled = 20;

// Callers that compiled code runs for at the same time; the others wait. They share the weights.
constexpr std::size_t kCompiledRunners = 8;

// Runs whose inputs have other sizes than those of the run before, from one release of memory to the next; and what
// has to be free then. Where sizes change all the time this costs about a twentieth of the time, else nothing.
constexpr unsigned kOtherSizes = 32;
constexpr std::size_t kWorthReleasing = 64 * 1024 * 1024;

// On a GPU.
constexpr int kDefaultContexts = 8;
constexpr int kMaxContexts = 1024;

// Runs `body`, and turns what it throws into an Error. `what` is no std::string: a run allocates nothing
// for messages that it does not need.
template <typename Body>
auto guarded(const char* what, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::backend, "out of memory"};
  } catch (const c10::Error& e) {
    return Error{ErrorCode::backend, std::string(what) + ": " + e.what_without_backtrace()};
  } catch (const std::exception& e) {
    return Error{ErrorCode::backend, std::string(what) + ": " + e.what()};
  } catch (...) {  // a callback of the caller may throw anything
    return Error{ErrorCode::backend, std::string(what) + ": unknown exception"};
  }
}

// Vectors that each thread keeps, so that a run allocates none.
struct Scratch {
  torch::jit::Stack stack;
  std::vector<at::Tensor> tensors;
};

// Lends this thread's vectors for one run (a run within a run gets new ones), and empties them however
// the run ends: no thread keeps a model or its caller's memory alive.
class ScratchLease {
 public:
  ScratchLease() { std::swap(scratch_, kept()); }
  ScratchLease(const ScratchLease&) = delete;
  ScratchLease& operator=(const ScratchLease&) = delete;
  ~ScratchLease() {
    scratch_.stack.clear();
    scratch_.tensors.clear();
    std::swap(scratch_, kept());
  }
  Scratch* operator->() { return &scratch_; }
  Scratch& operator*() { return scratch_; }

 private:
  static Scratch& kept() {
    static thread_local Scratch scratch;
    return scratch;
  }
  Scratch scratch_;
};

// Held while a model is compiled. Turns oneDNN graph fusion off for that time, unless it is wanted: another project
// of the process may have turned it on, and there are models that it cannot run.
class FusionPause {
 public:
  explicit FusionPause(bool wanted) {
    if (held()++ > 0) {  // a run of load()
      return;
    }
    shared_ = std::shared_lock<std::shared_mutex>(gencpp_shared::libtorch_passes);
    if (wanted || !torch::jit::RegisterLlgaFuseGraph::isEnabled()) {
      return;
    }
    shared_.unlock();
    alone_ = std::unique_lock<std::shared_mutex>(gencpp_shared::libtorch_passes);
    const std::size_t passes = torch::jit::getCustomPrePasses().size();
    torch::jit::RegisterLlgaFuseGraph::clearPass();
    paused_ = torch::jit::getCustomPrePasses().size() != passes;
  }
  FusionPause(const FusionPause&) = delete;
  FusionPause& operator=(const FusionPause&) = delete;
  ~FusionPause() {
    if (paused_) {
      torch::jit::RegisterLlgaFuseGraph::registerPass(torch::jit::fuser::onednn::fuseGraph);
    }
    --held();
  }

 private:
  static int& held() {
    static thread_local int count = 0;
    return count;
  }
  std::shared_lock<std::shared_mutex> shared_;
  std::unique_lock<std::shared_mutex> alone_;
  bool paused_ = false;
};

// The time of each operator that this thread runs, less that of the operators inside it, by the hooks of
// LibTorch's own profiler. Compiled code calls most of its kernels past them.
class OperatorClock {
 public:
  OperatorClock() {
    current() = this;
    handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(&begin, &end));
  }
  OperatorClock(const OperatorClock&) = delete;
  OperatorClock& operator=(const OperatorClock&) = delete;
  ~OperatorClock() {
    at::removeCallback(handle_);
    current() = nullptr;
  }

  // The slowest first; means of `runs` runs.
  [[nodiscard]] std::vector<LayerTime> times(int runs) const {
    std::vector<LayerTime> found;
    for (const auto& [name, total] : totals_) {
      found.push_back({name, std::chrono::duration<double, std::milli>(total).count() / runs});
    }
    std::sort(found.begin(), found.end(),
        [](const LayerTime& a, const LayerTime& b) { return a.ms != b.ms ? a.ms > b.ms : a.name < b.name; });
    return found;
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Open {
    Clock::time_point begin;
    Clock::duration inside{};
  };

  static OperatorClock*& current() {
    static thread_local OperatorClock* clock = nullptr;
    return clock;
  }
  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& /*function*/) {
    current()->open_.push_back({Clock::now(), {}});
    return nullptr;
  }
  static void end(const at::RecordFunction& function, at::ObserverContext* /*context*/) {
    OperatorClock& clock = *current();
    const Clock::duration whole = Clock::now() - clock.open_.back().begin;
    clock.totals_[function.name()] += whole - clock.open_.back().inside;
    clock.open_.pop_back();
    if (!clock.open_.empty()) {
      clock.open_.back().inside += whole;
    }
  }

  std::vector<Open> open_;
  std::unordered_map<std::string, Clock::duration> totals_;
  at::CallbackHandle handle_ = 0;
};

// Appends the tensors of a result in the order of a depth-first walk; None is dropped, as in the
// reference outputs.
Result<void> flatten(const c10::IValue& value, std::vector<at::Tensor>& tensors) {
  const auto flatten_all = [&](const auto& items) -> Result<void> {
    for (const c10::IValue& item : items) {
      if (Result<void> done = flatten(item, tensors); !done) {
        return done;
      }
    }
    return {};
  };
  if (value.isTensor()) {
    tensors.push_back(value.toTensor());
    return {};
  }
  if (value.isNone()) {
    return {};
  }
  if (value.isTuple()) {
    return flatten_all(value.toTupleRef().elements());
  }
  if (value.isTensorList()) {
    for (const at::Tensor& tensor : value.toTensorVector()) {
      tensors.push_back(tensor);
    }
    return {};
  }
  if (value.isList()) {
    return flatten_all(value.toListRef());
  }
  if (value.isGenericDict()) {
    for (const auto& entry : value.toGenericDict()) {
      if (Result<void> done = flatten(entry.value(), tensors); !done) {
        return done;
      }
    }
    return {};
  }
  return Error{ErrorCode::unsupported,
      "the model returned a " + value.tagKind() +
          "; only tensors, and tuples, lists and dictionaries of them, are supported"};
}

// Whether freed memory is kept for the next run instead of given back to the system.
std::atomic<bool>& memory_is_kept() {
  static std::atomic<bool> kept = false;
  return kept;
}

// Left alone, glibc gives the memory of a run's intermediate tensors back when the run is over, and the next
// run waits while the system maps and clears it anew.
void keep_memory() {
#if defined(__GLIBC__)
  constexpr int kLargest = 32 * 1024 * 1024;  // the most that glibc takes: what is larger is mapped for itself
  constexpr int kNever = std::numeric_limits<int>::max();
  memory_is_kept() = mallopt(M_MMAP_THRESHOLD, kLargest) == 1 && mallopt(M_TRIM_THRESHOLD, kNever) == 1;
#endif
}

// What loading and warming up needed is not kept: other threads than theirs run the model.
void release_memory() {
#if defined(__GLIBC__)
  if (memory_is_kept()) {
    malloc_trim(0);
  }
#endif
}

// Whether glibc holds much that nobody uses.
bool much_is_free() {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
  return mallinfo2().fordblks >= kWorthReleasing;
#else
  return true;
#endif
}

}  // namespace

struct Model::Impl {
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  Device device = Device::cpu;
  int device_index = 0;
  torch::jit::Module module;
  torch::jit::Function* forward = nullptr;
  RunState state;              // what each run gets for itself of the module
  bool takes_turns = false;    // runs share state that none can have for itself
  bool has_defaults = false;   // forward has arguments with default values besides the inputs
  bool writes_inputs = false;  // the model changes an input in place: it gets a copy
  bool channels_last = false;  // 4-D inputs are handed over in this order
  bool fused = false;          // oneDNN graph fusion was on when this was loaded
  bool settles = false;        // the executor compiles for each size of inputs
  int settling_runs = 0;       // before the first that is answered
  mutable std::mutex settling;
  mutable std::mutex turns;
  mutable std::mutex enqueueing;  // compiled code on a GPU: its callers take turns to start it
  mutable std::shared_mutex settled_mutex;
  mutable std::vector<std::vector<Dims>> settled_dims;  // sizes of inputs that code was compiled for
#if !defined(SAMPLE_NO_AOTI)
  std::unique_ptr<torch::inductor::AOTIModelPackageLoader> package;  // compiled code; null: TorchScript
#endif
#if defined(SAMPLE_HAVE_CUDA)
  std::unique_ptr<cuda::Runner> runner;  // on a GPU; it calls back compute_on_device()
#endif

  // A hash of the last run's sizes, and how many runs had others than the run before.
  mutable std::atomic<std::size_t> last_sizes{0};
  mutable std::atomic<unsigned> other_sizes{0};

  [[nodiscard]] Result<void> check_device(TensorViews views) const;
  [[nodiscard]] Result<void> infer(TensorViews views, Scratch& scratch) const;
  [[nodiscard]] Result<void> compute(TensorViews views, Scratch& scratch) const;
  [[nodiscard]] Result<void> compute_on_device(TensorViews views, std::vector<at::Tensor>& tensors) const;
  [[nodiscard]] Result<void> forward_once(Scratch& scratch) const;
  void release_after_other_sizes(TensorViews views) const;
  [[nodiscard]] bool settled(TensorViews views) const;
  [[nodiscard]] Result<void> settle(TensorViews views, const Scratch& scratch) const;
  [[nodiscard]] Result<void> read_script(std::istream& in);
  [[nodiscard]] Result<void> read_compiled(
      const std::filesystem::path& file, const CompiledFor& wanted, const LoadOptions& options);
  [[nodiscard]] Result<Outputs> run(TensorViews views) const;
  [[nodiscard]] Result<void> run(TensorViews views, TensorViews results, StageTimes* times) const;
  [[nodiscard]] Result<void> warm_up();
  [[nodiscard]] std::string describe_running() const;
};

Result<void> Model::Impl::check_device(TensorViews views) const {
  for (const TensorView& view : views) {
    if (view.device != Device::cpu && view.device != device) {
      return Error{ErrorCode::unsupported, "a tensor in CUDA memory was given to a model that was loaded on the CPU"};
    }
  }
  return {};
}

// What runs of one size freed, those of another can use in part only, so that memory would grow from size to size.
void Model::Impl::release_after_other_sizes(TensorViews views) const {
  constexpr std::size_t kFactor = 1000003;
  std::size_t sizes = 1;
  for (const TensorView& view : views) {
    for (std::size_t i = 0; i < view.dims.size(); ++i) {
      sizes = sizes * kFactor + static_cast<std::size_t>(view.dims[i]);
    }
  }
  // Read first: callers with equal sizes share the line, and need not write it.
  if (last_sizes.load(std::memory_order_relaxed) == sizes ||
      last_sizes.exchange(sizes, std::memory_order_relaxed) == sizes) {
    return;
  }
  if (other_sizes.fetch_add(1, std::memory_order_relaxed) % kOtherSizes == kOtherSizes - 1 && memory_is_kept() &&
      much_is_free()) {
    release_memory();
  }
}

// Leaves the model's outputs, on its own device, in scratch.tensors.
Result<void> Model::Impl::infer(TensorViews views, Scratch& scratch) const {
  if (Result<void> fits = check_views(views, inputs, "input"); !fits) {
    return fits;
  }
  if (Result<void> reachable = check_device(views); !reachable) {
    return reachable;
  }
  if (device == Device::cpu) {
    release_after_other_sizes(views);
  }
  // OpenMP counts threads for each calling thread; without this a new one would use all processors.
  (void)at::get_num_threads();
  const c10::Device here = to_torch(device, device_index);
  const c10::OptionalDeviceGuard on_device(device == Device::cuda ? std::optional<c10::Device>(here) : std::nullopt);
  for (const TensorView& view : views) {
    at::Tensor tensor = wrap(view);
    if (device != Device::cpu) {
      tensor = tensor.to(here);
    }
    if (channels_last && tensor.dim() == 4) {
      tensor = tensor.contiguous(at::MemoryFormat::ChannelsLast);
    }
    scratch.tensors.push_back(writes_inputs && tensor.data_ptr() == view.data ? tensor.clone() : std::move(tensor));
  }
  return compute(views, scratch);
}

// Replaces the inputs in scratch.tensors, which are on the model's device, by its outputs.
Result<void> Model::Impl::compute(TensorViews views, Scratch& scratch) const {
  if (settles && !settled(views)) {
    if (Result<void> done = settle(views, scratch); !done) {
      return done;
    }
  }
  const NvtxRange range("sample compute");
  if (Result<void> ran = forward_once(scratch); !ran) {
    return ran;
  }
  if (scratch.tensors.size() != outputs.size()) {
    return Error{ErrorCode::backend,
        "the model returned " + std::to_string(scratch.tensors.size()) + " tensors, expected " +
            std::to_string(outputs.size())};
  }
  return {};
}

// What the runner of a GPU captures and calls: `tensors` are its own.
Result<void> Model::Impl::compute_on_device(TensorViews views, std::vector<at::Tensor>& tensors) const {
  ScratchLease scratch;
  for (const at::Tensor& tensor : tensors) {
    at::Tensor taken = channels_last && tensor.dim() == 4 ? tensor.contiguous(at::MemoryFormat::ChannelsLast) : tensor;
    // They are read again: by the run that is captured after a plain one, and by every replay.
    scratch->tensors.push_back(writes_inputs && taken.is_same(tensor) ? taken.clone() : std::move(taken));
  }
  if (Result<void> computed = compute(views, *scratch); !computed) {
    return computed;
  }
  tensors.clear();
  std::swap(tensors, scratch->tensors);
  return {};
}

// Whether code for inputs of these sizes is compiled already. With many sizes the executor stops compiling.
bool Model::Impl::settled(TensorViews views) const {
  const std::shared_lock<std::shared_mutex> lock(settled_mutex);
  const auto same = [&](const std::vector<Dims>& known) {
    return std::equal(known.begin(), known.end(), views.begin(), views.end(),
        [](const Dims& dims, const TensorView& view) { return dims == view.dims; });
  };
  return settled_dims.size() >= kMostSettled || std::any_of(settled_dims.begin(), settled_dims.end(), same);
}

// Runs the inputs in scratch.tensors as often as the fuser needs to compile for their sizes: until then, equal
// inputs give outputs that differ in the last bits. One caller compiles, others of these sizes wait.
Result<void> Model::Impl::settle(TensorViews views, const Scratch& scratch) const {
  const std::lock_guard<std::mutex> one_at_a_time(settling);
  if (settled(views)) {
    return {};
  }
  const NvtxRange range("sample set up shapes");
  const FusionPause not_for_this_model(fused);
  for (int i = 0; i < settling_runs; ++i) {
    Scratch copy;
    for (const at::Tensor& tensor : scratch.tensors) {
      copy.tensors.push_back(writes_inputs ? tensor.clone() : tensor);
    }
    if (Result<void> ran = forward_once(copy); !ran) {
      return ran;
    }
  }
  std::vector<Dims> dims;
  for (const TensorView& view : views) {
    dims.push_back(view.dims);
  }
  const std::lock_guard<std::shared_mutex> lock(settled_mutex);
  settled_dims.push_back(std::move(dims));
  return {};
}

// Replaces the inputs in scratch.tensors by the outputs.
Result<void> Model::Impl::forward_once(Scratch& scratch) const {
#if !defined(SAMPLE_NO_AOTI)
  if (package) {
    std::unique_lock<std::mutex> one_at_a_time(enqueueing, std::defer_lock);
    if (device == Device::cuda) {
      one_at_a_time.lock();
    }
    scratch.tensors = package->boxed_run(std::move(scratch.tensors));
    return {};
  }
#endif
  std::unique_lock<std::mutex> turn(turns, std::defer_lock);
  if (takes_turns) {
    turn.lock();
  }
  torch::jit::Stack& stack = scratch.stack;
  stack.emplace_back(state.own_copy(module._ivalue()));
  for (at::Tensor& tensor : scratch.tensors) {
    stack.emplace_back(std::move(tensor));
  }
  scratch.tensors.clear();
  if (has_defaults) {
    static const torch::jit::Kwargs no_kwargs;
    forward->getSchema().checkAndNormalizeInputs(stack, no_kwargs);  // appends them
  }
  forward->run(stack);
  Result<void> flat = flatten(stack.back(), scratch.tensors);
  stack.clear();
  if (takes_turns) {
    for (at::Tensor& tensor : scratch.tensors) {
      tensor = tensor.clone();  // it may be what the next run writes
    }
  }
  return flat;
}

Result<Outputs> Model::Impl::run(TensorViews views) const {
  return guarded("running the model", [&]() -> Result<Outputs> {
    const c10::InferenceMode no_autograd;
#if defined(SAMPLE_HAVE_CUDA)
    if (runner) {
      if (Result<void> fits = check_views(views, inputs, "input"); !fits) {
        return fits.error();
      }
      return runner->run(views);
    }
#endif
    ScratchLease scratch;
    if (Result<void> inferred = infer(views, *scratch); !inferred) {
      return inferred.error();
    }
    const NvtxRange range("sample outputs");
    Outputs results;
    results.reserve(outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      auto held = std::make_shared<at::Tensor>(std::move(scratch->tensors[i]));
      *held = held->to(c10::kCPU).contiguous();
      const std::optional<DType> dtype = from_torch(held->scalar_type());
      if (!dtype || held->dim() > static_cast<std::int64_t>(Dims::kMaxRank)) {
        return Error{ErrorCode::unsupported,
            "output '" + outputs[i].name + "' has an element type or rank that tensors here cannot hold"};
      }
      // Handed over without a copy where nobody else has it: not a constant of the model, not another
      // output, not memory of the caller.
      bool shared = held->use_count() > 1 || held->storage().use_count() > 1;
      for (const TensorView& view : views) {
        shared = shared || held->storage().data() == view.data;
      }
      if (shared) {
        *held = held->clone();
      }
      void* data = held->data_ptr();
      const Dims dims = to_dims(*held);
      results.emplace_back(*dtype, dims, std::shared_ptr<void>(std::move(held), data));
    }
    return results;
  });
}

Result<void> Model::Impl::run(TensorViews views, TensorViews results, StageTimes* times) const {
  return guarded("running the model", [&]() -> Result<void> {
    if (Result<void> fits = check_views(results, outputs, "output"); !fits) {
      return fits;
    }
    if (Result<void> reachable = check_device(results); !reachable) {
      return reachable;
    }
#if defined(SAMPLE_HAVE_CUDA)
    if (runner) {
      if (Result<void> fits = check_views(views, inputs, "input"); !fits) {
        return fits;
      }
      return runner->run(views, results, times);
    }
#endif
    if (times != nullptr) {
      return Error{ErrorCode::unsupported,
          device == Device::cpu ? "a run on the CPU has no stages"
                                : "this build does not tell the stages of a run: see SAMPLE_CUDA"};
    }
    const c10::InferenceMode no_autograd;
    ScratchLease scratch;
    if (Result<void> inferred = infer(views, *scratch); !inferred) {
      return inferred;
    }
    const NvtxRange range("sample outputs");
    bool asynchronous = false;
    for (std::size_t i = 0; i < results.size(); ++i) {
      const at::Tensor& tensor = scratch->tensors[i];
      const TensorView& target = results[i];
      if (tensor.scalar_type() != to_torch(target.dtype) ||
          tensor.sizes() != c10::IntArrayRef(target.dims.begin(), target.dims.size())) {
        return Error{ErrorCode::invalid_argument,
            "output " + std::to_string(i) + " ('" + outputs[i].name + "'): the model gave " +
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
      torch::cuda::synchronize(device_index);  // copies within the device return before they are done
    }
    return {};
  });
}

Result<void> Model::Impl::warm_up() {
  std::vector<Tensor> tensors;
  std::vector<TensorView> views;
  for (const TensorInfo& input : inputs) {
    tensors.push_back(filled(input.dtype, input.opt, input.fill));
    views.push_back(tensors.back().view());
  }
  const int wanted = device == Device::cpu ? kWarmUpRuns : kWarmUpRunsOnGpu;
  settling_runs = fused ? wanted - 1 : wanted;  // the run that settles fused code counts as one
  for (int i = 0; i < (fused ? 1 : wanted); ++i) {
    if (const Result<Outputs> outputs_of_run = run(views); !outputs_of_run) {
      return outputs_of_run.error();
    }
  }
  settling_runs = wanted;
  return {};
}

std::string Model::Impl::describe_running() const {
#if defined(SAMPLE_HAVE_CUDA)
  if (runner) {
    return runner->describe();
  }
#endif
  return device == Device::cpu ? "" : "CUDA graph: off (built without streams of our own: see SAMPLE_CUDA)\n";
}

Result<void> Model::Impl::read_script(std::istream& in) {
  module = torch::jit::load(in, to_torch(device, device_index));
  forward = &module.get_method("forward").function();
  has_defaults = forward->getSchema().arguments().size() > inputs.size() + 1;
  state = RunState(module._ivalue(), libtorch_facts());
  takes_turns = *libtorch_facts().serialised != '\0';
  writes_inputs = takes_turns;  // what runs share must not hold memory of a caller
  const auto graph = torch::jit::toGraphFunction(*forward).graph()->copy();
  torch::jit::Inline(*graph);
  const torch::jit::AliasDb aliases(graph);
  for (std::size_t i = 1; i < graph->inputs().size(); ++i) {  // 0 is the module
    writes_inputs = writes_inputs || aliases.hasWriters(graph->inputs()[i]);
  }
  return {};
}

Result<void> Model::Impl::read_compiled(
    const std::filesystem::path& file, const CompiledFor& wanted, const LoadOptions& options) {
#if defined(SAMPLE_NO_AOTI)
  return Error{ErrorCode::unsupported, "this LibTorch has no AOTInductor: use 2.6 or later"};
#else
  const bool gpu = compiled_for_gpu();
  if ((device == Device::cuda) != gpu) {
    return Error{ErrorCode::unsupported, std::string("the artifact was compiled for ") + (gpu ? "a GPU" : "the CPU")};
  }
  if (Result<void> ours = check_machine(wanted, TORCH_VERSION); !ours) {
    return ours;
  }
  if (gpu) {
    const Result<cuda::Gpu> here = cuda::gpu_named(device_index);
    if (!here) {
      return here.error();
    }
    if (Result<void> ours =
            check_gpu(wanted, here->name, std::to_string(here->major) + "." + std::to_string(here->minor));
        !ours) {
      return ours;
    }
    if (options.log && here->name != wanted.gpu) {
      options.log(
          LogLevel::warning, "the artifact was compiled on " + std::string(wanted.gpu) + ", this GPU is " + here->name);
    }
    // Without LibTorch's own bookkeeping of callers, which a CUDA graph cannot capture: see forward_once().
    package = std::make_unique<torch::inductor::AOTIModelPackageLoader>(
        path_text(file), "model", true, 1, static_cast<c10::DeviceIndex>(device_index));
    return {};
  }
  if (options.log && at::get_num_threads() != wanted.threads) {
    options.log(LogLevel::warning,
        "the artifact's weights are packed for " + std::to_string(wanted.threads) + " threads, this process has " +
            std::to_string(at::get_num_threads()) + ": every run packs them anew");
  }
  package =
      std::make_unique<torch::inductor::AOTIModelPackageLoader>(path_text(file), "model", false, kCompiledRunners);
  return {};
#endif
}

Result<Model> Model::load(const LoadOptions& options) {
  // Nothing leaves as an exception, not even what a callback of the caller throws.
  return guarded("loading the model", [&]() -> Result<Model> {
    // On a thread of its own: OpenMP keeps the team of every thread that ran something for as long as that
    // thread lives, and where more threads than processors are kept, all of them sleep instead of spinning
    // between the parts of a run. Who loads on one thread and runs on another would pay for it with every run.
    std::optional<Result<Model>> loaded;
    std::thread([&] { loaded.emplace(guarded("loading the model", [&] { return load_unguarded(options); })); }).join();
    release_memory();
    return *std::move(loaded);
  });
}

Result<Model> Model::load_unguarded(const LoadOptions& options) {
  const auto log = [&](LogLevel level, const std::string& message) {
    if (options.log) {
      options.log(level, message);
    }
  };
  const Device device = options.device.value_or(compiled_for_gpu() ? Device::cuda : Device::cpu);
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
  if (options.engine.contexts < 0 || options.engine.contexts > kMaxContexts) {
    return Error{ErrorCode::invalid_argument,
        "contexts must be from 0 to " + std::to_string(kMaxContexts) + ", got " +
            std::to_string(options.engine.contexts)};
  }
  if (device == Device::cuda) {
    Result<void> usable = guarded("looking for CUDA", [&]() -> Result<void> {
      if (!torch::cuda::is_available()) {
        return Error{ErrorCode::no_device,
            "CUDA is not available: this LibTorch is a CPU build, the program was built with SAMPLE_CUDA=OFF, or "
            "there is no NVIDIA GPU or driver"};
      }
      if (options.device_index < 0 ||
          static_cast<std::size_t>(options.device_index) >= static_cast<std::size_t>(torch::cuda::device_count())) {
        return Error{ErrorCode::no_device, "there is no CUDA device " + std::to_string(options.device_index)};
      }
      return {};
    });
    if (!usable) {
      return usable.error();
    }
  }

  auto impl = std::make_shared<Impl>();
  impl->inputs = input_infos();
  impl->outputs = output_infos();
  impl->device = device;
  impl->device_index = options.device_index;
  impl->channels_last = libtorch_facts().channels_last;
  const bool fuses = libtorch_facts().fusion && device == Device::cpu;
  const FusionPause not_for_this_model(fuses);
  impl->fused = fuses && !torch::jit::getCustomPrePasses().empty();

  impl->settles = impl->fused || (device == Device::cuda && libtorch_facts().compiled == nullptr);

  const ArtifactFacts& facts = artifact_facts();
  const EmbeddedFile embedded = options.artifact.empty() ? embedded_file(facts.file) : EmbeddedFile{};
  std::filesystem::path file = options.artifact;
  if (embedded.data == nullptr) {
    if (file.empty()) {
      Result<std::filesystem::path> found = find_asset(facts.file);
      if (!found) {
        return found.error();
      }
      file = *found;
    }
  }
  progress(0.0, "checking the artifact");
  // Compiled code runs as soon as it is loaded: nothing but the very file may.
  const Check check = libtorch_facts().compiled != nullptr ? Check::full : options.check;
  if (Result<void> intact =
          embedded.data != nullptr ? check_integrity(embedded, facts, check) : check_integrity(file, facts, check);
      !intact) {
    return intact.error();
  }
  log(LogLevel::info, "loading " + (embedded.data == nullptr ? path_text(file) : std::string("the embedded artifact")));

  progress(0.2, "loading the artifact");
  const CompiledFor* compiled = libtorch_facts().compiled;
  Result<void> loaded = guarded("loading the artifact", [&]() -> Result<void> {
    if (compiled != nullptr) {
      MemoryFile in_memory;  // it is unpacked while it is loaded, and not needed afterwards
      const Result<std::filesystem::path> package =
          embedded.data == nullptr ? Result<std::filesystem::path>(file) : in_memory.open(embedded);
      return package ? impl->read_compiled(*package, *compiled, options) : package.error();
    }
    if (embedded.data == nullptr) {
      InputFile in;  // not by name: on Windows a name as char* cannot hold every path
      const Result<std::uint64_t> opened = in.open(file);
      return opened ? impl->read_script(in) : Result<void>(opened.error());
    }
    MemoryBuffer buffer(embedded);
    std::istream in(&buffer);
    return impl->read_script(in);
  });
  if (!loaded) {
    return loaded.error();
  }
  if (const std::string warning = weights_warning(); !warning.empty()) {
    log(LogLevel::warning, warning);
  }
#if defined(SAMPLE_HAVE_CUDA)
  if (device == Device::cuda) {
    cuda::Runner::Options running;
    running.device_index = options.device_index;
    running.graphs = options.engine.cuda_graph && !impl->takes_turns;
    running.contexts =
        static_cast<std::size_t>(options.engine.contexts == 0 ? kDefaultContexts : options.engine.contexts);
    running.log = options.log;
    const auto* self = impl.get();  // the runner is a part of it
    impl->runner = std::make_unique<cuda::Runner>(
        [self](TensorViews views, std::vector<at::Tensor>& tensors) { return self->compute_on_device(views, tensors); },
        impl->inputs, impl->outputs, running);
  }
#endif
  progress(0.6, "warming up");
  if (Result<void> warm = impl->warm_up(); !warm) {
    return warm.error();
  }
#if defined(SAMPLE_HAVE_CUDA)
  if (impl->runner) {
    impl->runner->end_of_load();
  }
#endif
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
Device Model::device() const noexcept { return impl_ == nullptr ? Device::cpu : impl_->device; }

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
  if (impl_->device != Device::cpu) {
    return Error{
        ErrorCode::unsupported, "operators return before the GPU has run them: NVIDIA's profilers tell their times"};
  }
  if (runs < 1) {
    return Error{ErrorCode::invalid_argument, "a profile needs one run or more, got " + std::to_string(runs)};
  }
  if (const Result<Outputs> first = run(inputs); !first) {  // what compiles at new sizes does so here
    return first.error();
  }
  return guarded("profiling the model", [&]() -> Result<std::vector<LayerTime>> {
    const OperatorClock clock;
    for (int i = 0; i < runs; ++i) {
      if (const Result<Outputs> ran = run(inputs); !ran) {
        return ran.error();
      }
    }
    return clock.times(runs);
  });
}

Result<std::string> Model::engine_layers() const {
  return Error{ErrorCode::unsupported, "LibTorch compiles no engine"};
}

std::string Model::describe() const {
  if (impl_ == nullptr) {
    return moved_from().message + "\n";
  }
  const LibTorchFacts& facts = libtorch_facts();
  const std::string fused = impl_->fused ? ", oneDNN graph fusion" : "";
  const std::string state =
      impl_->takes_turns ? std::string("one run at a time: ") + facts.serialised + "\n" : impl_->state.describe();
  return std::string(facts.compiled == nullptr ? "TorchScript" : "AOTInductor") + " (" + facts.variant + ", " +
      facts.precision + ") on " + std::string(to_string(impl_->device)) +
      (impl_->device == Device::cuda ? ":" + std::to_string(impl_->device_index) : "") + fused + ", " +
      backend_version() + "\n" + state + impl_->describe_running();
}

namespace {

bool is_set(const char* variable) { return std::getenv(variable) != nullptr; }

// Threads for one run where the caller says nothing; 0: as it is.
int default_threads() {
  const int tuned = libtorch_facts().threads;
  const bool named = is_set("OMP_NUM_THREADS") || is_set("MKL_NUM_THREADS");
  if (required_threads() > 0 || (tuned == 0 && named)) {
    return tuned;
  }
  return std::min(tuned > 0 ? tuned : at::get_num_threads(), available_processors());
}

}  // namespace

Result<void> configure_process(const ProcessOptions& options) {
  // OpenMP ends the process when it cannot start a thread.
  if (options.threads < 0 || options.threads > kMaxThreads) {
    return Error{ErrorCode::invalid_argument,
        "threads must be from 0 to " + std::to_string(kMaxThreads) + ", got " + std::to_string(options.threads)};
  }
  return guarded("configuring the process", [&]() -> Result<void> {
    const int threads = options.threads > 0 ? options.threads : default_threads();
    if (threads > 0) {
      at::set_num_threads(threads);
    }
    if (options.log) {
      if (const std::string advice = waiting_advice(at::get_num_threads()); !advice.empty()) {
        options.log(LogLevel::warning, advice);
      }
    }
    if (options.keep_memory) {
      keep_memory();
    }
    const std::unique_lock<std::shared_mutex> no_compilation(gencpp_shared::libtorch_passes);
    if (const bool fusion = options.fusion.value_or(libtorch_facts().fusion);
        fusion != torch::jit::RegisterLlgaFuseGraph::isEnabled() && at::hasMKLDNN()) {
      torch::jit::RegisterLlgaFuseGraph::setEnabled(fusion);
    }
    // cuDNN takes TF32 for float32 convolutions unless it is told otherwise: three digits instead of seven.
    at::globalContext().setAllowTF32CuDNN(options.tf32);
    at::globalContext().setAllowTF32CuBLAS(options.tf32);
    return {};
  });
}

int process_threads() { return at::get_num_threads(); }

std::string backend_version() { return std::string("LibTorch ") + TORCH_VERSION; }

}  // namespace sample
