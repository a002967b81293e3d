// The model: load it once, run it from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "result.hpp"
#include "tensor.hpp"
#include "version.hpp"

namespace sample {

enum class BuildEngine : std::uint8_t {
  if_missing,  // backends that compile for this machine may do so inside load()
  never,       // load() fails at once instead of compiling for minutes
};

enum class Check : std::uint8_t {
  quick,  // size, head and tail of the artifact
  full,   // the artifact's whole sha256
};

enum class LogLevel : std::uint8_t {
  info,
  warning,
};

struct LoadOptions {
  Device device = Device::cpu;
  int device_index = 0;
  // Threads for one call of run(); 0 leaves the process's setting. A backend whose thread count is
  // process-wide answers ErrorCode::unsupported when this differs from it: see configure_process().
  int threads = 0;
  // Empty: the project's own artifact, looked for as find_asset() says.
  std::filesystem::path artifact;
  // Where compiled engines are kept by backends that have them; empty: the user's cache folder.
  std::filesystem::path cache_dir;
  BuildEngine build_engine = BuildEngine::if_missing;
  Check check = Check::quick;
  std::function<void(double fraction, const std::string& what)> progress;
  std::function<void(LogLevel level, const std::string& message)> log;
};

// An input or output. Sizes in `dims` are -1 where they may vary, from `min` to `max`; `opt` is the
// size that the artifact is tuned for.
struct TensorInfo {
  std::string name;
  DType dtype = DType::float32;
  Dims dims;
  Dims min;
  Dims opt;
  Dims max;
};

using Outputs = std::vector<Tensor>;

// The end of a run_async(). Waits in its destructor.
class Future {
 public:
  explicit Future(std::future<Result<void>> state) : state_(std::move(state)) {}

  // Waits, and gives the run's result; once.
  [[nodiscard]] Result<void> get() {
    if (!state_.valid()) {
      return Error{ErrorCode::invalid_argument, "the result of this run was already taken"};
    }
    return state_.get();
  }
  // Whether get() would give the result without waiting.
  [[nodiscard]] bool ready() const { return state_.valid() && state_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }
  void wait() const {
    if (state_.valid()) {
      state_.wait();
    }
  }

 private:
  std::future<Result<void>> state_;
};

class Model {
 public:
  // Reads and checks the artifact, puts it on the device and runs the documented warm-up: a few runs on
  // zeros of the `opt` sizes. Afterwards equal inputs give equal bits.
  [[nodiscard]] static Result<Model> load(const LoadOptions& options = {});

  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  ~Model();

  [[nodiscard]] const std::vector<TensorInfo>& inputs() const noexcept;
  [[nodiscard]] const std::vector<TensorInfo>& outputs() const noexcept;
  [[nodiscard]] Device device() const noexcept;

  // One tensor an input, in the order of inputs(). Safe from many threads at once. Returns when the
  // outputs are complete, on every device. Inputs in device memory must be ready before the call: it does
  // not wait for a stream of the caller's.
  [[nodiscard]] Result<Outputs> run(TensorViews inputs) const;

  // As above, into the caller's buffers, one an output; their dims must be those of the result.
  [[nodiscard]] Result<void> run(TensorViews inputs, TensorViews outputs) const;

  // As above, on a thread that this call starts. The caller keeps every buffer alive until the future is
  // ready. For many small runs, threads of your own that call run() cost less.
  [[nodiscard]] Future run_async(TensorViews inputs, TensorViews outputs) const;

 private:
  struct Impl;
  static Result<Model> load_unguarded(const LoadOptions& options);
  explicit Model(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

struct ProcessOptions {
  int threads = 0;    // threads that one run() may use; 0 leaves the setting
  bool tf32 = false;  // whether NVIDIA GPUs may round float32 operands to TF32
};

// Changes switches that belong to the whole process, so it is for programs, not for libraries: nothing
// else here calls it. Call it before the first load().
[[nodiscard]] Result<void> configure_process(const ProcessOptions& options);

// Threads that one run() uses on the CPU in this process.
[[nodiscard]] int process_threads();

// "LibTorch 2.15.0": what runs the model.
[[nodiscard]] std::string backend_version();

}  // namespace sample
