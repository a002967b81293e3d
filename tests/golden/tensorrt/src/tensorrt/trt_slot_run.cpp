// A run of a slot: memory in place, inputs to the device, the model, outputs back.
#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <new>
#include <shared_mutex>
#include <utility>

#include "nvtx.hpp"
#include "tensorrt/trt_slot.hpp"

namespace sample::trt {
namespace {

constexpr std::uintptr_t kAlignment = 256;  // what setTensorAddress asks for
constexpr std::size_t kMarks = 4;           // begin, inputs there, computed, outputs there
constexpr int kMostLost = 3;                // captures that fail, of shapes of a model that can be captured

bool aligned(const void* address) { return reinterpret_cast<std::uintptr_t>(address) % kAlignment == 0; }

// Memory that is not zeroed first: an output is written whole.
Tensor uninitialised(DType dtype, const Dims& dims, std::size_t bytes) {
  constexpr std::align_val_t alignment{64};
  return Tensor(dtype, dims, std::shared_ptr<void>(::operator new(bytes == 0 ? 1 : bytes, alignment), [](void* memory) {
    ::operator delete(memory, alignment);
  }));
}

}  // namespace

// Memory for tensor.bytes; addresses in captured graphs are void when it moves.
Result<void> Slot::reserve(Placed& tensor, bool host) {
  if (tensor.bytes > tensor.device.capacity() || (host && tensor.bytes > tensor.pinned.capacity())) {
    for (Shape& shape : shapes_) {
      shape.graph.reset();
    }
  }
  if (Result<void> reserved = tensor.device.reserve(tensor.bytes); !reserved) {
    return reserved;
  }
  return host ? tensor.pinned.reserve(tensor.bytes) : Result<void>();
}

Result<void> Slot::place_inputs(TensorViews inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const TensorView& view = inputs[i];
    Placed& tensor = inputs_[i];
    tensor.dims = view.dims;
    tensor.bytes = view.bytes();
    tensor.direct = view.device == Device::cuda && aligned(view.data) && !engine_->inputs[i].on_host;
    if (tensor.direct) {
      tensor.address = view.data;
      continue;
    }
    const bool host = view.device == Device::cpu || engine_->inputs[i].on_host;
    if (Result<void> reserved = reserve(tensor, host); !reserved) {
      return reserved;
    }
    tensor.address = engine_->inputs[i].on_host ? tensor.pinned.data() : tensor.device.data();
  }
  return {};
}

// `outputs` is null when the results become new tensors.
Result<void> Slot::place_outputs(const Shape& shape, const TensorViews* outputs) {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    Placed& tensor = outputs_[i];
    const Binding& binding = engine_->outputs[i];
    tensor.direct = false;
    tensor.dims = shape.outputs[i];
    if (is_dynamic(tensor.dims)) {
      tensor.address = nullptr;  // the allocator's
      tensor.bytes = 0;
      tensor.growing->dims = tensor.dims;
      continue;
    }
    if (outputs != nullptr && (*outputs)[i].dims != tensor.dims) {
      return Error{ErrorCode::invalid_argument,
          "output " + std::to_string(i) + " ('" + binding.name + "'): the model gives " + to_string(tensor.dims) +
              ", the buffer is " + to_string((*outputs)[i].dims)};
    }
    tensor.bytes = size_of(binding.dtype, tensor.dims);
    const bool device = outputs != nullptr && (*outputs)[i].device == Device::cuda;
    tensor.direct = device && aligned((*outputs)[i].data) && !binding.on_host;
    if (tensor.direct) {
      tensor.address = (*outputs)[i].data;
      continue;
    }
    if (Result<void> reserved = reserve(tensor, !device || binding.on_host); !reserved) {
      return reserved;
    }
    tensor.address = binding.on_host ? tensor.pinned.data() : tensor.device.data();
  }
  return {};
}

Result<void> Slot::bind(Shape& shape, std::size_t index, const Binding& binding, Placed& tensor) {
  if (shape.addresses[index] == tensor.address) {
    return {};
  }
  if (!shape.context->setTensorAddress(binding.name.c_str(), tensor.address)) {
    return failed("TensorRT does not take the memory of tensor '" + binding.name + "'");
  }
  shape.addresses[index] = tensor.address;
  return {};
}

Result<void> Slot::bind(Shape& shape) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (Result<void> bound = bind(shape, i, engine_->inputs[i], inputs_[i]); !bound) {
      return bound;
    }
  }
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (Result<void> bound = bind(shape, inputs_.size() + i, engine_->outputs[i], outputs_[i]); !bound) {
      return bound;
    }
  }
  return {};
}

Result<void> Slot::copy_in(TensorViews inputs) {
  const NvtxRange range("sample inputs");
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const TensorView& view = inputs[i];
    const Placed& tensor = inputs_[i];
    if (tensor.direct || tensor.bytes == 0) {
      continue;
    }
    const void* from = view.data;
    if (view.device == Device::cpu) {
      std::memcpy(tensor.pinned.data(), view.data, tensor.bytes);
      from = tensor.pinned.data();
    }
    if (from == tensor.address) {
      continue;
    }
    const cudaMemcpyKind kind = view.device == Device::cpu
        ? cudaMemcpyHostToDevice
        : (engine_->inputs[i].on_host ? cudaMemcpyDeviceToHost : cudaMemcpyDeviceToDevice);
    if (Result<void> copied =
            cuda_check(cudaMemcpyAsync(tensor.address, from, tensor.bytes, kind, stream_.get()), "copying an input");
        !copied) {
      return copied;
    }
    if (engine_->inputs[i].on_host) {  // TensorRT reads it when the run is enqueued
      if (Result<void> there = cuda_check(cudaStreamSynchronize(stream_.get()), "copying an input"); !there) {
        return there;
      }
    }
  }
  return {};
}

// Graphs replay addresses: ours stay, the caller's vary. What TensorRT reads or writes in host memory is not in them.
bool Slot::static_addresses() const noexcept {
  const auto moves = [](const Placed& tensor) { return tensor.direct || tensor.address == nullptr; };
  const auto on_host = [](const Binding& binding) { return binding.on_host; };
  return std::none_of(inputs_.begin(), inputs_.end(), moves) && std::none_of(outputs_.begin(), outputs_.end(), moves) &&
      std::none_of(engine_->inputs.begin(), engine_->inputs.end(), on_host) &&
      std::none_of(engine_->outputs.begin(), engine_->outputs.end(), on_host);
}

Result<void> Slot::enqueue(Shape& shape) {
  if (!shape.context->enqueueV3(stream_.get())) {
    for (const Placed& output : outputs_) {
      if (!output.growing->failure.empty()) {
        return failed("TensorRT could not run the model: " + std::exchange(output.growing->failure, ""));
      }
    }
    return failed("TensorRT could not run the model");
  }
  shape.ran = true;
  return {};
}

bool Slot::capture(Shape& shape) {
  const std::unique_lock<std::shared_mutex> alone(capturing(), std::try_to_lock);
  if (!alone.owns_lock()) {
    return false;  // a plain run now, and another attempt at the next
  }
  const Logger::Mute mute(*engine_->logger);  // a model that cannot be captured is no error
  // Calls of other threads do not enter the capture. One that synchronises the device, of the host's, still breaks it.
  cudaError_t status = cudaStreamBeginCapture(stream_.get(), cudaStreamCaptureModeThreadLocal);
  bool enqueued = false;
  if (status == cudaSuccess) {
    enqueued = shape.context->enqueueV3(stream_.get());
    cudaGraph_t captured = nullptr;
    status = cudaStreamEndCapture(stream_.get(), &captured);
    const Graph graph(captured);
    if (enqueued && status == cudaSuccess && graph != nullptr) {
      cudaGraphExec_t made = nullptr;
      status = cudaGraphInstantiateWithFlags(&made, graph.get(), 0);
      shape.graph.reset(status == cudaSuccess ? made : nullptr);
    }
  }
  if (shape.graph != nullptr) {
    graphs_->worked();
    return true;
  }
  (void)cudaGetLastError();
  ++shape.lost;
  if (graphs_->has_worked()) {
    return false;
  }
  const std::string why = status == cudaSuccess ? "TensorRT cannot capture this model" + engine_->logger->reasons()
                                                : cudaGetErrorString(status);
  if (graphs_->turn_off(why)) {
    engine_->logger->say(
        LogLevel::warning, "runs are not replayed as CUDA graphs, which costs some time for each: " + why);
  }
  return false;
}

Result<void> Slot::compute(Shape& shape) {
  const NvtxRange range("sample compute");
  if (graphs_->on() && shape.ran && static_addresses() &&
      (shape.graph != nullptr || (shape.lost < kMostLost && capture(shape)))) {
    return cuda_check(cudaGraphLaunch(shape.graph.get(), stream_.get()), "cudaGraphLaunch");
  }
  return enqueue(shape);
}

// Sizes that only the run could tell.
Result<void> Slot::settle_sizes(const TensorViews* outputs) {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    Placed& tensor = outputs_[i];
    if (!is_dynamic(tensor.dims)) {
      continue;
    }
    tensor.dims = tensor.growing->dims;
    if (is_dynamic(tensor.dims)) {
      return failed("TensorRT did not tell the size of output '" + engine_->outputs[i].name + "'");
    }
    tensor.bytes = size_of(engine_->outputs[i].dtype, tensor.dims);
    tensor.address = tensor.device.data();
    if (outputs != nullptr && (*outputs)[i].dims != tensor.dims) {
      return Error{ErrorCode::invalid_argument,
          "output " + std::to_string(i) + " ('" + engine_->outputs[i].name + "'): the model gave " +
              to_string(tensor.dims) + ", the buffer is " + to_string((*outputs)[i].dims)};
    }
    if (outputs == nullptr || (*outputs)[i].device == Device::cpu) {
      if (Result<void> reserved = tensor.pinned.reserve(tensor.bytes); !reserved) {
        return reserved;
      }
    }
  }
  return {};
}

Result<void> Slot::copy_out(const TensorViews* outputs) {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const Placed& tensor = outputs_[i];
    const bool device = outputs != nullptr && (*outputs)[i].device == Device::cuda;
    void* to = device ? (*outputs)[i].data : tensor.pinned.data();
    if (tensor.direct || tensor.bytes == 0 || to == tensor.address) {
      continue;
    }
    const bool from_host = engine_->outputs[i].on_host;
    const cudaMemcpyKind kind =
        device ? (from_host ? cudaMemcpyHostToDevice : cudaMemcpyDeviceToDevice) : cudaMemcpyDeviceToHost;
    if (Result<void> copied =
            cuda_check(cudaMemcpyAsync(to, tensor.address, tensor.bytes, kind, stream_.get()), "copying an output");
        !copied) {
      return copied;
    }
  }
  return {};
}

Result<void> Slot::mark(StageTimes* times, std::size_t stage) {
  if (times == nullptr) {
    return {};
  }
  while (events_.size() < kMarks) {
    Result<Event> event = make_event();
    if (!event) {
      return event.error();
    }
    events_.push_back(*std::move(event));
  }
  return cuda_check(cudaEventRecord(events_[stage].get(), stream_.get()), "cudaEventRecord");
}

Result<void> Slot::read_times(StageTimes& times) {
  std::array<float, kMarks - 1> ms{};
  for (std::size_t i = 0; i + 1 < kMarks; ++i) {
    if (Result<void> read =
            cuda_check(cudaEventElapsedTime(&ms[i], events_[i].get(), events_[i + 1].get()), "cudaEventElapsedTime");
        !read) {
      return read;
    }
  }
  times.h2d_ms = static_cast<double>(ms[0]);
  times.compute_ms = static_cast<double>(ms[1]);
  times.d2h_ms = static_cast<double>(ms[2]);
  return {};
}

Result<void> Slot::execute(Shape& shape, TensorViews inputs, const TensorViews* outputs, StageTimes* times) {
  if (Result<void> marked = mark(times, 0); !marked) {
    return marked;
  }
  if (Result<void> copied = copy_in(inputs); !copied) {
    return copied;
  }
  if (Result<void> marked = mark(times, 1); !marked) {
    return marked;
  }
  if (Result<void> computed = compute(shape); !computed) {
    return computed;
  }
  if (Result<void> marked = mark(times, 2); !marked) {
    return marked;
  }
  if (Result<void> settled = settle_sizes(outputs); !settled) {
    return settled;
  }
  if (Result<void> copied = copy_out(outputs); !copied) {
    return copied;
  }
  return mark(times, 3);
}

// Leaves the outputs in the caller's device memory or in pinned memory.
Result<void> Slot::infer(TensorViews inputs, const TensorViews* outputs, StageTimes* times) {
  const Result<Shape*> shape = shape_for(inputs);
  if (!shape) {
    return shape.error();
  }
  if (Result<void> placed = place_inputs(inputs); !placed) {
    return placed;
  }
  if (Result<void> placed = place_outputs(**shape, outputs); !placed) {
    return placed;
  }
  if (Result<void> bound = bind(**shape); !bound) {
    return bound;
  }
  // Whatever happens, an exception too: nothing may still be using memory of the caller's, or ours.
  struct Finish {
    cudaStream_t stream;
    bool done = false;
    ~Finish() {
      if (!done) {
        (void)cudaStreamSynchronize(stream);
      }
    }
  } finish{stream_.get()};
  Result<void> executed = execute(**shape, inputs, outputs, times);
  finish.done = true;
  Result<void> finished = cuda_check(cudaStreamSynchronize(stream_.get()), "running the model on the GPU");
  if (!executed) {
    return executed;
  }
  return finished && times != nullptr ? read_times(*times) : finished;
}

Result<void> Slot::run(TensorViews inputs, TensorViews outputs, StageTimes* times) {
  if (Result<void> inferred = infer(inputs, &outputs, times); !inferred) {
    return inferred;
  }
  const NvtxRange range("sample outputs");
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (outputs[i].device == Device::cpu && outputs_[i].bytes > 0) {
      std::memcpy(outputs[i].data, outputs_[i].pinned.data(), outputs_[i].bytes);
    }
  }
  return {};
}

Result<Outputs> Slot::run(TensorViews inputs) {
  if (Result<void> inferred = infer(inputs, nullptr, nullptr); !inferred) {
    return inferred.error();
  }
  const NvtxRange range("sample outputs");
  Outputs made;
  made.reserve(outputs_.size());
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    made.push_back(uninitialised(engine_->outputs[i].dtype, outputs_[i].dims, outputs_[i].bytes));
    if (outputs_[i].bytes > 0) {
      std::memcpy(made[i].data(), outputs_[i].pinned.data(), outputs_[i].bytes);
    }
  }
  return made;
}

}  // namespace sample::trt
