#include "trt_slot.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>

#include "trt_nvtx.hpp"

namespace {= name =}::trt {
namespace {

// Of each slot. Contexts cost little beside the memory for activations, which they share.
constexpr std::size_t kMaxShapes = kContextsShareProfiles ? 4 : 1;
constexpr std::uintptr_t kAlignment = 256;  // what setTensorAddress asks for
constexpr std::size_t kMarks = 4;           // begin, inputs there, computed, outputs there

bool dynamic(const Dims& dims) {
  return std::any_of(dims.begin(), dims.end(), [](std::int64_t size) { return size < 0; });
}

std::size_t bytes_of(const Dims& dims, DType dtype) { return static_cast<std::size_t>(dims.elements()) * size_of(dtype); }

bool aligned(const void* address) { return reinterpret_cast<std::uintptr_t>(address) % kAlignment == 0; }

// Memory that is not zeroed first: an output is written whole.
Tensor uninitialised(DType dtype, const Dims& dims, std::size_t bytes) {
  constexpr std::align_val_t alignment{64};
  return Tensor(dtype, dims, std::shared_ptr<void>(::operator new(bytes == 0 ? 1 : bytes, alignment), [](void* memory) { ::operator delete(memory, alignment); }));
}

}  // namespace

bool GraphSwitch::turn_off(const std::string& why) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const bool first = on_.exchange(false);
  if (first) {
    why_ = why;
  }
  return first;
}

std::string GraphSwitch::why() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return why_;
}

void* Slot::Growing::grow(std::uint64_t bytes) noexcept {
  try {
    if (Result<void> grown = memory_->reserve(static_cast<std::size_t>(bytes)); !grown) {
      failure = grown.error().message;
      return nullptr;
    }
    return memory_->data();
  } catch (...) {  // no memory for the message
    return nullptr;
  }
}

Slot::Slot(const Engine& engine, GraphSwitch& graphs)
    : engine_(&engine), graphs_(&graphs), inputs_(engine.inputs.size()), outputs_(engine.outputs.size()), shapes_(kMaxShapes) {
  for (Tensor& output : outputs_) {
    output.growing = std::make_unique<Growing>(output.device);
  }
}

Result<std::unique_ptr<Slot>> Slot::make(const Engine& engine, GraphSwitch& graphs) {
  std::unique_ptr<Slot> slot(new Slot(engine, graphs));
  Result<Stream> stream = make_stream();
  if (!stream) {
    return stream.error();
  }
  slot->stream_ = *std::move(stream);
  if (Result<void> reserved = slot->activations_.reserve(activation_bytes(*engine.engine)); !reserved) {
    return Error{reserved.error().code, "the model does not fit on the GPU: its activations: " + reserved.error().message};
  }
  if (Result<void> made = slot->need_context(slot->shapes_[0]); !made) {
    return made.error();
  }
  return slot;
}

Handle<nvinfer1::IExecutionContext> Slot::make_context() {
  const std::lock_guard<std::mutex> lock(*engine_->creating);
  Handle<nvinfer1::IExecutionContext> context(create_context(*engine_->engine));
  if (context != nullptr) {
    set_activations(*context, activations_.data(), activations_.capacity());
  }
  return context;
}

// A new context, or where there is no memory for one, that of other shapes.
Result<void> Slot::need_context(Shape& shape) {
  if (shape.context != nullptr) {
    return {};
  }
  shape.context = make_context();
  if (shape.context != nullptr) {
    shape.addresses.assign(inputs_.size() + outputs_.size(), nullptr);
    return {};
  }
  const auto other = std::find_if(shapes_.begin(), shapes_.end(), [](const Shape& has) { return has.context != nullptr; });
  if (other == shapes_.end()) {
    return Error{ErrorCode::backend, "TensorRT cannot make an execution context" + engine_->logger->reasons() + free_memory_text()};
  }
  shape = std::exchange(*other, Shape{});
  return {};
}

bool Slot::knows(TensorViews inputs) const noexcept {
  return std::any_of(shapes_.begin(), shapes_.end(), [&](const Shape& shape) {
    bool same = shape.inputs.size() == inputs.size();
    for (std::size_t i = 0; same && i < inputs.size(); ++i) {
      same = shape.inputs[i] == inputs[i].dims;
    }
    return same;
  });
}

Error Slot::failed(const std::string& what) const { return Error{ErrorCode::backend, what + engine_->logger->reasons()}; }

Result<Slot::Shape*> Slot::shape_for(TensorViews inputs) {
  Shape* oldest = &shapes_[0];
  for (Shape& shape : shapes_) {
    bool same = shape.inputs.size() == inputs.size();
    for (std::size_t i = 0; same && i < inputs.size(); ++i) {
      same = shape.inputs[i] == inputs[i].dims;
    }
    if (same) {
      shape.last_used = ++runs_;
      return &shape;
    }
    if (shape.last_used < oldest->last_used) {
      oldest = &shape;
    }
  }
  if (Result<void> made = set_up(*oldest, inputs); !made) {
    oldest->inputs.clear();  // set up for nothing
    return made.error();
  }
  oldest->last_used = ++runs_;
  return oldest;
}

Result<void> Slot::set_up(Shape& shape, TensorViews inputs) {
  const NvtxRange range("{= name =} set up shapes");
  const Result<std::size_t> profile = engine_->profile_for(inputs);
  if (!profile) {
    return profile.error();
  }
  if (Result<void> made = need_context(shape); !made) {
    return made;
  }
  shape.inputs.clear();
  shape.graph.reset();
  shape.ran = false;
  nvinfer1::IExecutionContext& context = *shape.context;
  if (profiler_ != nullptr) {
    context.setProfiler(profiler_);
  }
  if (context.getOptimizationProfile() != static_cast<std::int32_t>(*profile) && !context.setOptimizationProfileAsync(static_cast<std::int32_t>(*profile), stream_.get())) {
    return failed("TensorRT cannot select optimisation profile " + std::to_string(*profile));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!context.setInputShape(engine_->inputs[i].name.c_str(), to_trt(inputs[i].dims))) {
      return failed("TensorRT does not take shape " + to_string(inputs[i].dims) + " of input '" + engine_->inputs[i].name + "'");
    }
  }
  shape.outputs.clear();
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const char* name = engine_->outputs[i].name.c_str();
    shape.outputs.push_back(from_trt(context.getTensorShape(name)));
    if (dynamic(shape.outputs[i]) && !context.setOutputAllocator(name, outputs_[i].growing.get())) {
      return failed("TensorRT does not take an allocator for output '" + engine_->outputs[i].name + "'");
    }
  }
  for (const TensorView& input : inputs) {
    shape.inputs.push_back(input.dims);
  }
  return {};
}

// Memory for tensor.bytes; addresses in captured graphs are void when it moves.
Result<void> Slot::reserve(Tensor& tensor, bool host) {
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
    Tensor& tensor = inputs_[i];
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
    Tensor& tensor = outputs_[i];
    const Binding& binding = engine_->outputs[i];
    tensor.direct = false;
    tensor.dims = shape.outputs[i];
    if (dynamic(tensor.dims)) {
      tensor.address = nullptr;  // the allocator's
      tensor.bytes = 0;
      continue;
    }
    if (outputs != nullptr && (*outputs)[i].dims != tensor.dims) {
      return Error{ErrorCode::invalid_argument, "output " + std::to_string(i) + " ('" + binding.name + "'): the model gives " + to_string(tensor.dims) + ", the buffer is " + to_string((*outputs)[i].dims)};
    }
    tensor.bytes = bytes_of(tensor.dims, binding.dtype);
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

Result<void> Slot::bind(Shape& shape, std::size_t index, const Binding& binding, Tensor& tensor) {
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
  const NvtxRange range("{= name =} inputs");
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const TensorView& view = inputs[i];
    const Tensor& tensor = inputs_[i];
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
    const cudaMemcpyKind kind = view.device == Device::cpu ? cudaMemcpyHostToDevice : (engine_->inputs[i].on_host ? cudaMemcpyDeviceToHost : cudaMemcpyDeviceToDevice);
    if (Result<void> copied = cuda_check(cudaMemcpyAsync(tensor.address, from, tensor.bytes, kind, stream_.get()), "copying an input"); !copied) {
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

// Graphs replay addresses: ours stay, the caller's vary.
bool Slot::static_addresses() const noexcept {
  const auto moves = [](const Tensor& tensor) { return tensor.direct || tensor.address == nullptr; };
  return std::none_of(inputs_.begin(), inputs_.end(), moves) && std::none_of(outputs_.begin(), outputs_.end(), moves);
}

Result<void> Slot::enqueue(Shape& shape) {
  if (!shape.context->enqueueV3(stream_.get())) {
    for (const Tensor& output : outputs_) {
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
  const Logger::Mute mute(*engine_->logger);  // a model that cannot be captured is no error
  // Calls of other threads neither enter the capture nor break it.
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
    return true;
  }
  (void)cudaGetLastError();
  const std::string why = status == cudaSuccess ? "TensorRT cannot capture this model" + engine_->logger->reasons() : cudaGetErrorString(status);
  if (graphs_->turn_off(why)) {
    engine_->logger->say(LogLevel::warning, "runs are not replayed as CUDA graphs, which costs some time for each: " + why);
  }
  return false;
}

Result<void> Slot::compute(Shape& shape) {
  const NvtxRange range("{= name =} compute");
  if (graphs_->on() && shape.ran && static_addresses() && (shape.graph != nullptr || capture(shape))) {
    return cuda_check(cudaGraphLaunch(shape.graph.get(), stream_.get()), "cudaGraphLaunch");
  }
  return enqueue(shape);
}

// Sizes that only the run could tell.
Result<void> Slot::settle_sizes(const TensorViews* outputs) {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    Tensor& tensor = outputs_[i];
    if (!dynamic(tensor.dims)) {
      continue;
    }
    tensor.dims = tensor.growing->dims;
    tensor.bytes = bytes_of(tensor.dims, engine_->outputs[i].dtype);
    tensor.address = tensor.device.data();
    if (outputs != nullptr && (*outputs)[i].dims != tensor.dims) {
      return Error{ErrorCode::invalid_argument, "output " + std::to_string(i) + " ('" + engine_->outputs[i].name + "'): the model gave " + to_string(tensor.dims) + ", the buffer is " + to_string((*outputs)[i].dims)};
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
    const Tensor& tensor = outputs_[i];
    const bool device = outputs != nullptr && (*outputs)[i].device == Device::cuda;
    void* to = device ? (*outputs)[i].data : tensor.pinned.data();
    if (tensor.direct || tensor.bytes == 0 || to == tensor.address) {
      continue;
    }
    const bool from_host = engine_->outputs[i].on_host;
    const cudaMemcpyKind kind = device ? (from_host ? cudaMemcpyHostToDevice : cudaMemcpyDeviceToDevice) : cudaMemcpyDeviceToHost;
    if (Result<void> copied = cuda_check(cudaMemcpyAsync(to, tensor.address, tensor.bytes, kind, stream_.get()), "copying an output"); !copied) {
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
    if (Result<void> read = cuda_check(cudaEventElapsedTime(&ms[i], events_[i].get(), events_[i + 1].get()), "cudaEventElapsedTime"); !read) {
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
  Result<void> executed = execute(**shape, inputs, outputs, times);
  // Whatever happened: nothing may still be using memory of the caller's, or ours.
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
  const NvtxRange range("{= name =} outputs");
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
  const NvtxRange range("{= name =} outputs");
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

}  // namespace {= name =}::trt
