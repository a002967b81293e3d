#include "cuda/cuda_slot.hpp"

#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/StreamGuard.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

#include "libtorch/torch_tensors.hpp"
#include "nvtx.hpp"

namespace {= name =}::cuda {
namespace {

// Of each slot: sizes of inputs whose memory and graphs are kept.
constexpr std::size_t kMaxShapes = 4;
// Where sizes come and go, capturing costs more than replays give back: a slot captures no more than these.
constexpr int kMostCaptures = 32;

bool same_sizes(const std::vector<Dims>& known, TensorViews views) {
  return std::equal(known.begin(), known.end(), views.begin(), views.end(),
      [](const Dims& dims, const TensorView& view) { return dims == view.dims; });
}

at::Tensor pinned(c10::IntArrayRef sizes, at::ScalarType type) {
  return at::empty(sizes, at::TensorOptions().dtype(type).pinned_memory(true));
}

// Nothing may still be using memory of the caller's, or ours, when a run has ended, however it has.
class Finish {
 public:
  explicit Finish(c10::Stream stream) : stream_(stream) {}
  Finish(const Finish&) = delete;
  Finish& operator=(const Finish&) = delete;
  void now() {
    finished_ = true;
    stream_.synchronize();
  }
  ~Finish() {
    if (!finished_) {
      try {
        stream_.synchronize();
      } catch (...) {  // another error is on its way
      }
    }
  }

 private:
  c10::Stream stream_;
  bool finished_ = false;
};

// Memory that is not zeroed first: an output is written whole.
Tensor uninitialised(DType dtype, const Dims& dims, std::size_t bytes) {
  constexpr std::align_val_t alignment{64};
  return Tensor(dtype, dims, std::shared_ptr<void>(::operator new(bytes == 0 ? 1 : bytes, alignment), [](void* memory) {
    ::operator delete(memory, alignment);
  }));
}

}  // namespace

Slot::Slot(Runner& runner)
    : runner_(&runner),
      device_(to_torch(Device::cuda, runner.device_index_)),
      lane_(make_lane()),
      stream_(make_stream()),
      shapes_(kMaxShapes) {}

std::unique_ptr<GraphLane> Slot::make_lane() {
  if (!runner_->graphs_.on()) {
    return nullptr;
  }
  const c10::DeviceGuard on_device(device_);
  try {
    c10::Event first(c10::kCUDA);
    first.record(c10::impl::VirtualGuardImpl(c10::kCUDA)
            .getStream(device_));  // CUDA has no context on a thread before its first call
    return make_graph_lane(runner_->device_index_);
  } catch (const std::exception& e) {
    no_graphs(e.what());
    return nullptr;
  }
}

// A stream of the slot's own where there are graphs, else one of LibTorch's pool.
c10::Stream Slot::make_stream() const {
  return lane_ != nullptr ? lane_->stream() : c10::impl::VirtualGuardImpl(c10::kCUDA).getStreamFromGlobalPool(device_);
}

void Slot::no_graphs(const std::string& reason) {
  const std::string why = reason.substr(0, reason.find('\n'));
  if (runner_->graphs_.turn_off(why)) {
    runner_->say(LogLevel::warning, "runs are not replayed as CUDA graphs, which costs some time for each: " + why);
  }
}

bool Slot::knows(TensorViews inputs) const noexcept {
  return std::any_of(
      shapes_.begin(), shapes_.end(), [&](const Shape& shape) { return same_sizes(shape.dims, inputs); });
}

Slot::Shape& Slot::shape_for(TensorViews inputs) {
  Shape* oldest = &shapes_[0];
  for (Shape& shape : shapes_) {
    if (same_sizes(shape.dims, inputs)) {
      shape.last_used = ++runs_;
      return shape;
    }
    if (shape.last_used < oldest->last_used) {
      oldest = &shape;
    }
  }
  const NvtxRange range("{= name =} set up shapes");
  *oldest = Shape{};
  Shape made;
  for (const TensorView& view : inputs) {
    made.inputs.push_back(
        at::empty(sizes_of(view.dims), at::TensorOptions().dtype(to_torch(view.dtype)).device(device_)));
    made.dims.push_back(view.dims);
  }
  made.pinned_inputs.resize(inputs.size());
  made.pinned_outputs.resize(runner_->outputs_.size());
  made.last_used = ++runs_;
  *oldest = std::move(made);
  return *oldest;
}

void Slot::copy_in(Shape& shape, TensorViews inputs) {
  const NvtxRange range("{= name =} inputs");
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].bytes() == 0) {
      continue;
    }
    if (inputs[i].device == Device::cuda) {
      shape.inputs[i].copy_(wrap(inputs[i]), true);
      continue;
    }
    at::Tensor& staged = shape.pinned_inputs[i];
    if (!staged.defined()) {
      staged = pinned(shape.inputs[i].sizes(), shape.inputs[i].scalar_type());
    }
    std::memcpy(staged.mutable_data_ptr(), inputs[i].data, inputs[i].bytes());
    shape.inputs[i].copy_(staged, true);
  }
}

Result<void> Slot::forward(Shape& shape, TensorViews inputs) {
  std::vector<at::Tensor> tensors = shape.inputs;
  if (Result<void> done = runner_->forward_(inputs, tensors); !done) {
    return done;
  }
  for (at::Tensor& tensor : tensors) {
    tensor = tensor.contiguous();
  }
  shape.outputs = std::move(tensors);
  return {};
}

// Whether there is a graph now. What the executor compiles, and what cuBLAS and cuDNN set up for a thread and a
// stream, has to be there before: that is why it runs once on this thread without.
bool Slot::capture(Shape& shape, TensorViews inputs) {
  const NvtxRange range("{= name =} capture");
  const std::lock_guard<std::mutex> one_at_a_time(runner_->capturing_);
  if (Result<void> ran = forward(shape, inputs); !ran) {
    return false;  // and so will the run that follows
  }
  stream_.synchronize();
  std::string why;
  try {
    shape.graph = lane_->capture([&] {
      if (Result<void> captured = forward(shape, inputs); !captured) {
        throw std::runtime_error(captured.error().message);
      }
    });
    ++captures_;
    return true;
  } catch (const c10::Error& e) {
    why = e.what_without_backtrace();
  } catch (const std::exception& e) {
    why = e.what();
  }
  shape.outputs.clear();
  no_graphs(why);
  return false;
}

Result<void> Slot::compute(Shape& shape, TensorViews inputs) {
  const NvtxRange range("{= name =} compute");
  if (lane_ != nullptr && shape.ran && runner_->graphs_.on() &&
      (shape.graph != nullptr || (captures_ < kMostCaptures && capture(shape, inputs)))) {
    shape.graph->replay();
    return {};
  }
  Result<void> done = forward(shape, inputs);
  shape.ran = shape.ran || done.ok();
  return done;
}

Result<void> Slot::copy_out(Shape& shape, const TensorViews* outputs) {
  for (std::size_t i = 0; i < shape.outputs.size(); ++i) {
    const at::Tensor& tensor = shape.outputs[i];
    if (outputs != nullptr) {
      const TensorView& target = (*outputs)[i];
      if (tensor.scalar_type() != to_torch(target.dtype) || tensor.sizes() != sizes_of(target.dims)) {
        return Error{ErrorCode::invalid_argument,
            "output " + std::to_string(i) + " ('" + runner_->outputs_[i].name + "'): the model gave " +
                to_string(to_dims(tensor)) + ", the buffer is " + to_string(target.dims)};
      }
      if (target.device == Device::cuda) {
        if (target.bytes() > 0) {
          wrap(target).copy_(tensor, true);
        }
        continue;
      }
    } else if (!from_torch(tensor.scalar_type()) || tensor.dim() > static_cast<std::int64_t>(Dims::kMaxRank)) {
      return Error{ErrorCode::unsupported,
          "output '" + runner_->outputs_[i].name + "' has an element type or rank that tensors here cannot hold"};
    }
    at::Tensor& staged = shape.pinned_outputs[i];
    if (!staged.defined() || staged.sizes() != tensor.sizes() || staged.scalar_type() != tensor.scalar_type()) {
      staged = pinned(tensor.sizes(), tensor.scalar_type());
    }
    staged.copy_(tensor, true);
  }
  return {};
}

// Marks the end of a stage, for those who ask for times.
void Slot::mark(StageTimes* times, std::size_t stage) {
  if (times == nullptr) {
    return;
  }
  while (events_.size() <= stage) {
    events_.emplace_back(c10::kCUDA, c10::EventFlag::BACKEND_DEFAULT);
  }
  events_[stage].record(stream_);
}

Result<void> Slot::enqueue(Shape& shape, TensorViews inputs, const TensorViews* outputs, StageTimes* times) {
  mark(times, 0);
  copy_in(shape, inputs);
  mark(times, 1);
  if (Result<void> computed = compute(shape, inputs); !computed) {
    return computed;
  }
  mark(times, 2);
  if (Result<void> copied = copy_out(shape, outputs); !copied) {
    return copied;
  }
  mark(times, 3);
  return {};
}

// Leaves the outputs in the caller's device memory or in pinned memory of `used`.
Result<void> Slot::infer(TensorViews inputs, const TensorViews* outputs, StageTimes* times, Shape*& used) {
  const c10::InferenceMode no_autograd;
  const c10::StreamGuard on_stream(stream_);
  Finish finish(stream_);
  used = &shape_for(inputs);
  if (Result<void> enqueued = enqueue(*used, inputs, outputs, times); !enqueued) {
    return enqueued;
  }
  finish.now();
  if (times != nullptr) {
    times->h2d_ms = events_[0].elapsedTime(events_[1]);
    times->compute_ms = events_[1].elapsedTime(events_[2]);
    times->d2h_ms = events_[2].elapsedTime(events_[3]);
  }
  return {};
}

Result<void> Slot::run(TensorViews inputs, TensorViews outputs, StageTimes* times) {
  Shape* used = nullptr;
  if (Result<void> inferred = infer(inputs, &outputs, times, used); !inferred) {
    return inferred;
  }
  const NvtxRange range("{= name =} outputs");
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].device == Device::cpu && outputs[i].bytes() > 0) {
      std::memcpy(outputs[i].data, used->pinned_outputs[i].const_data_ptr(), outputs[i].bytes());
    }
  }
  return {};
}

Result<Outputs> Slot::run(TensorViews inputs) {
  Shape* used = nullptr;
  if (Result<void> inferred = infer(inputs, nullptr, nullptr, used); !inferred) {
    return inferred.error();
  }
  const NvtxRange range("{= name =} outputs");
  Outputs made;
  made.reserve(used->pinned_outputs.size());
  for (const at::Tensor& tensor : used->pinned_outputs) {
    made.push_back(uninitialised(*from_torch(tensor.scalar_type()), to_dims(tensor), tensor.nbytes()));
    if (tensor.nbytes() > 0) {
      std::memcpy(made.back().data(), tensor.const_data_ptr(), tensor.nbytes());
    }
  }
  return made;
}

}  // namespace {= name =}::cuda
