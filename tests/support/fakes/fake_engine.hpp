// The fault double: the engine, which makes contexts (fake_context.cpp) and comes from plans (fake_engine.cpp).
#pragma once

#include <algorithm>
#include <mutex>

#include "fake_nvinfer.hpp"

namespace gencpp_double {

using namespace nvinfer1;

class FakeEngine;
// Null when a context cannot have its memory; `own_memory` is false when the caller brings it.
IExecutionContext* make_context(FakeEngine* engine, bool own_memory) noexcept;

constexpr std::size_t kScratchBytes = 1U << 20U;  // of an engine's weights, and of a context's activations

class FakeEngine final : public ICudaEngine, public apiv::StubVCudaEngine, public Owned {
 public:
  FakeEngine(Owned* runtime, std::shared_ptr<const Plan> the_plan, std::shared_ptr<void> weights) : Owned("ICudaEngine", runtime), plan(std::move(the_plan)), weights_(std::move(weights)) {
    mImpl = this;
    (void)cudaGetDevice(&device);
    uses_of_profile.assign(plan->profiles.size(), 0);
  }
  ICudaEngine* getPImpl() noexcept { return this; }
  const Table& table() const { return *plan->table; }

  IHostMemory* serialize() const noexcept override { return new FakeHostMemory(plan->write()); }
#if NV_TENSORRT_MAJOR < 10
  IExecutionContext* createExecutionContext() noexcept override { return make_context(this, true); }
#else
  IExecutionContext* createExecutionContext(ExecutionContextAllocationStrategy strategy) noexcept override { return make_context(this, strategy != ExecutionContextAllocationStrategy::kUSER_MANAGED); }
#endif
  IExecutionContext* createExecutionContextWithoutDeviceMemory() noexcept { return make_context(this, false); }
  IEngineInspector* createEngineInspector() const noexcept override;
  std::int32_t getNbLayers() const noexcept override { return static_cast<std::int32_t>(table().layers.size()); }
  std::size_t getDeviceMemorySize() const noexcept { return kScratchBytes; }
  std::int64_t getDeviceMemorySizeV2() const noexcept { return kScratchBytes; }
  bool isRefittable() const noexcept override { return false; }
  char const* getName() const noexcept override { return table().name.c_str(); }
  std::int32_t getNbOptimizationProfiles() const noexcept override { return static_cast<std::int32_t>(plan->profiles.size()); }
  EngineCapability getEngineCapability() const noexcept override { return EngineCapability::kSTANDARD; }
  bool hasImplicitBatchDimension() const noexcept { return false; }
  ProfilingVerbosity getProfilingVerbosity() const noexcept override { return static_cast<ProfilingVerbosity>(plan->verbosity); }
  void setErrorRecorder(IErrorRecorder*) noexcept override {}
  Dims getTensorShape(char const* name) const noexcept override {
    const TensorRow* row = find(name);
    return row == nullptr ? dims_of({-1}) : dims_of(row->sizes());
  }
  DataType getTensorDataType(char const* name) const noexcept override {
    const TensorRow* row = find(name);
    return static_cast<DataType>(row == nullptr ? 0 : dtype_here(row->dtype));
  }
  TensorLocation getTensorLocation(char const*) const noexcept override { return TensorLocation::kDEVICE; }
  bool isShapeInferenceIO(char const*) const noexcept override { return false; }
  TensorIOMode getTensorIOMode(char const* name) const noexcept override {
    const TensorRow* row = find(name);
    return row == nullptr ? TensorIOMode::kNONE : is_input(*row) ? TensorIOMode::kINPUT
                                                                 : TensorIOMode::kOUTPUT;
  }
  std::int32_t getTensorBytesPerComponent(char const*) const noexcept override { return -1; }
  std::int32_t getTensorComponentsPerElement(char const*) const noexcept override { return -1; }
  std::int32_t getTensorVectorizedDim(char const*) const noexcept override { return -1; }
  TensorFormat getTensorFormat(char const*) const noexcept override { return TensorFormat::kLINEAR; }
  char const* getTensorFormatDesc(char const*) const noexcept override { return "Row major linear FP32 format (kLINEAR)"; }
  TensorFormat getTensorFormatV2(char const*, std::int32_t) const noexcept { return TensorFormat::kLINEAR; }
  char const* getTensorFormatDescV2(char const*, std::int32_t) const noexcept { return "Row major linear FP32 format (kLINEAR)"; }
  Dims getProfileShape(char const* name, std::int32_t profile, OptProfileSelector select) const noexcept override {
    for (std::size_t i = 0; i < table().inputs.size(); ++i) {
      if (table().inputs[i].name == name && profile >= 0 && profile < getNbOptimizationProfiles()) {
        const Range& range = plan->profiles[static_cast<std::size_t>(profile)][i];
        return dims_of(select == OptProfileSelector::kMIN ? range.min : select == OptProfileSelector::kOPT ? range.opt
                                                                                                           : range.max);
      }
    }
    return dims_of({-1});
  }
  std::int32_t getNbIOTensors() const noexcept override { return static_cast<std::int32_t>(table().inputs.size() + table().outputs.size()); }
  char const* getIOTensorName(std::int32_t i) const noexcept override {
    const auto at = static_cast<std::size_t>(i);
    const std::size_t inputs = table().inputs.size();
    return (at < inputs ? table().inputs[at] : table().outputs[at - inputs]).name.c_str();
  }
  std::int32_t getNbAuxStreams() const noexcept { return 0; }
  std::int64_t getStreamableWeightsSize() const noexcept { return 0; }

  const TensorRow* find(const std::string& name) const {
    for (const auto* rows : {&table().inputs, &table().outputs}) {
      for (const TensorRow& row : *rows) {
        if (row.name == name) {
          return &row;
        }
      }
    }
    complain("Error Code 3: API Usage Error (no tensor is called " + name + ")");
    return nullptr;
  }
  bool is_input(const TensorRow& row) const { return &row >= table().inputs.data() && &row < table().inputs.data() + table().inputs.size(); }
  bool dynamic() const {
    return std::any_of(table().inputs.begin(), table().inputs.end(), [](const TensorRow& row) { return std::any_of(row.dims.begin(), row.dims.end(), [](const Dimension& d) { return d.size == -1; }); });
  }

  std::shared_ptr<const Plan> plan;
  int device = 0;
  std::mutex mutex;
  std::vector<int> uses_of_profile;  // contexts that have chosen it

 private:
  std::shared_ptr<void> weights_;
};

// Device memory for an object; empty, and logged, when there is none left.
std::shared_ptr<void> device_memory(const Owned& owner, std::size_t bytes);

}  // namespace gencpp_double
