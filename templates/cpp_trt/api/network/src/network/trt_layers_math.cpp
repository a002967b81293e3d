// Activations, pools, reductions and arithmetic.
#include <cmath>

#include "network/trt_layers.hpp"

namespace {= name =}::trt {
namespace {

using nvinfer1::ActivationType;
using nvinfer1::ElementWiseOperation;

nvinfer1::MatrixOperation operation_of(bool transpose) {
  return transpose ? nvinfer1::MatrixOperation::kTRANSPOSE : nvinfer1::MatrixOperation::kNONE;
}

}  // namespace

// --- activations ---

ITensor* Layers::relu(ITensor* x, const std::string& name) { return activation(x, name, ActivationType::kRELU); }

ITensor* Layers::sigmoid(ITensor* x, const std::string& name) { return activation(x, name, ActivationType::kSIGMOID); }

ITensor* Layers::tanh(ITensor* x, const std::string& name) { return activation(x, name, ActivationType::kTANH); }

ITensor* Layers::clip(ITensor* x, const std::string& name, float low, float high) {
  return activation(x, name, ActivationType::kCLIP, low, high);
}

// Not TensorRT's own activation, which 8.x lacks; the builder fuses these layers into one.
ITensor* Layers::gelu(ITensor* x, const std::string& name) {
  ITensor* inside = multiply(x, scalar(x, name + "/sqrt_half", std::sqrt(0.5)), name + "/inside");
  ITensor* curve = unary(inside, name + "/erf", nvinfer1::UnaryOperation::kERF);
  ITensor* raised = add(curve, scalar(x, name + "/one", 1.0), name + "/raised");
  ITensor* twice = multiply(x, raised, name + "/twice");
  return multiply(twice, scalar(x, name + "/half", 0.5), name);
}

// x / 2 (1 + tanh(b (x + a x^3)))
ITensor* Layers::gelu_tanh(ITensor* x, const std::string& name) {
  constexpr double kA = 0.044715;
  constexpr double kB = 0.7978845608028654;  // sqrt(2 / pi)
  ITensor* squared = multiply(x, x, name + "/squared");
  ITensor* cubed = multiply(squared, x, name + "/cubed");
  ITensor* bent = multiply(cubed, scalar(x, name + "/a", kA), name + "/bent");
  ITensor* sum = add(x, bent, name + "/sum");
  ITensor* inside = multiply(sum, scalar(x, name + "/b", kB), name + "/inside");
  ITensor* curve = tanh(inside, name + "/tanh");
  ITensor* raised = add(curve, scalar(x, name + "/one", 1.0), name + "/raised");
  ITensor* twice = multiply(x, raised, name + "/twice");
  return multiply(twice, scalar(x, name + "/half", 0.5), name);
}

ITensor* Layers::silu(ITensor* x, const std::string& name) { return multiply(x, sigmoid(x, name + "/sigmoid"), name); }

ITensor* Layers::hard_swish(ITensor* x, const std::string& name) {
  return multiply(x,
      activation(x, name + "/hard_sigmoid", ActivationType::kHARD_SIGMOID, static_cast<float>(1.0 / 6.0), 0.5F), name);
}

ITensor* Layers::parametric_relu(ITensor* x, ITensor* slopes, const std::string& name) {
  return finished(made(network_->addParametricReLU(*x, *slopes), name, {x, slopes}));
}

ITensor* Layers::activation(ITensor* x, const std::string& name, ActivationType type, float alpha, float beta) {
  auto& layer = made(network_->addActivation(*x, type), name, {x});
  layer.setAlpha(alpha);
  layer.setBeta(beta);
  return finished(layer);
}

ITensor* Layers::softmax(ITensor* x, const std::string& name, std::int32_t axis) {
  auto& layer = made(network_->addSoftMax(*x), name, {x});
  layer.setAxes(mask_of({axis}, name));
  return finished(layer);
}

// --- pools and reductions ---

ITensor* Layers::max_pool(ITensor* x, const std::string& name, const Window& window) {
  return pool(x, name, nvinfer1::PoolingType::kMAX, window);
}

ITensor* Layers::average_pool(ITensor* x, const std::string& name, const Window& window) {
  return pool(x, name, nvinfer1::PoolingType::kAVERAGE, window);
}

ITensor* Layers::pool(ITensor* x, const std::string& name, nvinfer1::PoolingType type, const Window& window) {
  const std::int32_t rank = x->getDimensions().nbDims - 2;
  auto& layer = made(network_->addPoolingNd(*x, type, window.size_.of(rank, name)), name, {x});
  layer.setStrideNd(window.stride_.of(rank, name));
  layer.setPrePadding(window.pre_padding_.of(rank, name));
  layer.setPostPadding(window.post_padding_.of(rank, name));
  layer.setPaddingMode(
      window.ceil_ ? nvinfer1::PaddingMode::kEXPLICIT_ROUND_UP : nvinfer1::PaddingMode::kEXPLICIT_ROUND_DOWN);
  layer.setAverageCountExcludesPadding(window.exclude_padding_);
  return finished(layer);
}

ITensor* Layers::mean(ITensor* x, const std::string& name, const Dims& axes, bool keep) {
  return reduce(x, name, nvinfer1::ReduceOperation::kAVG, axes, keep);
}

ITensor* Layers::reduce(
    ITensor* x, const std::string& name, nvinfer1::ReduceOperation operation, const Dims& axes, bool keep) {
  return finished(made(network_->addReduce(*x, operation, mask_of(axes, name), keep), name, {x}));
}

TopK Layers::top_k(
    ITensor* x, const std::string& name, nvinfer1::TopKOperation operation, std::int32_t k, std::int32_t axis) {
  auto& layer = made(add_top_k(*network_, *x, operation, k, mask_of({axis}, name)), name, {x});
  return TopK{finished(layer, 0), finished(layer, 1)};
}

ITensor* Layers::non_max_suppression(ITensor* boxes, ITensor* scores, const std::string& name, const Suppression& how) {
  ITensor* most = written_constant(name + "/most", {}, nvinfer1::DataType::kINT32, {static_cast<double>(how.most)});
  ITensor* overlap =
      written_constant(name + "/overlap", {}, nvinfer1::DataType::kFLOAT, {static_cast<double>(how.overlap)});
  ITensor* score = written_constant(name + "/score", {}, nvinfer1::DataType::kFLOAT, {static_cast<double>(how.score)});
  auto& layer = made(add_nms(*network_, *boxes, *scores, *most), name, {boxes, scores});
  layer.setInput(3, *overlap);
  layer.setInput(4, *score);
  layer.setBoundingBoxFormat(
      how.centred ? nvinfer1::BoundingBoxFormat::kCENTER_SIZES : nvinfer1::BoundingBoxFormat::kCORNER_PAIRS);
  layer.setTopKBoxLimit(how.limit);
  return finished(layer);
}

// --- arithmetic ---

ITensor* Layers::add(ITensor* a, ITensor* b, const std::string& name) {
  return elementwise(a, b, name, ElementWiseOperation::kSUM);
}

ITensor* Layers::subtract(ITensor* a, ITensor* b, const std::string& name) {
  return elementwise(a, b, name, ElementWiseOperation::kSUB);
}

ITensor* Layers::multiply(ITensor* a, ITensor* b, const std::string& name) {
  return elementwise(a, b, name, ElementWiseOperation::kPROD);
}

ITensor* Layers::divide(ITensor* a, ITensor* b, const std::string& name) {
  return elementwise(a, b, name, ElementWiseOperation::kDIV);
}

ITensor* Layers::elementwise(ITensor* a, ITensor* b, const std::string& name, ElementWiseOperation operation) {
  return finished(made(network_->addElementWise(*a, *b, operation), name, {a, b}));
}

ITensor* Layers::unary(ITensor* x, const std::string& name, nvinfer1::UnaryOperation operation) {
  return finished(made(network_->addUnary(*x, operation), name, {x}));
}

ITensor* Layers::matmul(ITensor* a, ITensor* b, const std::string& name, bool transpose_a, bool transpose_b) {
  return finished(
      made(network_->addMatrixMultiply(*a, operation_of(transpose_a), *b, operation_of(transpose_b)), name, {a, b}));
}

ITensor* Layers::einsum(std::initializer_list<ITensor*> inputs, const std::string& name, const std::string& equation) {
  const std::vector<ITensor*> all(inputs);
  return finished(made(network_->addEinsum(all.data(), static_cast<std::int32_t>(all.size()), equation.c_str()), name,
      {inputs.begin(), inputs.end()}));
}

ITensor* Layers::select(ITensor* condition, ITensor* a, ITensor* b, const std::string& name) {
  return finished(made(network_->addSelect(*condition, *a, *b), name, {condition, a, b}));
}

ITensor* Layers::cast(ITensor* x, const std::string& name, nvinfer1::DataType type) {
  return finished(made(add_cast(*network_, *x, type), name, {x}));
}

ITensor* Layers::identity(ITensor* x, const std::string& name) {
  return finished(made(network_->addIdentity(*x), name, {x}));
}

}  // namespace {= name =}::trt
