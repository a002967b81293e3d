// The fault double: INetworkDefinition, which the parser fills from a table or the program layer by layer
// (fake_layers.hpp). For the latter the table says which dims and type each layer's tensors have, in the order
// in which the layers are made: the double infers no shapes. When the engine is built, the network is written
// to GENCPP_DOUBLE_RECORD (fake_record.cpp); if none is built, what there is of it, without its weights.
#pragma once

#include <deque>
#include <optional>
#include <type_traits>
#include <utility>

#include "fake_nvinfer.hpp"

namespace gencpp_double {

using namespace nvinfer1;

class FakeNetwork;
class LayerCore;

// --- values, as the record has them ---

std::string json_text(const std::string& text);
std::string json_float(float value);  // so that its bits can be told

template <typename T>
std::string json(const T& value) {
  if constexpr (std::is_enum_v<T>) {
    const char* name = name_of(value);
    if (name == nullptr) {
      violation("no enumerator has the value " + std::to_string(static_cast<int>(value)));
    }
    return json_text(name);
  } else if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_floating_point_v<T>) {
    return json_float(value);
  } else if constexpr (std::is_integral_v<T>) {
    return std::to_string(value);
  } else {
    return text_of(sizes_of(value));
  }
}

// --- tensors and layers ---

// What outlives its network, so that a late use is noticed.
class OfNetwork {
 public:
  explicit OfNetwork(FakeNetwork& network) : network_(&network) {}
  [[nodiscard]] FakeNetwork& network() const {
    if (network_ == nullptr) {
      violation("a tensor or a layer was used after its network was destroyed");
    }
    return *network_;
  }
  void bury() { network_ = nullptr; }

 private:
  FakeNetwork* network_;
};

class FakeTensor final : public ITensor, public apiv::StubVTensor, public OfNetwork {
 public:
  FakeTensor(FakeNetwork& network, const TensorRow& row, bool input) : OfNetwork(network), name_(row.name), facts_(row), input_(input), output_(!input) { mImpl = this; }
  FakeTensor(FakeNetwork& network, std::string name, const LayerCore& maker, int output) : OfNetwork(network), maker(&maker), index(output), name_(std::move(name)) { mImpl = this; }

  void setName(char const* name) noexcept override {
    (void)network();
    name_ = name;
  }
  char const* getName() const noexcept override { return name_.c_str(); }
  Dims getDimensions() const noexcept override;
  DataType getType() const noexcept override { return static_cast<DataType>(dtype_here(facts().dtype)); }
  bool isNetworkInput() const noexcept override { return input_; }
  bool isNetworkOutput() const noexcept override { return output_; }
  TensorLocation getLocation() const noexcept override { return TensorLocation::kDEVICE; }
  bool isShapeTensor() const noexcept override { return false; }
  bool isExecutionTensor() const noexcept override { return true; }
  void setAllowedFormats(TensorFormats) noexcept override {}
  void setDimensionName(std::int32_t, char const*) noexcept override {}
  char const* getDimensionName(std::int32_t) const noexcept override { return nullptr; }

  void know(TensorRow facts) { facts_ = std::move(facts); }
  void mark() { output_ = true; }
  [[nodiscard]] const TensorRow& facts() const;

  const LayerCore* maker = nullptr;  // null: an input, or of the parser
  int index = 0;

 private:
  std::string name_;
  std::optional<TensorRow> facts_;  // of inputs and constants
  bool input_ = false;
  bool output_ = false;
};

// What all layers have.
class LayerCore final : public apiv::StubVLayer, public OfNetwork {
 public:
  LayerCore(FakeNetwork& network, const char* method, LayerType type, ILayer& face, const std::vector<ITensor*>& inputs, int outputs);

  LayerType getType() const noexcept override { return type_; }
  void setName(char const* name) noexcept override {
    (void)network();
    name_ = name;
  }
  char const* getName() const noexcept override { return name_.c_str(); }
  std::int32_t getNbInputs() const noexcept override { return static_cast<std::int32_t>(inputs_.size()); }
  ITensor* getInput(std::int32_t i) const noexcept override { return i < getNbInputs() ? inputs_[static_cast<std::size_t>(i)] : nullptr; }
  std::int32_t getNbOutputs() const noexcept override { return static_cast<std::int32_t>(outputs_.size()); }
  ITensor* getOutput(std::int32_t i) const noexcept override { return i < getNbOutputs() ? outputs_[static_cast<std::size_t>(i)].get() : nullptr; }
  void setInput(std::int32_t i, ITensor& tensor) noexcept override;
  DataType getOutputType(std::int32_t i) const noexcept override { return outputs_[static_cast<std::size_t>(i)]->getType(); }
  void setOutputType(std::int32_t i, DataType type) noexcept;
  void setMetadata(char const* text) noexcept { metadata_ = text; }
  char const* getMetadata() const noexcept { return metadata_.c_str(); }

  // What a getter says from here on. An attribute that can be computed instead takes the place of that input.
  template <typename T>
  void set(const std::string& name, const T& value) {
    set_json(name, json(value));
  }
  void set_json(const std::string& name, std::string value);
  // The input that stands for attributes.
  void or_input(int input, const std::string& attribute) { computed_.emplace_back(input, attribute); }
  void set_weights(const char* role, const Weights& values) { weights.emplace_back(role, values); }
  void bury_all();

  const std::size_t place;  // in the network
  const char* const method;
  ILayer& face;
  const bool shapeless;                           // as when the inputs do not fit
  std::map<std::string, std::string> attributes;  // JSON, by the getter's name
  std::vector<std::pair<std::string, Weights>> weights;

 private:
  LayerType type_;
  std::string name_;
  std::string metadata_;
  std::vector<FakeTensor*> inputs_;  // null where there is none
  std::vector<std::unique_ptr<FakeTensor>> outputs_;
  std::vector<std::pair<int, std::string>> computed_;
};

// A layer, whatever its kind.
class AnyLayer {
 public:
  template <typename... Arguments>
  explicit AnyLayer(Arguments&&... arguments) : core(std::forward<Arguments>(arguments)...) {}
  AnyLayer(const AnyLayer&) = delete;
  AnyLayer& operator=(const AnyLayer&) = delete;
  virtual ~AnyLayer() = default;

  LayerCore core;
};

// --- the network ---

class FakeNetwork final : public INetworkDefinition, public apiv::StubVNetworkDefinition, public Owned {
 public:
  FakeNetwork(Owned* factory, IBuilder& maker, NetworkDefinitionCreationFlags flags) : Owned("INetworkDefinition", factory), builder(factory), maker_(maker), flags_(flags) { mImpl = this; }
  ~FakeNetwork() override;

  std::int32_t getNbLayers() const noexcept override { return static_cast<std::int32_t>(parsed_ ? table->layers.size() : layers.size()); }
  ILayer* getLayer(std::int32_t i) const noexcept override { return i >= 0 && static_cast<std::size_t>(i) < layers.size() ? &layers[static_cast<std::size_t>(i)]->core.face : nullptr; }
  std::int32_t getNbInputs() const noexcept override { return static_cast<std::int32_t>(inputs.size()); }
  ITensor* getInput(std::int32_t i) const noexcept override { return i < getNbInputs() ? inputs[static_cast<std::size_t>(i)] : nullptr; }
  std::int32_t getNbOutputs() const noexcept override { return static_cast<std::int32_t>(outputs.size()); }
  ITensor* getOutput(std::int32_t i) const noexcept override { return i < getNbOutputs() ? outputs[static_cast<std::size_t>(i)] : nullptr; }
  void setName(char const* name) noexcept override { name_ = name; }
  char const* getName() const noexcept override { return name_.c_str(); }
  bool hasImplicitBatchDimension() const noexcept override { return implicit_batch(); }
  IBuilder& getBuilder() const noexcept { return maker_; }
  NetworkDefinitionCreationFlags getFlags() const noexcept { return flags_; }
  bool getFlag(NetworkDefinitionCreationFlag flag) const noexcept { return has(flag); }

  ITensor* addInput(char const* name, DataType type, DimsIn dims) noexcept override;
  void markOutput(ITensor& tensor) noexcept override;

  IConvolutionLayer* addConvolutionNd(ITensor& x, DimsSize maps, DimsIn kernel, Weights weights, Weights bias) noexcept override;
  IDeconvolutionLayer* addDeconvolutionNd(ITensor& x, DimsSize maps, DimsIn kernel, Weights weights, Weights bias) noexcept override;
  IPoolingLayer* addPoolingNd(ITensor& x, PoolingType type, DimsIn window) noexcept override;
  IScaleLayer* addScaleNd(ITensor& x, ScaleMode mode, Weights shift, Weights scale, Weights power, std::int32_t axis) noexcept override;
  IActivationLayer* addActivation(ITensor& x, ActivationType type) noexcept override;
  IParametricReLULayer* addParametricReLU(ITensor& x, ITensor& slopes) noexcept override;
  IElementWiseLayer* addElementWise(ITensor& a, ITensor& b, ElementWiseOperation operation) noexcept override;
  IUnaryLayer* addUnary(ITensor& x, UnaryOperation operation) noexcept override;
  IReduceLayer* addReduce(ITensor& x, ReduceOperation operation, std::uint32_t axes, bool keep) noexcept override;
  ISoftMaxLayer* addSoftMax(ITensor& x) noexcept override;
  IMatrixMultiplyLayer* addMatrixMultiply(ITensor& a, MatrixOperation operation_a, ITensor& b, MatrixOperation operation_b) noexcept override;
  IConcatenationLayer* addConcatenation(ITensor* const* inputs, std::int32_t count) noexcept override;
  IConstantLayer* addConstant(DimsIn dims, Weights weights) noexcept override;
  ISliceLayer* addSlice(ITensor& x, DimsIn start, DimsIn size, DimsIn stride) noexcept override;
  IShapeLayer* addShape(ITensor& x) noexcept override;
  IShuffleLayer* addShuffle(ITensor& x) noexcept override;
  IGatherLayer* addGatherV2(ITensor& data, ITensor& indices, GatherMode mode) noexcept override;
  IResizeLayer* addResize(ITensor& x) noexcept override;
  ITopKLayer* addTopK(ITensor& x, TopKOperation operation, std::int32_t k, std::uint32_t axes) noexcept override;
  ITopKLayer* addTopKV2(ITensor& x, TopKOperation operation, std::int32_t k, std::uint32_t axes, DataType indices) noexcept;
  IFillLayer* addFill(DimsIn dims, FillOperation operation) noexcept;
  IFillLayer* addFillV2(DimsIn dims, FillOperation operation, DataType type) noexcept;
  INMSLayer* addNMS(ITensor& boxes, ITensor& scores, ITensor& most) noexcept override;
  INMSLayer* addNMSV2(ITensor& boxes, ITensor& scores, ITensor& most, DataType indices) noexcept;
  ISelectLayer* addSelect(ITensor& condition, ITensor& a, ITensor& b) noexcept override;
  IIdentityLayer* addIdentity(ITensor& x) noexcept override;
  IEinsumLayer* addEinsum(ITensor* const* inputs, std::int32_t count, char const* equation) noexcept override;
  IQuantizeLayer* addQuantize(ITensor& x, ITensor& scale) noexcept;
  IQuantizeLayer* addQuantizeV2(ITensor& x, ITensor& scale, DataType type) noexcept;
  IDequantizeLayer* addDequantize(ITensor& x, ITensor& scale) noexcept;
  IDequantizeLayer* addDequantizeV2(ITensor& x, ITensor& scale, DataType type) noexcept;
#if NV_TENSORRT_MAJOR * 100 + NV_TENSORRT_MINOR >= 806
  ICastLayer* addCast(ITensor& x, DataType type) noexcept override;
  INormalizationLayer* addNormalization(ITensor& x, ITensor& scale, ITensor& bias, std::uint32_t axes) noexcept override;
  INormalizationLayer* addNormalizationV2(ITensor& x, ITensor& scale, ITensor& bias, std::uint32_t axes) noexcept;
#endif

  [[nodiscard]] bool implicit_batch() const {
#if NV_TENSORRT_MAJOR < 10
    return !has(NetworkDefinitionCreationFlag::kEXPLICIT_BATCH);
#else
    return false;
#endif
  }
  [[nodiscard]] bool strongly_typed() const {
#if NV_TENSORRT_MAJOR < 10
    return false;
#elif NV_TENSORRT_MAJOR == 10
    return has(NetworkDefinitionCreationFlag::kSTRONGLY_TYPED);
#else
    return true;
#endif
  }

  // As the parser leaves it.
  void parse(std::shared_ptr<const Table> parsed);
  // Whether it can be built; if not, it says why. Writes the record.
  bool complete();
  // A tensor of this network.
  FakeTensor& own(ITensor& tensor);
  // What the table says of a layer's tensor.
  const TensorRow& facts_of(const LayerCore& layer, int output);

  Owned* builder;
  std::shared_ptr<const Table> table;
  std::shared_ptr<const bool> parser_alive;  // null: no parser is in use
  std::vector<FakeTensor*> inputs;
  std::vector<FakeTensor*> outputs;
  std::vector<std::unique_ptr<AnyLayer>> layers;

 private:
  bool has(NetworkDefinitionCreationFlag flag) const { return (flags_ >> static_cast<unsigned>(flag) & 1U) != 0; }
  // The new layer, or null where a fault says so.
  template <typename Layer>
  Layer* give(std::unique_ptr<Layer> layer);
  void find_table();
  bool check_names();
  void record(bool with_weights);

  IBuilder& maker_;
  NetworkDefinitionCreationFlags flags_;
  std::string name_ = "Unnamed Network 0";
  bool parsed_ = false;
  bool recorded_ = false;
  std::vector<std::unique_ptr<FakeTensor>> tensors_;  // those that no layer makes
  const std::vector<std::vector<TensorRow>>* made_ = nullptr;
};

}  // namespace gencpp_double
