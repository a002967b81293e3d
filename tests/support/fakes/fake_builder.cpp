// The fault double: IBuilder and what it makes.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <mutex>
#include <set>
#include <sstream>

#include "fake_network.hpp"

using namespace nvinfer1;

namespace gencpp_double {
namespace {

// Those of the builders and runtimes that are alive.
struct Loggers {
  std::mutex mutex;
  std::multiset<ILogger*> used;
};
Loggers& loggers() {
  static Loggers* all = new Loggers;
  return *all;
}

class FakeProfile final : public IOptimizationProfile, public apiv::StubVOptimizationProfile {
 public:
  FakeProfile() { mImpl = this; }
  ~FakeProfile() override {
    if (!*owner_done) {
      violation("an IOptimizationProfile was deleted: it belongs to the builder");
    }
  }
  bool setDimensions(char const* input, OptProfileSelector select, DimsIn dims) noexcept override {
    Range& range = ranges[input];
    (select == OptProfileSelector::kMIN ? range.min : select == OptProfileSelector::kOPT ? range.opt
                                                                                         : range.max) = sizes_of(dims);
    return true;
  }
  Dims getDimensions(char const* input, OptProfileSelector select) const noexcept override {
    const auto found = ranges.find(input);
    if (found == ranges.end()) {
      return dims_of({-1});
    }
    return dims_of(select == OptProfileSelector::kMIN ? found->second.min : select == OptProfileSelector::kOPT ? found->second.opt
                                                                                                               : found->second.max);
  }
  bool setExtraMemoryTarget(float) noexcept override { return true; }
  bool isValid() const noexcept override { return true; }

  std::map<std::string, Range> ranges;
  std::shared_ptr<bool> owner_done = std::make_shared<bool>(false);
};

const char kTimingMagic[] = "double timing cache ";

class FakeTimingCache final : public ITimingCache, public apiv::StubVTimingCache, public Owned {
 public:
  explicit FakeTimingCache(std::string text) : Owned("ITimingCache", nullptr), content(std::move(text)) { mImpl = this; }
  ~FakeTimingCache() override { *alive = false; }
  IHostMemory* serialize() const noexcept override { return new FakeHostMemory(content); }
  bool combine(ITimingCache const&, bool) noexcept override { return true; }
  bool reset() noexcept override {
    content = kTimingMagic + gpu().name;
    return true;
  }

  std::string content;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

class FakeConfig final : public IBuilderConfig, public apiv::StubVBuilderConfig, public Owned {
 public:
  explicit FakeConfig(Owned* builder) : Owned("IBuilderConfig", builder) {
    mImpl = this;
    setFlag(BuilderFlag::kTF32);  // as in TensorRT, on by default
  }
  void setFlags(BuilderFlags flags) noexcept override { flags_ = flags; }
  BuilderFlags getFlags() const noexcept override { return flags_; }
  void clearFlag(BuilderFlag flag) noexcept override { flags_ &= ~(1U << static_cast<unsigned>(flag)); }
  void setFlag(BuilderFlag flag) noexcept override { flags_ |= 1U << static_cast<unsigned>(flag); }
  bool getFlag(BuilderFlag flag) const noexcept override { return (flags_ >> static_cast<unsigned>(flag) & 1U) != 0; }
  void setMemoryPoolLimit(MemoryPoolType pool, std::size_t size) noexcept override { pools[static_cast<int>(pool)] = size; }
  std::size_t getMemoryPoolLimit(MemoryPoolType pool) const noexcept override {
    const auto found = pools.find(static_cast<int>(pool));
    return found == pools.end() ? SIZE_MAX : found->second;
  }
  std::int32_t addOptimizationProfile(IOptimizationProfile const* profile) noexcept override {
    profiles.push_back(static_cast<FakeProfile const*>(profile));
    return static_cast<std::int32_t>(profiles.size()) - 1;
  }
  std::int32_t getNbOptimizationProfiles() const noexcept override { return static_cast<std::int32_t>(profiles.size()); }
  void setProfilingVerbosity(ProfilingVerbosity v) noexcept override { verbosity = v; }
  ProfilingVerbosity getProfilingVerbosity() const noexcept override { return verbosity; }
  bool setTacticSources(TacticSources sources) noexcept override {
    tactics = sources;
    return true;
  }
  TacticSources getTacticSources() const noexcept override { return tactics; }
  void setProfileStream(cudaStream_t const) noexcept override {}
  void setEngineCapability(EngineCapability) noexcept override {}
  void setAvgTimingIterations(std::int32_t) noexcept override {}
  void setBuilderOptimizationLevel(std::int32_t l) noexcept {
    if (l < 0 || l > 5) {
      complain("IBuilderConfig::setBuilderOptimizationLevel: Error Code 3: API Usage Error (level " + std::to_string(l) + ")");
    } else {
      level = l;
    }
  }
  std::int32_t getBuilderOptimizationLevel() const noexcept { return level; }
#if NV_TENSORRT_MAJOR * 100 + NV_TENSORRT_MINOR >= 806
  void setHardwareCompatibilityLevel(HardwareCompatibilityLevel l) noexcept override { hardware = l; }
  HardwareCompatibilityLevel getHardwareCompatibilityLevel() const noexcept override { return hardware; }
  HardwareCompatibilityLevel hardware = HardwareCompatibilityLevel::kNONE;
#endif
#if NV_TENSORRT_MAJOR >= 10
  void setProgressMonitor(IProgressMonitor* m) noexcept override { monitor = m; }
  IProgressMonitor* getProgressMonitor() const noexcept override { return monitor; }
  IProgressMonitor* monitor = nullptr;
#endif
  void setPreviewFeature(PreviewFeature feature, bool enable) noexcept override { previews[static_cast<int>(feature)] = enable; }
  bool getPreviewFeature(PreviewFeature feature) const noexcept override { return previews.count(static_cast<int>(feature)) != 0 && previews.at(static_cast<int>(feature)); }
  ITimingCache* createTimingCache(void const* blob, std::size_t size) const noexcept override {
    const std::string text(static_cast<const char*>(blob), size);
    if (size > 0 && text.rfind(kTimingMagic, 0) != 0) {
      complain("IBuilderConfig::createTimingCache: Error Code 1: Serialization (the timing cache is damaged)");
      return nullptr;
    }
    return new FakeTimingCache(size == 0 ? kTimingMagic + gpu().name : text);
  }
  bool setTimingCache(ITimingCache const& cache, bool ignore_mismatch) noexcept override {
    const auto& fake = static_cast<FakeTimingCache const&>(cache);
    if (!ignore_mismatch && fake.content.find(gpu().name) == std::string::npos) {
      complain("IBuilderConfig::setTimingCache: Error Code 3: the timing cache is of another device");
      return false;
    }
    timing = const_cast<FakeTimingCache*>(&fake);
    timing_alive = fake.alive;
    return true;
  }
  ITimingCache const* getTimingCache() const noexcept override { return timing; }

  std::map<int, std::size_t> pools;
  std::map<int, bool> previews;
  std::vector<FakeProfile const*> profiles;
  ProfilingVerbosity verbosity = ProfilingVerbosity::kLAYER_NAMES_ONLY;
  TacticSources tactics = 0xFFFFFFFFU;
  int level = 3;
  FakeTimingCache* timing = nullptr;
  std::shared_ptr<const bool> timing_alive;

 private:
  BuilderFlags flags_ = 0;
};

class FakeBuilder final : public IBuilder, public apiv::StubVBuilder, public Factory {
 public:
  explicit FakeBuilder(ILogger* logger) : Factory("IBuilder", "createInferBuilder", logger) { mImpl = this; }
  ~FakeBuilder() override {
    for (const auto& profile : profiles_) {
      *profile->owner_done = true;
    }
  }
  IBuilderConfig* createBuilderConfig() noexcept override { return faulty("config_null") ? nullptr : new FakeConfig(this); }
  INetworkDefinition* createNetworkV2(NetworkDefinitionCreationFlags flags) noexcept override { return faulty("network_null") ? nullptr : new FakeNetwork(this, *this, flags); }
  IOptimizationProfile* createOptimizationProfile() noexcept override {
    profiles_.push_back(std::make_unique<FakeProfile>());
    return profiles_.back().get();
  }
  std::int32_t getNbDLACores() const noexcept override { return 0; }
  std::int32_t getMaxDLABatchSize() const noexcept override { return 0; }
  bool platformHasTf32() const noexcept { return true; }
  bool platformHasFastFp16() const noexcept { return true; }
  bool platformHasFastInt8() const noexcept { return true; }
  bool isNetworkSupported(INetworkDefinition const&, IBuilderConfig const&) const noexcept override { return true; }
  void setErrorRecorder(IErrorRecorder*) noexcept override {}
  bool setMaxThreads(std::int32_t) noexcept override { return true; }
  void reset() noexcept override {}
  IHostMemory* buildSerializedNetwork(INetworkDefinition& network, IBuilderConfig& config) noexcept override;

 private:
  std::vector<std::unique_ptr<FakeProfile>> profiles_;
};

// The profiles as the plan keeps them; false, logged, when TensorRT would refuse them.
bool collect_profiles(const Table& table, const FakeConfig& config, Profiles& collected) {
  bool dynamic = false;
  for (const TensorRow& row : table.inputs) {
    const Sizes sizes = row.sizes();
    dynamic = dynamic || std::find(sizes.begin(), sizes.end(), -1) != sizes.end();
  }
  if (dynamic && config.profiles.empty()) {
    config.complain("Network has dynamic or shape inputs, but no optimization profile has been defined.");
    return false;
  }
  for (std::size_t p = 0; p < std::max<std::size_t>(config.profiles.size(), 1); ++p) {
    std::vector<Range> ranges;
    for (const TensorRow& row : table.inputs) {
      Range range{row.sizes(), row.sizes(), row.sizes()};
      if (p < config.profiles.size() && config.profiles[p]->ranges.count(row.name) != 0) {
        range = config.profiles[p]->ranges.at(row.name);
      }
      for (std::size_t d = 0; d < row.dims.size(); ++d) {
        const bool whole = range.min.size() == row.dims.size() && range.opt.size() == row.dims.size() && range.max.size() == row.dims.size();
        const std::int64_t fixed = row.dims[d].size;
        if (!whole || range.min[d] < 0 || range.min[d] > range.opt[d] || range.opt[d] > range.max[d] || (fixed != -1 && (range.min[d] != fixed || range.max[d] != fixed))) {
          config.complain("Error Code 4: API Usage Error (" + row.name + ": the optimization profile " + std::to_string(p) + " does not fit the network: min " + text_of(range.min) + ", opt " + text_of(range.opt) + ", max " + text_of(range.max) + ", network " + text_of(row.sizes()) + ")");
          return false;
        }
      }
      ranges.push_back(range);
    }
    collected.push_back(ranges);
  }
  return true;
}

bool show_progress(FakeConfig& config) {
  const std::chrono::milliseconds step(std::stoi(environment("GENCPP_DOUBLE_BUILD_MS", "0")) / 4);
#if NV_TENSORRT_MAJOR >= 10
  if (config.monitor != nullptr) {
    config.monitor->phaseStart("Building Engine", nullptr, 4);
    config.monitor->phaseStart("Timing", "Building Engine", 4);
    bool goes_on = true;
    for (int i = 0; i < 4 && goes_on; ++i) {
      goes_on = config.monitor->stepComplete("Timing", i);
      std::this_thread::sleep_for(step);
    }
    config.monitor->phaseFinish("Timing");
    config.monitor->phaseFinish("Building Engine");
    return goes_on;
  }
#endif
  (void)config;
  std::this_thread::sleep_for(4 * step);
  return true;
}

IHostMemory* FakeBuilder::buildSerializedNetwork(INetworkDefinition& given, IBuilderConfig& options) noexcept {
  auto& network = static_cast<FakeNetwork&>(given);
  auto& config = static_cast<FakeConfig&>(options);
  const auto flag = [&](BuilderFlag f) { return config.getFlag(f) ? "1" : "0"; };
  std::ostringstream said;
  said << "build tf32=" << flag(BuilderFlag::kTF32) << " strongly_typed=" << network.strongly_typed() << " workspace=" << config.getMemoryPoolLimit(MemoryPoolType::kWORKSPACE)
       << " level=" << config.level << " profiles=" << config.profiles.size() << " timing=" << (config.timing != nullptr) << " verbosity=" << static_cast<int>(config.verbosity) << " tactics=" << config.tactics;
  Plan plan;
#if NV_TENSORRT_MAJOR < 11
  said << " fp16=" << flag(BuilderFlag::kFP16);
  if (network.strongly_typed() && (config.getFlag(BuilderFlag::kFP16) || config.getFlag(BuilderFlag::kINT8))) {
    complain("IBuilder::buildSerializedNetwork: Error Code 3: API Usage Error (a strongly typed network takes no precision flags)");
    return nullptr;
  }
#endif
#if NV_TENSORRT_MAJOR * 100 + NV_TENSORRT_MINOR >= 806
  plan.hardware_compatible = config.hardware != HardwareCompatibilityLevel::kNONE;
  plan.version_compatible = config.getFlag(BuilderFlag::kVERSION_COMPATIBLE);
#endif
#if NV_TENSORRT_MAJOR >= 10
  plan.profile_sharing = true;
#elif NV_TENSORRT_MINOR >= 6
  plan.profile_sharing = config.getPreviewFeature(PreviewFeature::kPROFILE_SHARING_0806);
#endif
  said << " hardware=" << plan.hardware_compatible << " version=" << plan.version_compatible;
  note(said.str());
  log(Severity::kINFO, "Local timing cache in use. Profiling results in this builder pass will not be stored.");
  if (network.parser_alive != nullptr && !*network.parser_alive) {
    violation("the parser, which holds the weights, was destroyed before the build");
  }
  if (!network.complete()) {
    return nullptr;
  }
  if (config.timing != nullptr && !*config.timing_alive) {
    violation("the timing cache was destroyed before the build");
  }
  if (!collect_profiles(*network.table, config, plan.profiles)) {
    return nullptr;
  }
  if (faulty("build_null")) {
    complain("IBuilder::buildSerializedNetwork: Error Code 10: Internal Error (Could not find any implementation for node {ForeignNode[conv1...fc]}.)");
    return nullptr;
  }
  if (faulty("build_oom")) {
    complain("Error Code 2: OutOfMemory (Requested size was 17179869184 bytes.)");
    complain("IBuilder::buildSerializedNetwork: Error Code 10: Internal Error (Could not find any implementation for node conv1.)");
    return nullptr;
  }
  if (!show_progress(config)) {
    complain("the build was cancelled");
    return nullptr;
  }
  if (config.timing != nullptr) {
    config.timing->content += " " + network.table->name;
  }
  plan.version = static_cast<int>(NV_TENSORRT_VERSION);
  plan.gpu = gpu();
  plan.verbosity = static_cast<int>(config.verbosity);
  plan.table = network.table;
  note("built");
  return new FakeHostMemory(faulty("plan_empty") ? "" : plan.write());
}

}  // namespace

Sizes sizes_of(const Dims& dims) { return dims.nbDims < 0 ? Sizes{} : Sizes(dims.d, dims.d + dims.nbDims); }

Dims dims_of(const Sizes& sizes) {
  Dims dims{};
  dims.nbDims = static_cast<std::int32_t>(sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    dims.d[i] = static_cast<DimsSize>(sizes[i]);
  }
  return dims;
}

std::string text_of(const Sizes& sizes) {
  std::string text = "[";
  for (const std::int64_t size : sizes) {
    text += (text.size() > 1 ? "," : "") + std::to_string(size);
  }
  return text + "]";
}

int dtype_here(int dtype) { return NV_TENSORRT_MAJOR < 10 && dtype == 8 ? 3 : dtype; }

Factory::Factory(const char* kind, const char* call, ILogger* logger) : Owned(kind, nullptr, logger) {
  bool other = false;
  {
    const std::lock_guard lock(loggers().mutex);
    other = !loggers().used.empty() && loggers().used.count(logger) == 0;
    loggers().used.insert(logger);
  }
  if (other) {
    log(Severity::kWARNING, std::string("The logger passed into ") + call + " differs from one already registered for an existing builder, runtime, or refitter. So the current new logger is ignored, and TensorRT will use the existing one which is returned by nvinfer1::getLogger() instead.");
  }
}

Factory::~Factory() {
  const std::lock_guard lock(loggers().mutex);
  loggers().used.erase(loggers().used.find(logger()));
}

Owned* builder_of(INetworkDefinition& network) { return static_cast<FakeNetwork&>(network).builder; }

bool fill_network(INetworkDefinition& given, std::shared_ptr<const Table> table, std::shared_ptr<const bool> alive) {
  auto& network = static_cast<FakeNetwork&>(given);
  if (network.implicit_batch()) {
    network.complain("This version of the ONNX parser only supports TensorRT INetworkDefinitions with an explicit batch dimension.");
    return false;
  }
  network.parse(std::move(table));
  network.parser_alive = std::move(alive);
  return true;
}

}  // namespace gencpp_double

extern "C" void* createInferBuilder_INTERNAL(void* logger, std::int32_t) noexcept {
  using namespace gencpp_double;
  note("createInferBuilder");
  if (faulty("builder_null")) {
    static_cast<ILogger*>(logger)->log(Severity::kERROR, "CUDA initialization failure with error: 100");
    return nullptr;
  }
  // As a pointer to the public class: that is what the header casts it to.
  return static_cast<IBuilder*>(new FakeBuilder(static_cast<ILogger*>(logger)));
}
