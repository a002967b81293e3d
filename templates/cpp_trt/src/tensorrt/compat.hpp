// The versions of TensorRT, 8.5 to 11 and TensorRT-RTX: the only file that branches on them.
#pragma once

#include <NvInfer.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "{= name =}/model.hpp"

#include "tensorrt/engine_facts.hpp"

// TensorRT-RTX counts its own versions from 1 on and has the API of TensorRT 11.
#if defined(TRT_MAJOR_RTX)
#define {= NAME =}_TRT_API 1100
#else
#define {= NAME =}_TRT_API (NV_TENSORRT_MAJOR * 100 + NV_TENSORRT_MINOR)
#endif

namespace {= name =}::trt {

// --- versions ---

struct Version {
  int major = 0;
  int minor = 0;
  int patch = 0;
};

[[nodiscard]] inline std::string to_string(const Version& version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor) + "." + std::to_string(version.patch);
}

#if defined(TRT_MAJOR_RTX)
inline constexpr const char* kProduct = "TensorRT-RTX";
#else
inline constexpr const char* kProduct = "TensorRT";
#endif

inline constexpr Version kHeaders{NV_TENSORRT_MAJOR, NV_TENSORRT_MINOR, NV_TENSORRT_PATCH};

// Of the library that this process has loaded. Up to 9 a version reads 8503, from 10 on 101303.
[[nodiscard]] inline Version library_version() noexcept {
  const std::int32_t version = getInferLibVersion();
  const std::int32_t major = version < 10000 ? 1000 : 10000;
  return {version / major, version % major / 100, version % 100};
}

// --- values ---

// Dims::d is 32 bits wide up to TensorRT 9, and 64 bits from 10 on.
using Extent = std::remove_reference_t<decltype(nvinfer1::Dims{}.d[0])>;

[[nodiscard]] inline nvinfer1::Dims to_trt(const Dims& dims) noexcept {
  nvinfer1::Dims made{};
  made.nbDims = static_cast<std::int32_t>(dims.size());
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const std::int64_t size = dims[i];
    made.d[i] = static_cast<Extent>(size);
  }
  return made;
}

// An invalid shape (nbDims is -1) becomes a scalar's.
[[nodiscard]] inline Dims from_trt(const nvinfer1::Dims& dims) noexcept {
  static_assert(nvinfer1::Dims::MAX_DIMS <= static_cast<std::int32_t>(Dims::kMaxRank),
      "TensorRT's tensors have more dimensions than Dims holds");
  Dims made;
  for (std::int32_t i = 0; i < dims.nbDims && made.push_back(dims.d[i]); ++i) {
  }
  return made;
}

// Whether a size varies.
[[nodiscard]] inline bool is_dynamic(const Dims& dims) noexcept {
  return std::any_of(dims.begin(), dims.end(), [](std::int64_t size) { return size < 0; });
}

// Empty for types that tensors here cannot hold.
[[nodiscard]] inline std::optional<DType> from_trt(nvinfer1::DataType type) noexcept {
  switch (type) {
    case nvinfer1::DataType::kFLOAT:
      return DType::float32;
    case nvinfer1::DataType::kHALF:
      return DType::float16;
    case nvinfer1::DataType::kINT8:
      return DType::int8;
    case nvinfer1::DataType::kUINT8:
      return DType::uint8;
    case nvinfer1::DataType::kINT32:
      return DType::int32;
    case nvinfer1::DataType::kBOOL:
      return DType::boolean;
#if {= NAME =}_TRT_API >= 1000
    case nvinfer1::DataType::kBF16:
      return DType::bfloat16;
    case nvinfer1::DataType::kINT64:
      return DType::int64;
#endif
    default:
      return std::nullopt;
  }
}

// Empty for types that this version has no tensors of. int64 is the type of shapes and indices: see kIndexType.
[[nodiscard]] inline std::optional<nvinfer1::DataType> to_trt(DType dtype) noexcept {
  switch (dtype) {
    case DType::float32:
      return nvinfer1::DataType::kFLOAT;
    case DType::float16:
      return nvinfer1::DataType::kHALF;
    case DType::int8:
      return nvinfer1::DataType::kINT8;
    case DType::uint8:
      return nvinfer1::DataType::kUINT8;
    case DType::int32:
      return nvinfer1::DataType::kINT32;
    case DType::boolean:
      return nvinfer1::DataType::kBOOL;
#if {= NAME =}_TRT_API >= 1000
    case DType::bfloat16:
      return nvinfer1::DataType::kBF16;
    case DType::int64:
      return nvinfer1::DataType::kINT64;
#else
    case DType::int64:
      return nvinfer1::DataType::kINT32;
#endif
    default:
      return std::nullopt;
  }
}

// Of shapes and indices.
#if {= NAME =}_TRT_API >= 1000
inline constexpr nvinfer1::DataType kIndexType = nvinfer1::DataType::kINT64;
#else
inline constexpr nvinfer1::DataType kIndexType = nvinfer1::DataType::kINT32;
#endif

// --- the network ---

// On 10 the types stand in the network and nothing changes them behind its back; 11 and RTX know no
// other way. 8.x has flags only.
[[nodiscard]] inline nvinfer1::NetworkDefinitionCreationFlags network_flags() noexcept {
#if {= NAME =}_TRT_API >= 1100
  return 0;
#elif {= NAME =}_TRT_API >= 1000
  return 1U << static_cast<std::uint32_t>(nvinfer1::NetworkDefinitionCreationFlag::kSTRONGLY_TYPED);
#else
  return 1U << static_cast<std::uint32_t>(nvinfer1::NetworkDefinitionCreationFlag::kEXPLICIT_BATCH);
#endif
}

inline constexpr bool kStronglyTyped = {= NAME =}_TRT_API >= 1000;

// The node that an error of the ONNX parser is about; empty where this version does not tell its name.
// A template, so that this file needs no header of the parser.
template <typename ParserError>
[[nodiscard]] std::string node_of([[maybe_unused]] const ParserError& error) {
#if {= NAME =}_TRT_API >= 1000
  const char* name = error.nodeName();
  const char* type = error.nodeOperator();
  if (name != nullptr && *name != '\0') {
    return std::string(name) + (type != nullptr && *type != '\0' ? " (" + std::string(type) + ")" : "");
  }
#endif
  return {};
}

// 8.x denies these for the sake of ONNX Runtime, though it has importers for them.
[[nodiscard]] inline bool parser_denies_wrongly([[maybe_unused]] std::string_view type) noexcept {
#if {= NAME =}_TRT_API < 1000
  return type == "NonMaxSuppression" || type == "NonZero" || type == "RoiAlign";
#else
  return false;
#endif
}

// --- layers that versions make in different ways ---

// 8.5 has no normalization layer; it is written out there.
inline constexpr bool kHasNormalization = {= NAME =}_TRT_API >= 806;

// Null on 8.5.
[[nodiscard]] inline nvinfer1::ILayer* add_normalization([[maybe_unused]] nvinfer1::INetworkDefinition& network,
    [[maybe_unused]] nvinfer1::ITensor& x, [[maybe_unused]] nvinfer1::ITensor& scale,
    [[maybe_unused]] nvinfer1::ITensor& bias, [[maybe_unused]] std::uint32_t axes,
    [[maybe_unused]] float epsilon) noexcept {
#if {= NAME =}_TRT_API >= 1015
  nvinfer1::INormalizationLayer* layer = network.addNormalizationV2(x, scale, bias, axes);
#elif {= NAME =}_TRT_API >= 806
  nvinfer1::INormalizationLayer* layer = network.addNormalization(x, scale, bias, axes);
#endif
#if {= NAME =}_TRT_API >= 806
  if (layer != nullptr) {
    layer->setEpsilon(epsilon);
  }
  return layer;
#else
  return nullptr;
#endif
}

[[nodiscard]] inline nvinfer1::ILayer* add_cast(
    nvinfer1::INetworkDefinition& network, nvinfer1::ITensor& x, nvinfer1::DataType type) noexcept {
#if {= NAME =}_TRT_API >= 806
  return network.addCast(x, type);
#else
  nvinfer1::IIdentityLayer* layer = network.addIdentity(x);
  if (layer != nullptr) {
    layer->setOutputType(0, type);
  }
  return layer;
#endif
}

// Its indices are int32.
[[nodiscard]] inline nvinfer1::ITopKLayer* add_top_k(nvinfer1::INetworkDefinition& network, nvinfer1::ITensor& x,
    nvinfer1::TopKOperation operation, std::int32_t k, std::uint32_t axes) noexcept {
#if {= NAME =}_TRT_API >= 1014
  return network.addTopK(x, operation, k, axes, nvinfer1::DataType::kINT32);
#else
  return network.addTopK(x, operation, k, axes);
#endif
}

// Counts, of the type of indices; its length, start and step are inputs that are still to be set.
[[nodiscard]] inline nvinfer1::IFillLayer* add_count(nvinfer1::INetworkDefinition& network) noexcept {
  const nvinfer1::Dims one = to_trt(Dims{1});
#if {= NAME =}_TRT_API >= 1000
  return network.addFill(one, nvinfer1::FillOperation::kLINSPACE, kIndexType);
#else
  nvinfer1::IFillLayer* layer = network.addFill(one, nvinfer1::FillOperation::kLINSPACE);
  if (layer != nullptr) {
    layer->setOutputType(0, kIndexType);
  }
  return layer;
#endif
}

// Its indices are int32.
[[nodiscard]] inline nvinfer1::INMSLayer* add_nms(nvinfer1::INetworkDefinition& network, nvinfer1::ITensor& boxes,
    nvinfer1::ITensor& scores, nvinfer1::ITensor& most) noexcept {
#if {= NAME =}_TRT_API >= 1014
  return network.addNMS(boxes, scores, most, nvinfer1::DataType::kINT32);
#else
  return network.addNMS(boxes, scores, most);
#endif
}

// To int8.
[[nodiscard]] inline nvinfer1::IQuantizeLayer* add_quantize(
    nvinfer1::INetworkDefinition& network, nvinfer1::ITensor& x, nvinfer1::ITensor& scale) noexcept {
#if {= NAME =}_TRT_API >= 1000
  return network.addQuantize(x, scale, nvinfer1::DataType::kINT8);
#else
  return network.addQuantize(x, scale);
#endif
}

// To the type of the scale.
[[nodiscard]] inline nvinfer1::IDequantizeLayer* add_dequantize(
    nvinfer1::INetworkDefinition& network, nvinfer1::ITensor& x, nvinfer1::ITensor& scale) noexcept {
#if {= NAME =}_TRT_API >= 1000
  return network.addDequantize(x, scale, scale.getType());
#else
  return network.addDequantize(x, scale);
#endif
}

// --- the build ---

// Before 10 it is told what an engine may compute in; 10 and later build what stands in the network.
[[nodiscard]] inline Result<void> set_precision(
    [[maybe_unused]] nvinfer1::IBuilderConfig& config, [[maybe_unused]] Precision precision) {
#if {= NAME =}_TRT_API < 1000
  switch (precision) {
    case Precision::fp32:
      return {};
    case Precision::fp16:
      config.setFlag(nvinfer1::BuilderFlag::kFP16);
      return {};
    case Precision::bf16:
      break;
  }
  return Error{ErrorCode::unsupported, "bf16 needs TensorRT 10.0 or later, this is " + to_string(kHeaders)};
#else
  return {};
#endif
}

[[nodiscard]] inline Result<void> set_optimization_level([[maybe_unused]] nvinfer1::IBuilderConfig& config, int level) {
  if (level < 0) {
    return {};
  }
#if {= NAME =}_TRT_API >= 806
  if (level > 5) {
    return Error{ErrorCode::invalid_argument, "the optimisation level is from 0 to 5, got " + std::to_string(level)};
  }
  config.setBuilderOptimizationLevel(level);
  return {};
#else
  return Error{
      ErrorCode::unsupported, "optimisation levels need TensorRT 8.6 or later, this is " + to_string(kHeaders)};
#endif
}

[[nodiscard]] inline Result<void> set_compatibility(
    [[maybe_unused]] nvinfer1::IBuilderConfig& config, const EngineOptions& options) {
#if {= NAME =}_TRT_API >= 806
  if (options.version_compatible) {
    config.setFlag(nvinfer1::BuilderFlag::kVERSION_COMPATIBLE);
  }
  if (options.hardware_compatible) {
    config.setHardwareCompatibilityLevel(nvinfer1::HardwareCompatibilityLevel::kAMPERE_PLUS);
  }
#else
  if (options.version_compatible || options.hardware_compatible) {
    return Error{ErrorCode::unsupported,
        "version- and hardware-compatible engines need TensorRT 8.6 or later, this is " + to_string(kHeaders)};
  }
#endif
  return {};
}

// Version-compatible engines bring the code along that reads them.
inline void allow_host_code([[maybe_unused]] nvinfer1::IRuntime& runtime) noexcept {
#if {= NAME =}_TRT_API >= 806
  runtime.setEngineHostCodeAllowed(true);
#endif
}

// Whether several execution contexts may use one optimisation profile. 8.5 cannot; 8.6 has to be asked.
inline constexpr bool kContextsShareProfiles = {= NAME =}_TRT_API >= 806;

// Whether that is decided when an engine is built: one of somebody else's may have been built without.
inline constexpr bool kPlansDecideOnSharing = {= NAME =}_TRT_API >= 806 && {= NAME =}_TRT_API < 1000;

inline void share_profiles([[maybe_unused]] nvinfer1::IBuilderConfig& config) noexcept {
#if {= NAME =}_TRT_API >= 806 && {= NAME =}_TRT_API < 1000
  config.setPreviewFeature(nvinfer1::PreviewFeature::kPROFILE_SHARING_0806, true);
#endif
}

struct TacticSourceName {
  std::string_view name;
  nvinfer1::TacticSource source;
};

// cuBLAS and cuDNN are deprecated from 10 on and gone from 11 on.
inline constexpr std::array kTacticSources{
#if {= NAME =}_TRT_API < 1000
    TacticSourceName{"CUBLAS", nvinfer1::TacticSource::kCUBLAS},
    TacticSourceName{"CUBLAS_LT", nvinfer1::TacticSource::kCUBLAS_LT},
    TacticSourceName{"CUDNN", nvinfer1::TacticSource::kCUDNN},
#endif
    TacticSourceName{"EDGE_MASK_CONVOLUTIONS", nvinfer1::TacticSource::kEDGE_MASK_CONVOLUTIONS},
    TacticSourceName{"JIT_CONVOLUTIONS", nvinfer1::TacticSource::kJIT_CONVOLUTIONS},
};

// 8.x looks for cuBLAS and cuDNN unless it is told not to; from 10 on both are off by default.
inline void without_blas_and_dnn([[maybe_unused]] nvinfer1::IBuilderConfig& config) noexcept {
#if {= NAME =}_TRT_API < 1000
  nvinfer1::TacticSources sources = config.getTacticSources();
  for (const nvinfer1::TacticSource source :
      {nvinfer1::TacticSource::kCUBLAS, nvinfer1::TacticSource::kCUBLAS_LT, nvinfer1::TacticSource::kCUDNN}) {
    sources &= ~(1U << static_cast<std::uint32_t>(source));
  }
  config.setTacticSources(sources);
#endif
}

// What a build tells of its progress. TensorRT before 10 tells nothing.
class BuildListener {
 public:
  BuildListener() = default;
  BuildListener(const BuildListener&) = delete;
  BuildListener& operator=(const BuildListener&) = delete;
  virtual ~BuildListener() = default;
  virtual void started(const char* phase, const char* parent, int steps) noexcept = 0;
  // False stops the build.
  virtual bool stepped(const char* phase, int step) noexcept = 0;
  virtual void finished(const char* phase) noexcept = 0;
};

#if {= NAME =}_TRT_API >= 1000

class BuildMonitor final : public nvinfer1::IProgressMonitor {
 public:
  explicit BuildMonitor(BuildListener& listener) : listener_(&listener) {}
  void phaseStart(const char* phase, const char* parent, std::int32_t steps) noexcept override {
    listener_->started(phase, parent, steps);
  }
  bool stepComplete(const char* phase, std::int32_t step) noexcept override { return listener_->stepped(phase, step); }
  void phaseFinish(const char* phase) noexcept override { listener_->finished(phase); }

 private:
  BuildListener* listener_;
};

inline void watch(nvinfer1::IBuilderConfig& config, BuildMonitor& monitor) noexcept {
  config.setProgressMonitor(&monitor);
}

#else

class BuildMonitor final {
 public:
  explicit BuildMonitor(BuildListener& /*listener*/) {}
};

inline void watch(nvinfer1::IBuilderConfig& /*config*/, BuildMonitor& /*monitor*/) noexcept {}

#endif

// --- execution ---

// Bytes of device memory that a context needs for activations, under any profile.
[[nodiscard]] inline std::size_t activation_bytes(const nvinfer1::ICudaEngine& engine) noexcept {
#if {= NAME =}_TRT_API >= 1001
  return static_cast<std::size_t>(engine.getDeviceMemorySizeV2());
#else
  return engine.getDeviceMemorySize();
#endif
}

// A context whose memory for activations the caller brings: see set_activations().
[[nodiscard]] inline nvinfer1::IExecutionContext* create_context(nvinfer1::ICudaEngine& engine) noexcept {
#if {= NAME =}_TRT_API >= 1000
  return engine.createExecutionContext(nvinfer1::ExecutionContextAllocationStrategy::kUSER_MANAGED);
#else
  return engine.createExecutionContextWithoutDeviceMemory();
#endif
}

inline void set_activations(
    nvinfer1::IExecutionContext& context, void* memory, [[maybe_unused]] std::size_t bytes) noexcept {
#if {= NAME =}_TRT_API >= 1001
  context.setDeviceMemoryV2(memory, static_cast<std::int64_t>(bytes));
#else
  context.setDeviceMemory(memory);
#endif
}

// Memory for an output whose size only the run tells.
class OutputAllocator : public nvinfer1::IOutputAllocator {
 public:
  // Device memory of at least this size; null when there is none.
  virtual void* grow(std::uint64_t bytes) noexcept = 0;
  virtual void tell_shape(const nvinfer1::Dims& dims) noexcept = 0;

#if {= NAME =}_TRT_API >= 1000
  void* reallocateOutputAsync(const char* /*tensor*/, void* /*current*/, std::uint64_t bytes,
      std::uint64_t /*alignment*/, cudaStream_t /*stream*/) override {
    return grow(bytes);
  }
#else
  void* reallocateOutput(
      const char* /*tensor*/, void* /*current*/, std::uint64_t bytes, std::uint64_t /*alignment*/) noexcept override {
    return grow(bytes);
  }
#endif
  void notifyShape(const char* /*tensor*/, const nvinfer1::Dims& dims) noexcept override { tell_shape(dims); }
};

}  // namespace {= name =}::trt
