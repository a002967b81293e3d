// The model: load it once, run it from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine.hpp"
#include "result.hpp"
#include "tensor.hpp"
#include "version.hpp"

#include "{= name =}/public.hpp"

namespace {= name =} {

class Backend;  // of src/: not marked, so that no library shows it

}  // namespace {= name =}

namespace {= NAME =}_PUBLIC {= name =} {

enum class BuildEngine : std::uint8_t {
  if_missing,  // backends that compile for this machine may do so inside load()
  never,       // load() fails at once instead of compiling for minutes
};

// Damage is an error of load() either way: a changed byte anywhere in what is read is found.
enum class Check : std::uint8_t {
  quick,  // a checksum of every byte, at the speed of memory
  full,   // the whole sha256, which no one can match on purpose; compiled code gets it in any case
};

enum class LogLevel : std::uint8_t {
  info,
  warning,
};

struct LoadOptions {
  // Empty: where the backend runs best, which is the GPU for TensorRT and the CPU for LibTorch, unless the project was
  // made for a GPU alone.
  std::optional<Device> device = {};
  int device_index = 0;
  // Threads for one call of run(); 0 leaves the process's setting. A backend whose thread count is
  // process-wide answers ErrorCode::unsupported when this differs from it: see configure_process().
  int threads = 0;
  // Empty: the project's own artifact, looked for as find_asset() says.
  std::filesystem::path artifact = {};
  // Where compiled engines are kept by backends that have them; empty: the user's cache folder.
  std::filesystem::path cache_dir = {};
  BuildEngine build_engine = BuildEngine::if_missing;
  EngineOptions engine = {};
  Check check = Check::quick;
  // Called while load() waits, possibly on a thread of its own.
  std::function<void(double fraction, const std::string& what)> progress = {};
  std::function<void(LogLevel level, const std::string& message)> log = {};
};

// An input or output. Sizes in `dims` are kUnknownSize where they may vary, from `min` to `max`; `opt` is the
// size that the artifact is tuned for. Where an output's size depends on the inputs' values, not on their
// sizes alone, `opt` is kUnknownSize, `max` is so where no bound is known, and only run() tells: it may be 0.
struct TensorInfo {
  std::string name;
  DType dtype = DType::float32;
  Dims dims;
  Dims min;
  Dims opt;
  Dims max;
  double fill = 0.0;                 // of an input: a value that every element may have; load() warms up on it
  std::optional<std::size_t> batch;  // the dimension that counts the items of a batch; empty: none does

  // Whether it takes batches of several sizes. All inputs that do take one size in a run.
  [[nodiscard]] bool batch_varies() const { return batch && dims[*batch] < 0; }
};

using Outputs = std::vector<Tensor>;

// A tensor, with the name of the input or output that it is for.
struct NamedView {
  std::string_view name;
  TensorView view;
};

// One run by the device's own clock, in milliseconds.
struct StageTimes {
  double h2d_ms = 0.0;  // inputs to the device
  double compute_ms = 0.0;
  double d2h_ms = 0.0;  // outputs to the host
};

struct LayerTime {
  std::string name;
  double ms = 0.0;  // mean of the runs
};

// The end of a run_async(). get(), wait(), its destructor and assignment to it wait until the run has ended.
class Future {
 public:
  explicit Future(std::future<Result<void>> state) : state_(std::move(state)) {}
  Future(Future&&) noexcept = default;
  Future& operator=(Future&& other) noexcept {
    wait();
    state_ = std::move(other.state_);
    return *this;
  }
  Future(const Future&) = delete;
  Future& operator=(const Future&) = delete;
  ~Future() { wait(); }

  // Waits, and gives the run's result; once.
  [[nodiscard]] Result<void> get() {
    if (!state_.valid()) {
      return Error{ErrorCode::invalid_argument, "the result of this run was already taken"};
    }
    return state_.get();
  }
  // Whether get() would give the result without waiting.
  [[nodiscard]] bool ready() const {
    return state_.valid() && state_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  void wait() const {
    if (state_.valid()) {
      state_.wait();
    }
  }

 private:
  std::future<Result<void>> state_;
};

// Stops runs of run_async() that have not begun. Copies share it, and any thread may set it; it stays set.
class CancelFlag {
 public:
  CancelFlag() : set_(std::make_shared<std::atomic<bool>>(false)) {}
  CancelFlag(const CancelFlag&) = default;  // also where it is moved: a flag always holds something
  CancelFlag& operator=(const CancelFlag&) = default;
  ~CancelFlag() = default;

  void set() noexcept { set_->store(true); }
  [[nodiscard]] bool is_set() const noexcept { return set_->load(); }

 private:
  std::shared_ptr<std::atomic<bool>> set_;
};

class Model {
 public:
  // Reads and checks the artifact, puts it on the device and runs the documented warm-up: a few runs of the
  // `opt` sizes on each input's `fill`. Afterwards equal inputs give equal bits. Takes seconds, and minutes where an
  // engine has to be built (BuildEngine); the model's memory is allocated here.
  [[nodiscard]] static Result<Model> load(const LoadOptions& options = {});

  // One that was moved from has no inputs and no outputs, and every call that can fail does. The destructor waits for
  // runs of run_async() that are under way or wait.
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  ~Model();

  [[nodiscard]] const std::vector<TensorInfo>& inputs() const noexcept;
  [[nodiscard]] const std::vector<TensorInfo>& outputs() const noexcept;
  [[nodiscard]] Device device() const noexcept;

  // The place of an input in inputs(), or of an output in outputs(), by its name.
  [[nodiscard]] Result<std::size_t> input_index(std::string_view name) const;
  [[nodiscard]] Result<std::size_t> output_index(std::string_view name) const;

  // Tensors as run() takes them, from named ones in any order: one for each input, or output. What is missing,
  // unknown or there twice is ErrorCode::invalid_argument. The views must outlive the run, as any do.
  //
  //     auto inputs = model.order_inputs({{"mask", mask.view()}, {"ids", ids.view()}});
  //     auto outputs = model.run(*inputs);
  [[nodiscard]] Result<std::vector<TensorView>> order_inputs(Span<const NamedView> named) const;
  [[nodiscard]] Result<std::vector<TensorView>> order_outputs(Span<const NamedView> named) const;

  // One tensor an input, in the order of inputs(). Safe from many threads at once, with equal sizes or others;
  // runs do not see what others left behind. Where a model has state that no run can have for itself, callers
  // take turns: describe() and README.md say so. Returns when the outputs are complete, on every device. Inputs
  // in device memory must be ready before the call: it does not wait for a stream of the caller's. Waits for a free
  // context where all of EngineOptions::contexts are in use, or for its turn. Allocates the outputs.
  [[nodiscard]] Result<Outputs> run(TensorViews inputs) const;

  // As above, into the caller's buffers, one an output; their dims must be those of the result. After the first run of
  // its sizes it allocates nothing; what the backend's own allocator does is not ours.
  [[nodiscard]] Result<void> run(TensorViews inputs, TensorViews outputs) const;

  // As above, on a thread of the model's: it has as many as runs at the same time are worth (one for each context on a
  // GPU; on the CPU as many as the processors allow, each run with its threads), the others wait for one. Where 64
  // wait already, this call waits, too. The caller keeps every buffer alive until the future is ready.
  [[nodiscard]] Future run_async(TensorViews inputs, TensorViews outputs) const;

  // As above. A run whose turn comes when `cancel` is set is not made: its result is ErrorCode::cancelled, and the
  // buffers are free. One that has begun ends as any.
  [[nodiscard]] Future run_async(TensorViews inputs, TensorViews outputs, CancelFlag cancel) const;

  // As above; `done` is called once, on that thread, unless the call itself fails. What it throws ends there. A call
  // from within a `done` does not wait for room. A `done` must not wait for another run_async() of the model, not for
  // its Future either, since it may be the only thread that would make it: call run() there. Nor must it call a model
  // whose destruction has begun; it may end the model itself.
  [[nodiscard]] Result<void> run_async(
      TensorViews inputs, TensorViews outputs, std::function<void(Result<void>)> done) const;
  [[nodiscard]] Result<void> run_async(
      TensorViews inputs, TensorViews outputs, std::function<void(Result<void>)> done, CancelFlag cancel) const;

  // What this backend cannot tell of the following is ErrorCode::unsupported.
  // run() with the time of its stages.
  [[nodiscard]] Result<StageTimes> run_timed(TensorViews inputs, TensorViews outputs) const;
  // Mean time of each layer over `runs` runs, in the order that they run in; LibTorch tells operators instead,
  // those of one name together, the slowest first. Returns after all of them; runs of others go on.
  [[nodiscard]] Result<std::vector<LayerTime>> profile(TensorViews inputs, int runs) const;
  // What was loaded, for people: one fact a line.
  [[nodiscard]] std::string describe() const;

 private:
  friend class Backend;
  struct Impl;
  static Result<Model> load_here(const LoadOptions& options);
  explicit Model(std::unique_ptr<const Impl> impl);
  [[nodiscard]] Future queue_run(TensorViews inputs, TensorViews outputs, std::optional<CancelFlag> cancel) const;
  [[nodiscard]] Result<void> queue_run(TensorViews inputs, TensorViews outputs,
      std::function<void(Result<void>)> done, std::optional<CancelFlag> cancel) const;
  std::unique_ptr<const Impl> impl_;
};

struct ProcessOptions {
  // Threads that one run() may use. 0: what the artifact was tuned with, else the backend's choice (LibTorch's:
  // OMP_NUM_THREADS, else one for each core), but no more than available_processors(); compiled code keeps the number
  // that its weights are packed for.
  int threads = 0;
  bool tf32 = false;  // whether NVIDIA GPUs may round float32 operands to TF32
  // LibTorch on the CPU: oneDNN graph fusion for every TorchScript model of the process that is loaded
  // from now on; empty: what this artifact was tuned with.
  std::optional<bool> fusion = {};
  // LibTorch on the CPU with glibc: memory that a run frees stays with the process, for the next run. Where the inputs'
  // sizes change all the time, it is given back now and then.
  bool keep_memory = true;
  // Called with what would make runs slow in this process, before configure_process() returns.
  std::function<void(LogLevel, const std::string&)> log = {};
};

// Changes switches that belong to the whole process, so it is for programs, not for libraries: nothing
// else here calls it. Call it before the first load().
//
// What it cannot change, because LibTorch's OpenMP library reads it before main(): with several threads on processors
// that others use too (a container, a shared machine), start the program with OMP_WAIT_POLICY=passive in its
// environment. Threads that wait for one another then sleep; else they spin, and take the processors from the thread
// that is waited for.
// This project's own programs see to it themselves (src/libtorch/passive_start.cpp), and `log` says where it is
// missing.
[[nodiscard]] Result<void> configure_process(const ProcessOptions& options);

// Threads that one run() uses on the CPU in this process.
[[nodiscard]] int process_threads();

// Threads that one run() has to have: compiled code packs its weights for one number of them. 0: any number will do.
[[nodiscard]] int required_threads();

// "LibTorch 2.15.0": what runs the model.
[[nodiscard]] std::string backend_version();

}  // namespace {= name =}
