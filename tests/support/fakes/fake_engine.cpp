// The fault double: IRuntime, plans and the inspector.
#include "fake_engine.hpp"

#include <cstring>
#include <sstream>

namespace gencpp_double {
namespace {

class FakeRuntime final : public IRuntime, public apiv::StubVRuntime, public Factory {
 public:
  explicit FakeRuntime(ILogger* logger) : Factory("IRuntime", "createInferRuntime", logger) { mImpl = this; }
#if NV_TENSORRT_MAJOR < 10
  ICudaEngine* deserializeCudaEngine(void const* blob, std::size_t size, IPluginFactory*) noexcept override { return deserialize(blob, size); }
#else
  ICudaEngine* deserializeCudaEngine(void const* blob, std::size_t size) noexcept override { return deserialize(blob, size); }
#endif
  IRuntime* getPImpl() noexcept { return this; }
  std::int32_t getNbDLACores() const noexcept override { return 0; }
  void setErrorRecorder(IErrorRecorder*) noexcept override {}
  bool setMaxThreads(std::int32_t) noexcept override { return true; }
  void setEngineHostCodeAllowed(bool) noexcept {}

 private:
  ICudaEngine* deserialize(void const* blob, std::size_t size) noexcept;
};

class FakeInspector final : public IEngineInspector, public apiv::StubVEngineInspector, public Owned {
 public:
  FakeInspector(Owned* engine, std::shared_ptr<const Plan> plan) : Owned("IEngineInspector", engine), plan_(std::move(plan)) { mImpl = this; }
  bool setExecutionContext(IExecutionContext const*) noexcept override { return true; }
  char const* getLayerInformation(std::int32_t i, LayerInformationFormat) const noexcept override { return keep(layer(static_cast<std::size_t>(i)) + "\n"); }
  char const* getEngineInformation(LayerInformationFormat) const noexcept override {
    std::string text = "{\"Layers\": [";
    for (std::size_t i = 0; i < plan_->table->layers.size(); ++i) {
      text += (i == 0 ? "" : ",\n") + layer(i);
    }
    text += "],\n\"Bindings\": [";
    for (const auto* rows : {&plan_->table->inputs, &plan_->table->outputs}) {
      for (const TensorRow& row : *rows) {
        text += (text.back() == '[' ? "\"" : ", \"") + row.name + "\"";
      }
    }
    return keep(text + "]}\n");
  }

 private:
  std::string layer(std::size_t i) const {
    const std::string& name = plan_->table->layers[i];
    return plan_->verbosity == 2 ? "{\"Name\": \"" + name + "\", \"LayerType\": \"Double\", \"TacticName\": \"double_" + std::to_string(i) + "\"}" : "\"" + name + "\"";
  }
  char const* keep(std::string text) const {
    kept_.push_back(std::make_unique<std::string>(std::move(text)));
    return kept_.back()->c_str();
  }
  std::shared_ptr<const Plan> plan_;
  mutable std::vector<std::unique_ptr<std::string>> kept_;
};

ICudaEngine* FakeRuntime::deserialize(void const* blob, std::size_t size) noexcept {
  note("deserialize");
  std::string why;
  const auto plan = Plan::read(std::string(static_cast<const char*>(blob), size), why);
  if (plan == nullptr) {
    complain("IRuntime::deserializeCudaEngine: Error Code 1: Serialization (Serialization assertion " + why + " failed.)");
    return nullptr;
  }
  const int ours = static_cast<int>(NV_TENSORRT_VERSION);
  if (faulty("other_version") || (plan->version != ours && !plan->version_compatible)) {
    complain("IRuntime::deserializeCudaEngine: Error Code 1: Serialization (Version tag does not match. Note: Current Version: " + std::to_string(ours) + ", Serialized Engine Version: " + std::to_string(plan->version) + ")");
    return nullptr;
  }
  const Gpu here = gpu();
  if ((plan->gpu.major != here.major || plan->gpu.minor != here.minor) && !plan->hardware_compatible) {
    complain("IRuntime::deserializeCudaEngine: Error Code 6: API Usage Error (The engine plan file is generated on an incompatible device, expecting compute " + std::to_string(here.major) + "." + std::to_string(here.minor) + " got compute " + std::to_string(plan->gpu.major) + "." + std::to_string(plan->gpu.minor) + ", please rebuild.)");
    return nullptr;
  }
  if (plan->gpu.name != here.name) {
    log(Severity::kWARNING, "Using an engine plan file across different models of devices is not recommended and is likely to affect performance or even cause errors.");
  }
  if (faulty("deserialize_no_memory")) {
    complain("IRuntime::deserializeCudaEngine: Error Code 2: OutOfMemory (Requested size was 4096 bytes.)");
    return nullptr;
  }
  if (faulty("deserialize_null")) {
    complain("IRuntime::deserializeCudaEngine: Error Code 1: Serialization (Serialization assertion stdVersionRead == kSERIALIZATION_VERSION failed.)");
    return nullptr;
  }
  auto weights = device_memory(*this, kScratchBytes);
  return weights == nullptr ? nullptr : new FakeEngine(this, plan, std::move(weights));
}

// As real plans begin: "ftrt", zeros, and at byte 24 the version.
const std::string kMagic = std::string("ftrt").append(20, '\0') + static_cast<char>(NV_TENSORRT_MAJOR) + static_cast<char>(NV_TENSORRT_MINOR) + static_cast<char>(NV_TENSORRT_PATCH) + '\0';

}  // namespace

IEngineInspector* FakeEngine::createEngineInspector() const noexcept {
  return faulty("inspector_null") ? nullptr : new FakeInspector(const_cast<FakeEngine*>(this), plan);
}

std::shared_ptr<void> device_memory(const Owned& owner, std::size_t bytes) {
  void* memory = nullptr;
  if (cudaMalloc(&memory, bytes) != cudaSuccess) {
    owner.complain("Error Code 2: OutOfMemory (Requested size was " + std::to_string(bytes) + " bytes.)");
    return nullptr;
  }
  return {memory, [](void* p) { (void)cudaFree(p); }};
}

std::string Plan::write() const {
  std::ostringstream out;
  out << kMagic << '\n'
      << version << ' ' << gpu.major << ' ' << gpu.minor << ' ' << hardware_compatible << ' ' << version_compatible << ' ' << profile_sharing << ' ' << verbosity << '\n'
      << gpu.name << '\n'
      << profiles.size() << '\n';
  for (const auto& profile : profiles) {
    for (const Range& range : profile) {
      for (const Sizes* sizes : {&range.min, &range.opt, &range.max}) {
        out << sizes->size();
        for (const std::int64_t size : *sizes) {
          out << ' ' << size;
        }
        out << '\n';
      }
    }
  }
  out << table->text;
  std::string text = out.str();
  return text + std::to_string(crc32(text.data(), text.size())) + "#";
}

std::shared_ptr<const Plan> Plan::read(const std::string& bytes, std::string& why) {
  why = "magicTagRead == kMAGIC_TAG";
  if (bytes.rfind("ftrt", 0) != 0 || bytes.size() < kMagic.size() + 1) {
    return nullptr;
  }
  why = "checksum == expected";
  const std::size_t last_line = bytes.rfind('\n');
  if (bytes.back() != '#' || std::to_string(crc32(bytes.data(), last_line + 1)) + "#" != bytes.substr(last_line + 1)) {
    return nullptr;
  }
  auto plan = std::make_shared<Plan>();
  const std::size_t table_at = bytes.find("gencpp-double 1\n");
  plan->table = Table::read(bytes.substr(table_at, last_line + 1 - table_at));
  std::istringstream in(bytes.substr(kMagic.size() + 1, table_at - kMagic.size() - 1));
  in >> plan->version >> plan->gpu.major >> plan->gpu.minor >> plan->hardware_compatible >> plan->version_compatible >> plan->profile_sharing >> plan->verbosity >> std::ws;
  std::getline(in, plan->gpu.name);
  std::size_t count = 0;
  in >> count;
  plan->profiles.resize(count);
  for (auto& profile : plan->profiles) {
    profile.resize(plan->table->inputs.size());
    for (Range& range : profile) {
      for (Sizes* sizes : {&range.min, &range.opt, &range.max}) {
        std::size_t rank = 0;
        in >> rank;
        sizes->resize(rank);
        for (std::int64_t& size : *sizes) {
          in >> size;
        }
      }
    }
  }
  return plan;
}

}  // namespace gencpp_double

extern "C" {

void* createInferRuntime_INTERNAL(void* logger, std::int32_t) noexcept {
  using namespace gencpp_double;
  note("createInferRuntime");
  if (faulty("runtime_null")) {
    static_cast<ILogger*>(logger)->log(Severity::kERROR, "CUDA initialization failure with error: 100");
    return nullptr;
  }
  return static_cast<IRuntime*>(new FakeRuntime(static_cast<ILogger*>(logger)));
}

std::int32_t getInferLibVersion() noexcept {
  const bool other = gencpp_double::faulty("library_major");
  if (gencpp_double::faulty("library_minor")) {
    return static_cast<std::int32_t>(NV_TENSORRT_VERSION) - 100;
  }
#if NV_TENSORRT_MAJOR < 10
  return other ? 10 * 10000 : static_cast<std::int32_t>(NV_TENSORRT_VERSION);
#else
  return other ? 8 * 1000 + 601 : static_cast<std::int32_t>(NV_TENSORRT_VERSION);
#endif
}

std::int32_t getInferLibMajorVersion() noexcept { return gencpp_double::faulty("library_major") ? 7 : NV_TENSORRT_MAJOR; }
std::int32_t getInferLibMinorVersion() noexcept { return NV_TENSORRT_MINOR; }
std::int32_t getInferLibPatchVersion() noexcept { return NV_TENSORRT_PATCH; }
std::int32_t getInferLibBuildVersion() noexcept { return NV_TENSORRT_BUILD; }

}  // extern "C"
