// A slot's contexts; trt_slot_run.cpp has its runs.
#include "tensorrt/trt_slot.hpp"

#include <algorithm>
#include <shared_mutex>
#include <utility>

#include "nvtx.hpp"

namespace sample::trt {
namespace {

// Of each slot. Contexts cost little beside the memory for activations, which they share.
constexpr std::size_t kMaxShapes = 4;

bool same_shapes(const std::vector<Dims>& known, TensorViews views) {
  return std::equal(known.begin(), known.end(), views.begin(), views.end(),
      [](const Dims& dims, const TensorView& view) { return dims == view.dims; });
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

void* Slot::Growing::grow(const std::uint64_t bytes) noexcept {
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
    : engine_(&engine),
      graphs_(&graphs),
      inputs_(engine.inputs.size()),
      outputs_(engine.outputs.size()),
      shapes_(engine.one_context_a_profile() ? 1 : kMaxShapes) {
  for (Placed& output : outputs_) {
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
    return Error{
        reserved.error().code, "the model does not fit on the GPU: its activations: " + reserved.error().message};
  }
  if (Result<void> made = slot->need_context(slot->shapes_[0]); !made) {
    return made.error();
  }
  return slot;
}

Handle<nvinfer1::IExecutionContext> Slot::make_context() {
  const std::lock_guard<std::mutex> lock(*engine_->creating);
  const std::shared_lock<std::shared_mutex> no_capture(capturing());
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
  const auto other =
      std::find_if(shapes_.begin(), shapes_.end(), [](const Shape& has) { return has.context != nullptr; });
  if (other == shapes_.end()) {
    return Error{ErrorCode::backend,
        "TensorRT cannot make an execution context" + engine_->logger->reasons() + free_memory_text()};
  }
  shape = std::exchange(*other, Shape{});
  return {};
}

bool Slot::knows(TensorViews inputs) const noexcept {
  return std::any_of(
      shapes_.begin(), shapes_.end(), [&](const Shape& shape) { return same_shapes(shape.inputs, inputs); });
}

Error Slot::failed(const std::string& what) const {
  return Error{ErrorCode::backend, what + engine_->logger->reasons()};
}

Result<Slot::Shape*> Slot::shape_for(TensorViews inputs) {
  Shape* oldest = &shapes_[0];
  for (Shape& shape : shapes_) {
    if (same_shapes(shape.inputs, inputs)) {
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
  const NvtxRange range("sample set up shapes");
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
  shape.lost = 0;
  nvinfer1::IExecutionContext& context = *shape.context;
  if (profiler_ != nullptr) {
    context.setProfiler(profiler_);
  }
  if (context.getOptimizationProfile() != static_cast<std::int32_t>(*profile) &&
      !context.setOptimizationProfileAsync(static_cast<std::int32_t>(*profile), stream_.get())) {
    return failed("TensorRT cannot select optimisation profile " + std::to_string(*profile));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!context.setInputShape(engine_->inputs[i].name.c_str(), to_trt(inputs[i].dims))) {
      return failed(
          "TensorRT does not take shape " + to_string(inputs[i].dims) + " of input '" + engine_->inputs[i].name + "'");
    }
  }
  shape.outputs.clear();
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const char* name = engine_->outputs[i].name.c_str();
    const nvinfer1::Dims told = context.getTensorShape(name);
    if (told.nbDims != engine_->engine->getTensorShape(name).nbDims) {  // -1: it does not know
      return failed("TensorRT does not tell the shape of output '" + engine_->outputs[i].name + "'");
    }
    shape.outputs.push_back(from_trt(told));
    if (is_dynamic(shape.outputs[i]) && !context.setOutputAllocator(name, outputs_[i].growing.get())) {
      return failed("TensorRT does not take an allocator for output '" + engine_->outputs[i].name + "'");
    }
  }
  for (const TensorView& input : inputs) {
    shape.inputs.push_back(input.dims);
  }
  return {};
}

}  // namespace sample::trt
