// The fault double: the layers of a network, each with its setters. What has no setter here ends the program.
#include <algorithm>

#include "fake_network.hpp"

namespace gencpp_double {
namespace {

using Inputs = std::vector<ITensor*>;

template <typename Public, typename Stub>
class FakeLayer : public Public, public Stub, public AnyLayer {
 public:
  FakeLayer(FakeNetwork& network, const char* method, LayerType type, const Inputs& inputs, int outputs = 1) : AnyLayer(network, method, type, static_cast<ILayer&>(*this), inputs, outputs) {
    this->mImpl = this;
    this->mLayer = &core;
  }
};

template <typename Public, typename Stub>
class FakeWindow final : public FakeLayer<Public, Stub> {
 public:
  using FakeLayer<Public, Stub>::FakeLayer;
  void setStrideNd(DimsIn stride) noexcept override { this->core.set("strideNd", stride); }
  void setPrePadding(DimsIn padding) noexcept override { this->core.set("prePadding", padding); }
  void setPostPadding(DimsIn padding) noexcept override { this->core.set("postPadding", padding); }
  void setDilationNd(DimsIn dilation) noexcept override { this->core.set("dilationNd", dilation); }
  void setNbGroups(DimsSize groups) noexcept override { this->core.set("nbGroups", groups); }
};
using FakeConvolution = FakeWindow<IConvolutionLayer, apiv::StubVConvolutionLayer>;
using FakeDeconvolution = FakeWindow<IDeconvolutionLayer, apiv::StubVDeconvolutionLayer>;

class FakePooling final : public FakeLayer<IPoolingLayer, apiv::StubVPoolingLayer> {
 public:
  using FakeLayer::FakeLayer;
  void setStrideNd(DimsIn stride) noexcept override { core.set("strideNd", stride); }
  void setPrePadding(DimsIn padding) noexcept override { core.set("prePadding", padding); }
  void setPostPadding(DimsIn padding) noexcept override { core.set("postPadding", padding); }
  void setPaddingMode(PaddingMode mode) noexcept override { core.set("paddingMode", mode); }
  void setAverageCountExcludesPadding(bool excludes) noexcept override { core.set("averageCountExcludesPadding", excludes); }
};

class FakeActivation final : public FakeLayer<IActivationLayer, apiv::StubVActivationLayer> {
 public:
  using FakeLayer::FakeLayer;
  void setAlpha(float alpha) noexcept override { core.set("alpha", alpha); }
  void setBeta(float beta) noexcept override { core.set("beta", beta); }
};

class FakeSoftMax final : public FakeLayer<ISoftMaxLayer, apiv::StubVSoftMaxLayer> {
 public:
  using FakeLayer::FakeLayer;
  void setAxes(std::uint32_t axes) noexcept override { core.set("axes", axes); }
};

class FakeConcatenation final : public FakeLayer<IConcatenationLayer, apiv::StubVConcatenationLayer> {
 public:
  using FakeLayer::FakeLayer;
  void setAxis(std::int32_t axis) noexcept override { core.set("axis", axis); }
};

class FakeSlice final : public FakeLayer<ISliceLayer, apiv::StubVSliceLayer> {
 public:
  using FakeLayer::FakeLayer;
  void setStart(DimsIn start) noexcept override { core.set("start", start); }
  void setSize(DimsIn size) noexcept override { core.set("size", size); }
  void setStride(DimsIn stride) noexcept override { core.set("stride", stride); }
  void setMode(SampleMode mode) noexcept override { core.set("mode", mode); }
};

class FakeShuffle final : public FakeLayer<IShuffleLayer, apiv::StubVShuffleLayer> {
 public:
  using FakeLayer::FakeLayer;
  void setFirstTranspose(Permutation const& order) noexcept override { transpose("firstTranspose", order); }
  void setReshapeDimensions(DimsIn dims) noexcept override { core.set("reshapeDimensions", dims); }
  void setSecondTranspose(Permutation const& order) noexcept override { transpose("secondTranspose", order); }
  void setZeroIsPlaceholder(bool is) noexcept override { core.set("zeroIsPlaceholder", is); }

 private:
  // A permutation has eight places, whatever the rank. The tensor that is permuted tells how many count: the
  // input, or the output for a permutation after a reshape.
  void transpose(const char* name, Permutation const& order) {
    const bool first = std::string(name) == "firstTranspose";
    const Dims of = (first ? core.getInput(0) : core.getOutput(0))->getDimensions();
    core.set_json(name, text_of(Sizes(order.order, order.order + std::max(of.nbDims, 0))));
  }
};

class FakeGather final : public FakeLayer<IGatherLayer, apiv::StubVGatherLayer> {
 public:
  using FakeLayer::FakeLayer;
  void setGatherAxis(std::int32_t axis) noexcept override { core.set("gatherAxis", axis); }
  void setNbElementWiseDims(std::int32_t count) noexcept override { core.set("nbElementWiseDims", count); }
};

class FakeResize final : public FakeLayer<IResizeLayer, apiv::StubVResizeLayer> {
 public:
  using FakeLayer::FakeLayer;
  void setOutputDimensions(DimsIn dims) noexcept override { core.set("outputDimensions", dims); }
  void setScales(float const* scales, std::int32_t count) noexcept override {
    std::string text = "[";
    for (std::int32_t i = 0; i < count; ++i) {
      text += (i == 0 ? "" : ",") + json_float(scales[i]);
    }
    core.set_json("scales", text + "]");
  }
  void setResizeMode(InterpolationMode mode) noexcept override { core.set("interpolationMode", mode); }
  void setCoordinateTransformation(ResizeCoordinateTransformation how) noexcept override { core.set("coordinateTransformation", how); }
  void setSelectorForSinglePixel(ResizeSelector selector) noexcept override { core.set("selectorForSinglePixel", selector); }
  void setNearestRounding(ResizeRoundMode mode) noexcept override { core.set("nearestRounding", mode); }
  void setCubicCoeff(float value) noexcept override { core.set("cubicCoeff", value); }
  void setExcludeOutside(bool value) noexcept override { core.set("excludeOutside", value); }
};

class FakeFill final : public FakeLayer<IFillLayer, apiv::StubVFillLayer> {
 public:
  using FakeLayer::FakeLayer;
};

class FakeNms final : public FakeLayer<INMSLayer, apiv::StubVNMSLayer> {
 public:
  using FakeLayer::FakeLayer;
  void setBoundingBoxFormat(BoundingBoxFormat form) noexcept override { core.set("boundingBoxFormat", form); }
  void setTopKBoxLimit(std::int32_t limit) noexcept override { core.set("topKBoxLimit", limit); }
};

class FakeQuantize final : public FakeLayer<IQuantizeLayer, apiv::StubVQuantizeLayer> {
 public:
  using FakeLayer::FakeLayer;
  void setAxis(std::int32_t axis) noexcept override { core.set("axis", axis); }
};

class FakeDequantize final : public FakeLayer<IDequantizeLayer, apiv::StubVDequantizeLayer> {
 public:
  using FakeLayer::FakeLayer;
  void setAxis(std::int32_t axis) noexcept override { core.set("axis", axis); }
};

#if NV_TENSORRT_MAJOR * 100 + NV_TENSORRT_MINOR >= 806
class FakeNormalization final : public FakeLayer<INormalizationLayer, apiv::StubVNormalizationLayer> {
 public:
  using FakeLayer::FakeLayer;
  void setEpsilon(float epsilon) noexcept override { core.set("epsilon", epsilon); }
  void setAxes(std::uint32_t axes) noexcept override { core.set("axes", axes); }
  void setNbGroups(DimsSize groups) noexcept override { core.set("nbGroups", groups); }
};
#endif

template <typename Layer, typename... Arguments>
std::unique_ptr<Layer> made(Arguments&&... arguments) {
  return std::make_unique<Layer>(std::forward<Arguments>(arguments)...);
}

template <typename Layer>
std::unique_ptr<Layer> convolution(std::unique_ptr<Layer> layer, DimsSize maps, const Dims& kernel, const Weights& weights, const Weights& bias) {
  layer->core.set("nbOutputMaps", maps);
  layer->core.set("kernelSizeNd", kernel);
  layer->core.set_weights("kernel", weights);
  layer->core.set_weights("bias", bias);
  return layer;
}

}  // namespace

template <typename Layer>
Layer* FakeNetwork::give(std::unique_ptr<Layer> layer) {
  if (faulty("layer_null")) {
    complain(std::string("INetworkDefinition::") + layer->core.method + ": Error Code 3: API Usage Error (the double refuses the layer)");
    return nullptr;
  }
  Layer* given = layer.get();
  layers.push_back(std::move(layer));
  return given;
}

IConvolutionLayer* FakeNetwork::addConvolutionNd(ITensor& x, DimsSize maps, DimsIn kernel, Weights weights, Weights bias) noexcept { return give(convolution(made<FakeConvolution>(*this, "addConvolutionNd", LayerType::kCONVOLUTION, Inputs{&x}), maps, kernel, weights, bias)); }

IDeconvolutionLayer* FakeNetwork::addDeconvolutionNd(ITensor& x, DimsSize maps, DimsIn kernel, Weights weights, Weights bias) noexcept { return give(convolution(made<FakeDeconvolution>(*this, "addDeconvolutionNd", LayerType::kDECONVOLUTION, Inputs{&x}), maps, kernel, weights, bias)); }

IPoolingLayer* FakeNetwork::addPoolingNd(ITensor& x, PoolingType type, DimsIn window) noexcept {
  auto layer = made<FakePooling>(*this, "addPoolingNd", LayerType::kPOOLING, Inputs{&x});
  layer->core.set("poolingType", type);
  layer->core.set("windowSizeNd", window);
  return give(std::move(layer));
}

IScaleLayer* FakeNetwork::addScaleNd(ITensor& x, ScaleMode mode, Weights shift, Weights scale, Weights power, std::int32_t axis) noexcept {
  auto layer = made<FakeLayer<IScaleLayer, apiv::StubVScaleLayer>>(*this, "addScaleNd", LayerType::kSCALE, Inputs{&x});
  layer->core.set("mode", mode);
  layer->core.set("channelAxis", axis);
  layer->core.set_weights("shift", shift);
  layer->core.set_weights("scale", scale);
  layer->core.set_weights("power", power);
  return give(std::move(layer));
}

IActivationLayer* FakeNetwork::addActivation(ITensor& x, ActivationType type) noexcept {
  auto layer = made<FakeActivation>(*this, "addActivation", LayerType::kACTIVATION, Inputs{&x});
  layer->core.set("activationType", type);
  return give(std::move(layer));
}

IParametricReLULayer* FakeNetwork::addParametricReLU(ITensor& x, ITensor& slopes) noexcept { return give(made<FakeLayer<IParametricReLULayer, apiv::StubVParametricReLULayer>>(*this, "addParametricReLU", LayerType::kPARAMETRIC_RELU, Inputs{&x, &slopes})); }

IElementWiseLayer* FakeNetwork::addElementWise(ITensor& a, ITensor& b, ElementWiseOperation operation) noexcept {
  auto layer = made<FakeLayer<IElementWiseLayer, apiv::StubVElementWiseLayer>>(*this, "addElementWise", LayerType::kELEMENTWISE, Inputs{&a, &b});
  layer->core.set("operation", operation);
  return give(std::move(layer));
}

IUnaryLayer* FakeNetwork::addUnary(ITensor& x, UnaryOperation operation) noexcept {
  auto layer = made<FakeLayer<IUnaryLayer, apiv::StubVUnaryLayer>>(*this, "addUnary", LayerType::kUNARY, Inputs{&x});
  layer->core.set("operation", operation);
  return give(std::move(layer));
}

IReduceLayer* FakeNetwork::addReduce(ITensor& x, ReduceOperation operation, std::uint32_t axes, bool keep) noexcept {
  auto layer = made<FakeLayer<IReduceLayer, apiv::StubVReduceLayer>>(*this, "addReduce", LayerType::kREDUCE, Inputs{&x});
  layer->core.set("operation", operation);
  layer->core.set("reduceAxes", axes);
  layer->core.set("keepDimensions", keep);
  return give(std::move(layer));
}

ISoftMaxLayer* FakeNetwork::addSoftMax(ITensor& x) noexcept { return give(made<FakeSoftMax>(*this, "addSoftMax", LayerType::kSOFTMAX, Inputs{&x})); }

IMatrixMultiplyLayer* FakeNetwork::addMatrixMultiply(ITensor& a, MatrixOperation operation_a, ITensor& b, MatrixOperation operation_b) noexcept {
  auto layer = made<FakeLayer<IMatrixMultiplyLayer, apiv::StubVMatrixMultiplyLayer>>(*this, "addMatrixMultiply", LayerType::kMATRIX_MULTIPLY, Inputs{&a, &b});
  layer->core.set("operation0", operation_a);
  layer->core.set("operation1", operation_b);
  return give(std::move(layer));
}

IConcatenationLayer* FakeNetwork::addConcatenation(ITensor* const* given, std::int32_t count) noexcept { return give(made<FakeConcatenation>(*this, "addConcatenation", LayerType::kCONCATENATION, Inputs(given, given + count))); }

IConstantLayer* FakeNetwork::addConstant(DimsIn dims, Weights weights) noexcept {
  auto layer = made<FakeLayer<IConstantLayer, apiv::StubVConstantLayer>>(*this, "addConstant", LayerType::kCONSTANT, Inputs{});
  layer->core.set("dimensions", dims);
  layer->core.set_weights("weights", weights);
  TensorRow facts;
  facts.dtype = static_cast<int>(weights.type);
  for (const std::int64_t size : sizes_of(dims)) {
    facts.dims.push_back({size});
  }
  static_cast<FakeTensor*>(layer->core.getOutput(0))->know(facts);
  return give(std::move(layer));
}

ISliceLayer* FakeNetwork::addSlice(ITensor& x, DimsIn start, DimsIn size, DimsIn stride) noexcept {
  auto layer = made<FakeSlice>(*this, "addSlice", LayerType::kSLICE, Inputs{&x});
  layer->core.or_input(1, "start");
  layer->core.or_input(2, "size");
  layer->core.or_input(3, "stride");
  layer->core.set("start", start);
  layer->core.set("size", size);
  layer->core.set("stride", stride);
  return give(std::move(layer));
}

IShapeLayer* FakeNetwork::addShape(ITensor& x) noexcept { return give(made<FakeLayer<IShapeLayer, apiv::StubVShapeLayer>>(*this, "addShape", LayerType::kSHAPE, Inputs{&x})); }

IShuffleLayer* FakeNetwork::addShuffle(ITensor& x) noexcept {
  auto layer = made<FakeShuffle>(*this, "addShuffle", LayerType::kSHUFFLE, Inputs{&x});
  layer->core.or_input(1, "reshapeDimensions");
  layer->core.set("zeroIsPlaceholder", true);  // as in TensorRT, by default
  return give(std::move(layer));
}

IGatherLayer* FakeNetwork::addGatherV2(ITensor& data, ITensor& indices, GatherMode mode) noexcept {
  auto layer = made<FakeGather>(*this, "addGatherV2", LayerType::kGATHER, Inputs{&data, &indices});
  layer->core.set("mode", mode);
  return give(std::move(layer));
}

IResizeLayer* FakeNetwork::addResize(ITensor& x) noexcept {
  auto layer = made<FakeResize>(*this, "addResize", LayerType::kRESIZE, Inputs{&x});
  layer->core.or_input(1, "outputDimensions");
  layer->core.or_input(1, "scales");
  return give(std::move(layer));
}

ITopKLayer* FakeNetwork::addTopK(ITensor& x, TopKOperation operation, std::int32_t k, std::uint32_t axes) noexcept { return addTopKV2(x, operation, k, axes, DataType::kINT32); }

ITopKLayer* FakeNetwork::addTopKV2(ITensor& x, TopKOperation operation, std::int32_t k, std::uint32_t axes, DataType indices) noexcept {
  auto layer = made<FakeLayer<ITopKLayer, apiv::StubVTopKLayer>>(*this, "addTopK", LayerType::kTOPK, Inputs{&x}, 2);
  layer->core.set("operation", operation);
  layer->core.set("k", k);
  layer->core.set("reduceAxes", axes);
  if (indices != DataType::kINT32) {
    layer->core.set("indicesType", indices);
  }
  return give(std::move(layer));
}

IFillLayer* FakeNetwork::addFill(DimsIn dims, FillOperation operation) noexcept {
  auto layer = made<FakeFill>(*this, "addFill", LayerType::kFILL, Inputs{});
  layer->core.or_input(0, "dimensions");
  layer->core.set("dimensions", dims);
  layer->core.set("operation", operation);
  return give(std::move(layer));
}

IFillLayer* FakeNetwork::addFillV2(DimsIn dims, FillOperation operation, DataType type) noexcept {
  auto layer = made<FakeFill>(*this, "addFill", LayerType::kFILL, Inputs{});
  layer->core.or_input(0, "dimensions");
  layer->core.set("dimensions", dims);
  layer->core.set("operation", operation);
  layer->core.set("toType", type);
  return give(std::move(layer));
}

INMSLayer* FakeNetwork::addNMS(ITensor& boxes, ITensor& scores, ITensor& most) noexcept { return addNMSV2(boxes, scores, most, DataType::kINT32); }

INMSLayer* FakeNetwork::addNMSV2(ITensor& boxes, ITensor& scores, ITensor& most, DataType indices) noexcept {
  auto layer = made<FakeNms>(*this, "addNMS", LayerType::kNMS, Inputs{&boxes, &scores, &most}, 2);
  if (indices != DataType::kINT32) {
    layer->core.set("indicesType", indices);
  }
  return give(std::move(layer));
}

ISelectLayer* FakeNetwork::addSelect(ITensor& condition, ITensor& a, ITensor& b) noexcept { return give(made<FakeLayer<ISelectLayer, apiv::StubVSelectLayer>>(*this, "addSelect", LayerType::kSELECT, Inputs{&condition, &a, &b})); }

IIdentityLayer* FakeNetwork::addIdentity(ITensor& x) noexcept { return give(made<FakeLayer<IIdentityLayer, apiv::StubVIdentityLayer>>(*this, "addIdentity", LayerType::kIDENTITY, Inputs{&x})); }

IEinsumLayer* FakeNetwork::addEinsum(ITensor* const* given, std::int32_t count, char const* equation) noexcept {
  auto layer = made<FakeLayer<IEinsumLayer, apiv::StubVEinsumLayer>>(*this, "addEinsum", LayerType::kEINSUM, Inputs(given, given + count));
  layer->core.set_json("equation", json_text(equation));
  return give(std::move(layer));
}

IQuantizeLayer* FakeNetwork::addQuantize(ITensor& x, ITensor& scale) noexcept { return give(made<FakeQuantize>(*this, "addQuantize", LayerType::kQUANTIZE, Inputs{&x, &scale})); }

IQuantizeLayer* FakeNetwork::addQuantizeV2(ITensor& x, ITensor& scale, DataType type) noexcept {
  auto layer = made<FakeQuantize>(*this, "addQuantize", LayerType::kQUANTIZE, Inputs{&x, &scale});
  layer->core.set("toType", type);
  return give(std::move(layer));
}

IDequantizeLayer* FakeNetwork::addDequantize(ITensor& x, ITensor& scale) noexcept { return give(made<FakeDequantize>(*this, "addDequantize", LayerType::kDEQUANTIZE, Inputs{&x, &scale})); }

IDequantizeLayer* FakeNetwork::addDequantizeV2(ITensor& x, ITensor& scale, DataType type) noexcept {
  auto layer = made<FakeDequantize>(*this, "addDequantize", LayerType::kDEQUANTIZE, Inputs{&x, &scale});
  layer->core.set("toType", type);
  return give(std::move(layer));
}

#if NV_TENSORRT_MAJOR * 100 + NV_TENSORRT_MINOR >= 806
ICastLayer* FakeNetwork::addCast(ITensor& x, DataType type) noexcept {
  auto layer = made<FakeLayer<ICastLayer, apiv::StubVCastLayer>>(*this, "addCast", LayerType::kCAST, Inputs{&x});
  layer->core.set("toType", type);
  return give(std::move(layer));
}

INormalizationLayer* FakeNetwork::addNormalization(ITensor& x, ITensor& scale, ITensor& bias, std::uint32_t axes) noexcept {
  auto layer = made<FakeNormalization>(*this, "addNormalization", LayerType::kNORMALIZATION, Inputs{&x, &scale, &bias});
  layer->core.set("axes", axes);
  layer->core.set("nbGroups", 1);  // as in TensorRT, by default
  return give(std::move(layer));
}

INormalizationLayer* FakeNetwork::addNormalizationV2(ITensor& x, ITensor& scale, ITensor& bias, std::uint32_t axes) noexcept { return addNormalization(x, scale, bias, axes); }
#endif

}  // namespace gencpp_double
