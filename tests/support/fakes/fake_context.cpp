// The fault double: IExecutionContext.
#include <algorithm>
#include <cstring>

#include "fake_engine.hpp"

namespace gencpp_double {
namespace {

// What work that was put on a stream needs to know of its context.
struct InFlight {
  std::atomic<bool> destroyed{false};
  std::atomic<int> pending{0};
  std::atomic<bool> running{false};
  std::atomic<cudaStream_t> stream{nullptr};
};

class FakeContext final : public IExecutionContext, public apiv::StubVExecutionContext, public Owned {
 public:
  FakeContext(FakeEngine* engine, std::shared_ptr<void> scratch) : Owned("IExecutionContext", engine), engine_(engine), scratch_(std::move(scratch)), activations_(scratch_.get()) {
    mImpl = this;
    for (const TensorRow& row : engine->table().inputs) {
      shapes_.push_back(row.sizes());
    }
    const std::lock_guard lock(engine_->mutex);
    // Before 10, two contexts with dynamic shapes do not share a profile unless the plan was built so.
    if (shares() || engine_->uses_of_profile[0] == 0) {
      profile_ = 0;
      ++engine_->uses_of_profile[0];
    }
  }
  ~FakeContext() override {
    const Use use(*this);
    flight_->destroyed = true;
    if (flight_->pending > 0) {
      violation("a context was destroyed while its work is under way");
    }
    const std::lock_guard lock(engine_->mutex);
    if (profile_ >= 0) {
      --engine_->uses_of_profile[static_cast<std::size_t>(profile_)];
    }
  }
  IExecutionContext* getPImpl() noexcept { return this; }
  ICudaEngine const& getEngine() const noexcept override { return *engine_; }
  void setName(char const* name) noexcept override { name_ = name; }
  char const* getName() const noexcept override { return name_.c_str(); }
  void setProfiler(IProfiler* profiler) noexcept override {
    const Use use(*this);
    profiler_ = profiler;
  }
  IProfiler* getProfiler() const noexcept override { return profiler_; }
  void setEnqueueEmitsProfile(bool emits) noexcept override { emits_ = emits; }
  bool getEnqueueEmitsProfile() const noexcept override { return emits_; }
  bool reportToProfiler() const noexcept override { return report(); }
  void setErrorRecorder(IErrorRecorder*) noexcept override {}
  bool setNvtxVerbosity(ProfilingVerbosity) noexcept { return true; }
  void setPersistentCacheLimit(std::size_t) noexcept override {}
  std::int32_t getOptimizationProfile() const noexcept override { return profile_; }
  bool setOptimizationProfileAsync(std::int32_t profile, cudaStream_t stream) noexcept override;
  bool allInputDimensionsSpecified() const noexcept override {
    return std::all_of(shapes_.begin(), shapes_.end(), [](const Sizes& s) { return std::find(s.begin(), s.end(), -1) == s.end(); });
  }
  bool allInputShapesSpecified() const noexcept { return true; }
  bool setInputShape(char const* name, Dims const& dims) noexcept override;
  Dims getTensorShape(char const* name) const noexcept override;
  std::int32_t inferShapes(std::int32_t, char const**) noexcept override { return faulty("infer_shapes") ? -1 : allInputDimensionsSpecified() ? 0
                                                                                                                                              : 1; }
  bool setTensorAddress(char const* name, void* data) noexcept override {
    const Use use(*this);
    if (faulty("tensor_address_false") || engine_->find(name) == nullptr) {
      complain(std::string("IExecutionContext::setTensorAddress: Error Code 3: API Usage Error (") + name + ")");
      return false;
    }
    addresses_[name] = data;
    return true;
  }
  void setDeviceMemory(void* memory) noexcept override { bring(memory, kScratchBytes); }
  void setDeviceMemoryV2(void* memory, std::int64_t bytes) noexcept { bring(memory, static_cast<std::size_t>(bytes)); }
  bool setInputTensorAddress(char const* name, void const* data) noexcept override { return setTensorAddress(name, const_cast<void*>(data)); }
  bool setOutputTensorAddress(char const* name, void* data) noexcept { return setTensorAddress(name, data); }
  void const* getTensorAddress(char const* name) const noexcept override { return address(name); }
  void* getOutputTensorAddress(char const* name) const noexcept override { return address(name); }
  bool setOutputAllocator(char const* name, IOutputAllocator* allocator) noexcept override {
    const Use use(*this);
    allocators_[name] = allocator;
    return true;
  }
  IOutputAllocator* getOutputAllocator(char const* name) noexcept override { return allocators_.count(name) != 0 ? allocators_[name] : nullptr; }
  std::int64_t getMaxOutputSize(char const* name) const noexcept override;
  bool enqueueV3(cudaStream_t stream) noexcept override;

 private:
  // A context is for one thread at a time.
  class Use {
   public:
    explicit Use(FakeContext& context) : context_(context) {
      std::thread::id nobody;
      first_ = context_.user_.compare_exchange_strong(nobody, std::this_thread::get_id());
      if (!first_ && nobody != std::this_thread::get_id()) {
        violation("one IExecutionContext was used by two threads at once");
      }
      std::this_thread::yield();
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use() {
      if (first_) {
        context_.user_ = std::thread::id();
      }
    }

   private:
    FakeContext& context_;
    bool first_ = false;
  };

  void bring(void* memory, std::size_t bytes) {
    const Use use(*this);
    if (scratch_ != nullptr || bytes < kScratchBytes || reinterpret_cast<std::uintptr_t>(memory) % 256 != 0) {
      violation("setDeviceMemory: the context has memory of its own, or this is too small or not aligned");
    }
    activations_ = memory;
    resources_fit_ = false;
  }
  bool shares() const { return engine_->plan->profile_sharing || !engine_->dynamic(); }
  void* address(const std::string& name) const { return addresses_.count(name) != 0 ? addresses_.at(name) : nullptr; }
  bool ready_to_enqueue(cudaStream_t stream) const;
  bool enqueue_runtime_shapes(cudaStream_t stream);
  bool report() const {
    for (std::size_t i = 0; profiler_ != nullptr && i < engine_->table().layers.size(); ++i) {
      profiler_->reportLayerTime(engine_->table().layers[i].c_str(), 0.25F * static_cast<float>(i + 1));
    }
    return profiler_ != nullptr;
  }

  FakeEngine* engine_;
  std::shared_ptr<void> scratch_;
  void* activations_;
  std::string name_;
  int profile_ = -1;
  std::vector<Sizes> shapes_;
  bool resources_fit_ = false;  // false after a new profile or shape, until a run
  std::map<std::string, void*> addresses_;
  std::map<std::string, IOutputAllocator*> allocators_;
  IProfiler* profiler_ = nullptr;
  bool emits_ = true;
  std::atomic<std::thread::id> user_{};
  std::shared_ptr<InFlight> flight_ = std::make_shared<InFlight>();
};

bool FakeContext::setOptimizationProfileAsync(std::int32_t profile, cudaStream_t) noexcept {
  const Use use(*this);
  if (profile < 0 || profile >= engine_->getNbOptimizationProfiles() || faulty("profile_false")) {
    complain("IExecutionContext::setOptimizationProfileAsync: Error Code 3: API Usage Error (profile " + std::to_string(profile) + ")");
    return false;
  }
  const std::lock_guard lock(engine_->mutex);
  int& uses = engine_->uses_of_profile[static_cast<std::size_t>(profile)];
  if (profile != profile_ && uses > 0 && !shares()) {
    complain("Error Code 3: API Usage Error (Profile " + std::to_string(profile) + " has been chosen by another IExecutionContext. Use another profileIndex or destroy the IExecutionContext that use this profile.)");
    return false;
  }
  if (profile_ >= 0) {
    --engine_->uses_of_profile[static_cast<std::size_t>(profile_)];
  }
  if (profile != profile_) {
    resources_fit_ = false;
    for (std::size_t i = 0; i < shapes_.size(); ++i) {
      shapes_[i] = engine_->table().inputs[i].sizes();
    }
  }
  profile_ = profile;
  ++uses;
  return true;
}

bool FakeContext::setInputShape(char const* name, Dims const& dims) noexcept {
  const Use use(*this);
  const TensorRow* row = engine_->find(name);
  if (row == nullptr || !engine_->is_input(*row) || profile_ < 0 || faulty("input_shape_false")) {
    complain(std::string("IExecutionContext::setInputShape: Error Code 3: API Usage Error (") + name + ", optimization profile " + std::to_string(profile_) + ")");
    return false;
  }
  const auto at = static_cast<std::size_t>(row - engine_->table().inputs.data());
  const Range& range = engine_->plan->profiles[static_cast<std::size_t>(profile_)][at];
  const Sizes sizes = sizes_of(dims);
  bool fits = sizes.size() == range.min.size();
  for (std::size_t d = 0; fits && d < sizes.size(); ++d) {
    fits = sizes[d] >= range.min[d] && sizes[d] <= range.max[d];
  }
  if (!fits) {
    complain("IExecutionContext::setInputShape: Error Code 3: API Usage Error (Set dimension " + text_of(sizes) + " for tensor " + name + " does not satisfy any optimization profiles. Valid range for profile " + std::to_string(profile_) + ": " + text_of(range.min) + ".." + text_of(range.max) + ".)");
    return false;
  }
  resources_fit_ = resources_fit_ && shapes_[at] == sizes;
  shapes_[at] = sizes;
  return true;
}

Dims FakeContext::getTensorShape(char const* name) const noexcept {
  const TensorRow* row = engine_->find(name);
  if (row == nullptr) {
    return dims_of({-1});
  }
  if (engine_->is_input(*row)) {
    return dims_of(shapes_[static_cast<std::size_t>(row - engine_->table().inputs.data())]);
  }
  return dims_of(engine_->table().output_sizes(static_cast<std::size_t>(row - engine_->table().outputs.data()), shapes_));
}

std::int64_t FakeContext::getMaxOutputSize(char const* name) const noexcept {
  const TensorRow* row = engine_->find(name);
  if (row == nullptr || !allInputDimensionsSpecified()) {
    return -1;
  }
  Sizes sizes = engine_->table().output_sizes(static_cast<std::size_t>(row - engine_->table().outputs.data()), shapes_);
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    sizes[d] = sizes[d] == -1 ? row->dims[d].runtime : sizes[d];
  }
  return elements(sizes) * static_cast<std::int64_t>(size_of_dtype(dtype_here(row->dtype)));
}

bool FakeContext::ready_to_enqueue(cudaStream_t stream) const {
  int device = -1;
  (void)cudaGetDevice(&device);
  if (device != engine_->device) {
    complain("IExecutionContext::enqueueV3: Error Code 1: Cuda Runtime (invalid device context: the engine is on device " + std::to_string(engine_->device) + ", the thread on device " + std::to_string(device) + ")");
    return false;
  }
  if (profile_ < 0 || !allInputDimensionsSpecified()) {
    complain("IExecutionContext::enqueueV3: Error Code 3: API Usage Error (an optimization profile or an input's shape is not set)");
    return false;
  }
  for (std::int32_t i = 0; i < engine_->getNbIOTensors(); ++i) {
    const std::string name = engine_->getIOTensorName(i);
    const auto allocator = allocators_.find(name);
    if (address(name) == nullptr && (allocator == allocators_.end() || allocator->second == nullptr)) {
      complain("IExecutionContext::enqueueV3: Error Code 3: API Usage Error (Neither address or allocator is set for tensor " + name + ". Call setOutputTensorAddress/setInputTensorAddress/setTensorAddress or setOutputAllocator before enqueue/execute.)");
      return false;
    }
    if (reinterpret_cast<std::uintptr_t>(address(name)) % 256 != 0) {
      violation("the address of tensor " + name + " is not a multiple of 256");
    }
  }
  if (activations_ == nullptr) {
    complain("IExecutionContext::enqueueV3: Error Code 3: API Usage Error (no device memory was given to the context)");
    return false;
  }
  if (flight_->pending > 0 && flight_->stream != stream) {
    violation("one IExecutionContext was enqueued on a second stream while its work on the first is under way");
  }
  if (capturing(stream) && (!resources_fit_ || profiler_ != nullptr || engine_->table().runtime_shapes())) {
    (void)breaks_capture();
    complain("IExecutionContext::enqueueV3: Error Code 1: Cuda Runtime (operation not permitted when stream is capturing: the first run of a new shape, a run with a profiler or one with shapes that only the run tells)");
    return false;
  }
  return true;
}

// TensorRT waits in enqueueV3 when it has to learn a shape.
bool FakeContext::enqueue_runtime_shapes(cudaStream_t stream) {
  const Table& table = engine_->table();
  drain(stream);
  std::vector<const unsigned char*> inputs;
  for (std::size_t i = 0; i < table.inputs.size(); ++i) {
    inputs.push_back(device_bytes(address(table.inputs[i].name), static_cast<std::size_t>(elements(shapes_[i])) * size_of_dtype(dtype_here(table.inputs[i].dtype)), table.inputs[i].name));
  }
  std::vector<Bytes> results;
  std::vector<Sizes> sizes;
  table.compute(inputs, shapes_, results, sizes);
  for (std::size_t o = 0; o < results.size(); ++o) {
    const std::string& name = table.outputs[o].name;
    void* target = address(name);
    if (IOutputAllocator* allocator = getOutputAllocator(name.c_str()); allocator != nullptr) {
      const std::size_t bytes = std::max<std::size_t>(results[o].size(), 1);
#if NV_TENSORRT_MAJOR < 10
      target = allocator->reallocateOutput(name.c_str(), target, bytes, 256);
#else
      target = allocator->reallocateOutputAsync(name.c_str(), target, bytes, 256, stream);
#endif
      if (target == nullptr) {
        complain("IExecutionContext::enqueueV3: Error Code 2: OutOfMemory (the output allocator gave no memory for " + name + ")");
        return false;
      }
      allocator->notifyShape(name.c_str(), dims_of(sizes[o]));
    } else {
      (void)device_bytes(target, static_cast<std::size_t>(getMaxOutputSize(name.c_str())), "output " + name + " without an allocator");
    }
    unsigned char* to = device_bytes(target, results[o].size(), "output " + name);
    submit(stream, [to, bytes = std::move(results[o])] { std::memcpy(to, bytes.data(), bytes.size()); });
  }
  return true;
}

bool FakeContext::enqueueV3(cudaStream_t stream) noexcept {
  const Use use(*this);
  if (!ready_to_enqueue(stream)) {
    return false;
  }
  if (faulty("enqueue_false")) {
    complain("IExecutionContext::enqueueV3: Error Code 1: Cuda Runtime (unspecified launch failure)");
    return false;
  }
  const bool captures = capturing(stream);
  note(captures ? "enqueue_captured" : "enqueue");
  if (engine_->table().runtime_shapes()) {
    return enqueue_runtime_shapes(stream);
  }
  std::vector<const void*> from;
  std::vector<void*> to;
  for (const TensorRow& row : engine_->table().inputs) {
    from.push_back(address(row.name));
  }
  for (const TensorRow& row : engine_->table().outputs) {
    to.push_back(address(row.name));
  }
  resources_fit_ = true;
  if (!captures) {
    flight_->stream = stream;
    ++flight_->pending;
  }
  const bool bad_memory = faulty("async_error");
  submit(stream, [plan = engine_->plan, flight = flight_, from, to, shapes = shapes_, scratch = activations_, captures, bad_memory] {
    if (flight->destroyed) {
      violation("work ran on a context that was destroyed");
    }
    if (flight->running.exchange(true)) {
      violation("one IExecutionContext ran twice at the same time");
    }
    // Two contexts that share this memory disturb each other: each leaves its mark, and has to find it again.
    unsigned char* activations = device_bytes(scratch, kScratchBytes, "the context's device memory");
    const InFlight* mark = flight.get();
    std::memcpy(activations, &mark, sizeof(mark));
    const Table& table = *plan->table;
    std::vector<const unsigned char*> inputs;
    std::vector<Bytes> widened(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
      const auto count = static_cast<std::size_t>(elements(shapes[i]));
      const int dtype = table.inputs[i].dtype;
      inputs.push_back(device_bytes(from[i], count * size_of_dtype(dtype_here(dtype)), "input " + table.inputs[i].name));
      if (dtype_here(dtype) != dtype) {  // int32 here, int64 in the table
        for (std::size_t k = 0; k < count; ++k) {
          std::int32_t narrow = 0;
          std::memcpy(&narrow, inputs.back() + k * 4, 4);
          const std::int64_t wide = narrow;
          widened[i].insert(widened[i].end(), reinterpret_cast<const unsigned char*>(&wide), reinterpret_cast<const unsigned char*>(&wide) + 8);
        }
        inputs.back() = widened[i].data();
      }
    }
    std::vector<Bytes> results;
    std::vector<Sizes> sizes;
    table.compute(inputs, shapes, results, sizes);
    for (std::size_t o = 0; o < to.size(); ++o) {
      const int dtype = table.outputs[o].dtype;
      if (dtype_here(dtype) != dtype) {
        for (std::size_t k = 0; k < results[o].size() / 8; ++k) {
          std::memmove(results[o].data() + k * 4, results[o].data() + k * 8, 4);
        }
        results[o].resize(results[o].size() / 2);
      }
      std::memcpy(device_bytes(to[o], results[o].size(), "output " + table.outputs[o].name), results[o].data(), results[o].size());
    }
    std::this_thread::yield();
    if (std::memcmp(activations, &mark, sizeof(mark)) != 0) {
      violation("two contexts that share their device memory ran at the same time");
    }
    flight->running = false;
    if (!captures) {
      --flight->pending;
    }
    if (bad_memory) {
      fail_device(cudaErrorIllegalAddress);
    }
  });
  if (profiler_ != nullptr && emits_) {
    drain(stream);
    report();
  }
  return true;
}

}  // namespace

IExecutionContext* make_context(FakeEngine* engine, bool own_memory) noexcept {
  note("createExecutionContext");
  auto scratch = own_memory ? device_memory(*engine, kScratchBytes) : nullptr;
  if ((own_memory && scratch == nullptr) || faulty("context_null")) {
    engine->complain("ICudaEngine::createExecutionContext: Error Code 2: OutOfMemory (Requested amount of GPU memory (" + std::to_string(kScratchBytes) + " bytes) could not be allocated. There may not be enough free memory for allocation to succeed.)");
    return nullptr;
  }
  return new FakeContext(engine, std::move(scratch));
}

}  // namespace gencpp_double
