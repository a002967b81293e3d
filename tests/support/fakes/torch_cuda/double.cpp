#include "double.hpp"

#include <ATen/EmptyTensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/view_native.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/csrc/jit/codegen/fuser/interface.h>
#include <torch/library.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace torch_double {
namespace {

const c10::Device kDevice(c10::kCUDA, 0);

struct Queue {
  std::mutex mutex;
  std::deque<Work> work;
  std::mutex running;
  // While a capture is under way:
  bool capturing = false;
  std::thread::id capturer;
  std::string broken;
  Nodes nodes;
  std::vector<at::Tensor> results;
};

// Never destroyed: programs release models in destructors that run late.
struct World {
  std::mutex mutex;
  std::map<c10::StreamId, std::shared_ptr<Queue>> queues;
  std::map<std::string, int> counts;
  std::set<const void*> pinned;
  c10::StreamId next = 1;
};

World& world() {
  static World* const all = new World;
  return *all;
}

thread_local c10::StreamId stream_of_thread = 0;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Queue& queue(c10::StreamId stream) {
  const std::lock_guard<std::mutex> lock(world().mutex);
  std::shared_ptr<Queue>& found = world().queues[stream];
  if (found == nullptr) {
    found = std::make_shared<Queue>();
  }
  return *found;
}

void push(c10::StreamId stream, Work work) {
  Queue& q = queue(stream);
  const std::lock_guard<std::mutex> lock(q.mutex);
  q.work.push_back(std::move(work));
}

void drain(c10::StreamId stream) {
  Queue& q = queue(stream);
  const std::lock_guard<std::mutex> one_at_a_time(q.running);
  const c10::InferenceMode no_autograd;
  for (;;) {
    Work work;
    {
      const std::lock_guard<std::mutex> lock(q.mutex);
      if (q.work.empty()) {
        return;
      }
      work = std::move(q.work.front());
      q.work.pop_front();
    }
    work();
  }
}

// The capture that what this thread does now belongs to, or null.
Queue* capture_here() {
  Queue& q = queue(stream_of_thread);
  TORCH_CHECK(!q.capturing || q.capturer == std::this_thread::get_id(), "DOUBLE: a stream that captures was used by another thread");
  return q.capturing ? &q : nullptr;
}

void must_not_capture(const char* what) {
  if (Queue* const q = capture_here()) {
    q->broken = what;
    TORCH_CHECK(false, "operation not permitted when stream is capturing: ", what);
  }
}

// --- memory ---------------------------------------------------------------------------------------

class HostMemory : public c10::Allocator {
 public:
  explicit HostMemory(c10::Device device, bool pinned) : device_(device), pinned_(pinned) {}
  c10::DataPtr allocate(std::size_t bytes) override {
    void* const memory = bytes == 0 ? nullptr : std::malloc(bytes);
    if (memory != nullptr) {
      std::memset(memory, 0xff, bytes);  // not a number
      if (pinned_) {
        const std::lock_guard<std::mutex> lock(world().mutex);
        world().pinned.insert(memory);
      }
    }
    return {memory, memory, &release, device_};
  }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { std::memcpy(to, from, bytes); }

 private:
  static void release(void* memory) {
    {
      const std::lock_guard<std::mutex> lock(world().mutex);
      world().pinned.erase(memory);
    }
    std::free(memory);
  }
  c10::Device device_;
  bool pinned_;
};

HostMemory device_memory(kDevice, false);
HostMemory pinned_memory(c10::Device(c10::kCPU), true);

bool is_pinned(const at::Tensor& tensor) {
  const std::lock_guard<std::mutex> lock(world().mutex);
  return world().pinned.count(tensor.storage().data()) != 0;
}

// --- streams and events -----------------------------------------------------------------------------

struct Event {
  c10::EventFlag flag;
  std::atomic<bool> done{false};
  std::chrono::steady_clock::time_point time;
};

struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return c10::kCUDA; }
  c10::Device exchangeDevice(c10::Device) const override { return kDevice; }
  c10::Device getDevice() const override { return kDevice; }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::Stream getStream(c10::Device) const override { return stream(stream_of_thread); }
  c10::Stream getDefaultStream(c10::Device) const override { return stream(0); }
  c10::Stream getStreamFromGlobalPool(c10::Device, bool) const override { return stream(new_stream()); }
  c10::Stream exchangeStream(c10::Stream to) const override { return stream(std::exchange(stream_of_thread, to.id())); }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }

  void record(void** event, const c10::Stream& stream, c10::DeviceIndex, c10::EventFlag flag) const override {
    must_not_capture("recording an event");
    if (*event == nullptr) {
      *event = new Event{flag, {}, {}};
    }
    auto* const recorded = static_cast<Event*>(*event);
    recorded->done = false;
    push(stream.id(), [recorded] {
      recorded->time = std::chrono::steady_clock::now();
      recorded->done = true;
    });
  }
  void destroyEvent(void* event, c10::DeviceIndex) const noexcept override { delete static_cast<Event*>(event); }
  bool queryEvent(void* event) const override { return static_cast<Event*>(event)->done; }
  double elapsedTime(void* first, void* second, c10::DeviceIndex) const override {
    const auto* const a = static_cast<Event*>(first);
    const auto* const b = static_cast<Event*>(second);
    TORCH_CHECK(a->flag == c10::EventFlag::BACKEND_DEFAULT && b->flag == a->flag, "these events have no times");
    TORCH_CHECK(a->done && b->done, "an event has not happened yet");
    return std::chrono::duration<double, std::milli>(b->time - a->time).count();
  }
  bool queryStream(const c10::Stream& stream) const override {
    drain(stream.id());
    return true;
  }
  void synchronizeStream(const c10::Stream& stream) const override {
    must_not_capture("waiting for a stream");
    count("synchronize");
    drain(stream.id());
  }

 private:
  static c10::Stream stream(c10::StreamId id) { return c10::Stream(c10::Stream::UNSAFE, kDevice, id); }
};

c10::impl::DeviceGuardImplRegistrar guard(c10::kCUDA, new Guard);

struct Hooks : at::CUDAHooksInterface {
  explicit Hooks(at::CUDAHooksArgs) {}
  void init() const override {}
  bool hasCUDA() const override { return true; }
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex current_device() const override { return 0; }
  int getNumGPUs() const override { return 1; }
  c10::Device getDeviceFromPtr(void*) const override { return kDevice; }  // nobody asks about the host's
  c10::Allocator* getPinnedMemoryAllocator() const override { return &pinned_memory; }
  bool isPinnedPtr(const void* data) const override {
    const std::lock_guard<std::mutex> lock(world().mutex);
    return world().pinned.count(data) != 0;
  }
  void deviceSynchronize(c10::DeviceIndex) const override {
    must_not_capture("waiting for the device");
    drain(stream_of_thread);
  }
};

// --- operators ------------------------------------------------------------------------------------

at::Tensor on_cpu(const at::Tensor& tensor) {
  if (!tensor.defined() || !tensor.is_cuda()) {
    return tensor;
  }
  return at::from_blob(tensor.data_ptr(), tensor.sizes(), tensor.strides(), tensor.options().device(c10::kCPU));
}

// A tensor of the CPU's as one of the device's; `base` is what it may be a view of.
at::Tensor on_device(const at::Tensor& tensor, std::vector<c10::IValue> base) {
  return at::from_blob(tensor.data_ptr(), tensor.sizes(), tensor.strides(), [tensor, base = std::move(base)](void*) {}, tensor.options().device(kDevice), kDevice);
}

class Call {
 public:
  Call(const c10::OperatorHandle& op, torch::jit::Stack& stack) : op_(op), given_(torch::jit::pop(stack, op.schema().arguments().size())) {
    for (const c10::IValue& value : given_) {
      cpu_.push_back(lowered(value));
    }
  }

  torch::jit::Stack run() const {
    torch::jit::Stack stack = cpu_;
    op_.callBoxed(&stack);
    return stack;
  }

  // What the caller gets: its own tensors where the operator returns them.
  c10::IValue raised(const c10::IValue& value) const {
    if (value.isTensor()) {
      const at::Tensor& tensor = value.toTensor();
      for (const auto& [cpu, device] : pairs_) {
        if (cpu.is_same(tensor)) {
          return device;
        }
      }
      return tensor.defined() ? c10::IValue(on_device(tensor, given_)) : value;
    }
    if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const at::Tensor& tensor : value.toTensorVector()) {
        list.push_back(raised(tensor).toTensor());
      }
      return list;
    }
    return value;
  }

 private:
  c10::IValue lowered(const c10::IValue& value) {
    if (value.isTensor()) {
      at::Tensor cpu = on_cpu(value.toTensor());
      if (cpu.defined() && !cpu.is_same(value.toTensor())) {
        pairs_.emplace_back(cpu, value.toTensor());
      }
      return cpu;
    }
    if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const at::Tensor& tensor : value.toTensorVector()) {
        list.push_back(lowered(tensor).toTensor());
      }
      return list;
    }
    if (value.isOptionalTensorList()) {
      c10::List<std::optional<at::Tensor>> list;
      for (const std::optional<at::Tensor>& tensor : value.toOptionalTensorVector()) {
        list.push_back(tensor ? std::optional<at::Tensor>(lowered(*tensor).toTensor()) : std::nullopt);
      }
      return list;
    }
    return value.isDevice() ? c10::IValue(c10::Device(c10::kCPU)) : value;
  }

  c10::OperatorHandle op_;
  std::vector<c10::IValue> given_;  // kept: the others look into its memory
  torch::jit::Stack cpu_;
  std::vector<std::pair<at::Tensor, at::Tensor>> pairs_;
};

void fallback(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  if (op.schema().name() == "aten::_local_scalar_dense") {
    must_not_capture("asking for a value");
  }
  Queue* const capture = capture_here();
  if (capture == nullptr) {
    drain(stream_of_thread);
  }
  const auto call = std::make_shared<Call>(op, *stack);
  const torch::jit::Stack results = call->run();
  for (const c10::IValue& result : results) {
    stack->push_back(call->raised(result));
  }
  if (capture == nullptr) {
    return;
  }
  for (const c10::IValue& result : results) {
    if (result.isTensor() && result.toTensor().defined()) {
      capture->results.push_back(result.toTensor());
    }
  }
  capture->nodes.emplace_back([call, results] {
    const torch::jit::Stack again = call->run();
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (results[i].isTensor() && results[i].toTensor().defined() && !results[i].toTensor().is_same(again[i].toTensor())) {
        results[i].toTensor().copy_(again[i].toTensor());
      }
    }
  });
}

at::Tensor& copy(at::Tensor& to, const at::Tensor& from, bool non_blocking) {
  const at::Tensor cpu_to = on_cpu(to);
  const at::Tensor cpu_from = on_cpu(from);
  Work work = [to, from, cpu_to, cpu_from]() mutable { cpu_to.copy_(cpu_from); };
  if (to.is_cuda() && from.is_cuda()) {
    if (Queue* const capture = capture_here()) {
      capture->nodes.push_back(work);
      capture->results.push_back(cpu_to);
      return to;
    }
    push(stream_of_thread, work);
    return to;
  }
  must_not_capture("a copy between host and device");
  count(to.is_cuda() ? "to_device" : "to_host");
  if (non_blocking && !is_pinned(to.is_cuda() ? from : to)) {
    count("not_pinned");
  }
  push(stream_of_thread, work);
  if (!non_blocking) {
    drain(stream_of_thread);
  }
  return to;
}

at::Tensor empty(c10::IntArrayRef size, std::optional<at::ScalarType> dtype, std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  if (capture_here() == nullptr) {
    count("allocate");
  }
  return at::detail::empty_generic(size, &device_memory, c10::DispatchKeySet(c10::DispatchKey::CUDA), dtype.value_or(at::kFloat), format);
}

at::Tensor empty_strided(c10::IntArrayRef size, c10::IntArrayRef stride, std::optional<at::ScalarType> dtype, std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(size, stride, &device_memory, c10::DispatchKeySet(c10::DispatchKey::CUDA), dtype.value_or(at::kFloat));
}

at::Tensor as_strided(const at::Tensor& self, c10::IntArrayRef size, c10::IntArrayRef stride, std::optional<std::int64_t> offset) { return at::native::as_strided_tensorimpl(self, size, stride, offset); }
at::Tensor view(const at::Tensor& self, c10::IntArrayRef size) { return at::native::view(self, size); }
at::Tensor reshape_alias(const at::Tensor& self, c10::IntArrayRef size, c10::IntArrayRef stride) { return at::native::_reshape_alias(self, size, stride); }

const struct Start {
  Start() {
    torch::jit::overrideCanFuseOnGPU(false);  // it would compile CUDA code
    c10::SetAllocator(c10::kCUDA, &device_memory);
  }
  ~Start() {
    const std::string file = environment("GENCPP_TORCH_DOUBLE_LOG");
    if (!file.empty()) {
      std::ofstream out(file, std::ios::app);
      const std::lock_guard<std::mutex> lock(world().mutex);
      for (const auto& [what, times] : world().counts) {
        out << what << ' ' << times << '\n';
      }
    }
  }
} start;

}  // namespace

bool faulty(const std::string& what) { return environment("GENCPP_TORCH_DOUBLE_FAULT") == what; }

void count(const std::string& what) {
  const std::lock_guard<std::mutex> lock(world().mutex);
  ++world().counts[what];
}

c10::StreamId current_stream() { return stream_of_thread; }

c10::StreamId new_stream() {
  const std::lock_guard<std::mutex> lock(world().mutex);
  return world().next++;
}

void begin_capture(c10::StreamId stream) {
  count("capture");
  Queue& q = queue(stream);
  TORCH_CHECK(q.work.empty(), "DOUBLE: a capture began on a stream with work that is not done");
  q.capturer = std::this_thread::get_id();
  q.broken.clear();
  q.capturing = true;
}

std::shared_ptr<const Nodes> end_capture(c10::StreamId stream) {
  Queue& q = queue(stream);
  q.capturing = false;
  auto nodes = std::make_shared<const Nodes>(std::move(q.nodes));
  q.nodes.clear();
  for (const at::Tensor& result : std::exchange(q.results, {})) {
    std::memset(result.data_ptr(), 0xff, result.is_contiguous() ? result.nbytes() : 0);
  }
  TORCH_CHECK(q.broken.empty(), "the capture was broken by ", q.broken);
  return nodes;
}

void launch(c10::StreamId stream, std::shared_ptr<const Nodes> nodes) {
  count("replay");
  push(stream, [nodes = std::move(nodes)] {
    for (const Work& node : *nodes) {
      node();
    }
  });
}

}  // namespace torch_double

namespace at {
using CUDAHooks = torch_double::Hooks;
C10_REGISTER_TYPED_CLASS(CUDAHooksRegistry, "CUDAHooks", CUDAHooks)
}  // namespace at

TORCH_LIBRARY_IMPL(_, CUDA, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&torch_double::fallback>()); }

TORCH_LIBRARY_IMPL(aten, CUDA, m) {
  m.impl("empty.memory_format", &torch_double::empty);
  m.impl("empty_strided", &torch_double::empty_strided);
  m.impl("as_strided", &torch_double::as_strided);
  m.impl("view", &torch_double::view);
  m.impl("_reshape_alias", &torch_double::reshape_alias);
  m.impl("copy_", &torch_double::copy);
}
