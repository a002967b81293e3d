// What one caller needs for a run: a stream, memory, and execution contexts.
#pragma once

#include <NvInfer.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "sample/model.hpp"

#include "tensorrt/compat.hpp"
#include "tensorrt/trt_engine.hpp"
#include "tensorrt/trt_handles.hpp"

namespace sample::trt {

// Whether runs are replayed as CUDA graphs; shared by all slots of a model. Once off, off for good.
class GraphSwitch {
 public:
  explicit GraphSwitch(bool on, const std::string& why_not = "") : on_(on), why_(why_not) {}
  [[nodiscard]] bool on() const noexcept { return on_; }
  // True for the first caller, who logs it.
  bool turn_off(const std::string& why);
  // The model can be captured: where that fails later, it is something else's fault.
  void worked() noexcept { worked_ = true; }
  [[nodiscard]] bool has_worked() const noexcept { return worked_; }
  [[nodiscard]] std::string why() const;

 private:
  std::atomic<bool> on_;
  std::atomic<bool> worked_{false};
  mutable std::mutex mutex_;
  std::string why_;
};

// Serves one caller at a time; trt_pool.hpp lends it. The device is current whenever it is used.
class Slot {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Slot>> make(const Engine& engine, GraphSwitch& graphs);

  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() = default;

  // Whether a context is set up for these shapes.
  [[nodiscard]] bool knows(TensorViews inputs) const noexcept;

  // Into the caller's buffers; `times` may be null. Allocates nothing of ours once these shapes were run.
  [[nodiscard]] Result<void> run(TensorViews inputs, TensorViews outputs, StageTimes* times);

  // Into new tensors.
  [[nodiscard]] Result<Outputs> run(TensorViews inputs);

  // Tells `profiler` the time of every layer, from now on; for a slot that makes no graphs.
  void set_profiler(nvinfer1::IProfiler& profiler) noexcept { profiler_ = &profiler; }

 private:
  // Device memory of an output whose size only the run tells.
  class Growing final : public OutputAllocator {
   public:
    explicit Growing(DeviceBuffer& memory) : memory_(&memory) {}
    void* grow(std::uint64_t bytes) noexcept override;
    void tell_shape(const nvinfer1::Dims& told) noexcept override { dims = from_trt(told); }

    Dims dims;
    std::string failure;  // why there was no memory

   private:
    DeviceBuffer* memory_;
  };

  // Memory of one input or output, and where it is in the run under way.
  struct Placed {
    PinnedBuffer pinned;
    DeviceBuffer device;
    std::unique_ptr<Growing> growing;  // outputs only
    void* address = nullptr;           // what TensorRT gets
    bool direct = false;               // it is the caller's own device memory
    Dims dims;
    std::size_t bytes = 0;
  };

  // A context set up for the shapes of the inputs. Shapes do not share contexts, because a graph that was
  // captured for one is not valid once its context has had others. They share the memory for activations:
  // a slot runs one at a time.
  struct Shape {
    Handle<nvinfer1::IExecutionContext> context;
    std::vector<Dims> inputs;  // empty: none yet
    std::vector<Dims> outputs;
    std::vector<void*> addresses;  // of inputs, then outputs, as the context has them
    GraphExec graph;
    bool ran = false;  // the first run sets things up in a way that cannot be captured
    int lost = 0;      // captures that failed
    std::uint64_t last_used = 0;
  };

  Slot(const Engine& engine, GraphSwitch& graphs);

  Result<void> infer(TensorViews inputs, const TensorViews* outputs, StageTimes* times);
  Result<Shape*> shape_for(TensorViews inputs);
  Result<void> set_up(Shape& shape, TensorViews inputs);
  Result<void> need_context(Shape& shape);
  Handle<nvinfer1::IExecutionContext> make_context();
  Result<void> place_inputs(TensorViews inputs);
  Result<void> place_outputs(const Shape& shape, const TensorViews* outputs);
  Result<void> reserve(Placed& tensor, bool host);
  Result<void> bind(Shape& shape);
  Result<void> bind(Shape& shape, std::size_t index, const Binding& binding, Placed& tensor);
  Result<void> execute(Shape& shape, TensorViews inputs, const TensorViews* outputs, StageTimes* times);
  Result<void> compute(Shape& shape);
  Result<void> enqueue(Shape& shape);
  bool capture(Shape& shape);
  Result<void> copy_in(TensorViews inputs);
  Result<void> copy_out(const TensorViews* outputs);
  Result<void> settle_sizes(const TensorViews* outputs);
  Result<void> mark(StageTimes* times, std::size_t stage);
  Result<void> read_times(StageTimes& times);
  [[nodiscard]] bool static_addresses() const noexcept;
  [[nodiscard]] Error failed(const std::string& what) const;

  const Engine* engine_;
  GraphSwitch* graphs_;
  nvinfer1::IProfiler* profiler_ = nullptr;
  // Released last, after what uses them: contexts and graphs.
  Stream stream_;
  std::vector<Event> events_;
  DeviceBuffer activations_;
  std::vector<Placed> inputs_;
  std::vector<Placed> outputs_;
  std::vector<Shape> shapes_;
  std::uint64_t runs_ = 0;
};

}  // namespace sample::trt
