// Layers with weights.
#include "network/trt_layers.hpp"

namespace {= name =}::trt {
namespace {

// Ones in front of `dims`, so that it has `rank` dimensions.
Dims padded(const Dims& dims, std::int32_t rank) {
  Dims made;
  for (std::size_t i = dims.size(); i < static_cast<std::size_t>(rank) && made.push_back(1); ++i) {
  }
  for (const std::int64_t size : dims) {
    if (!made.push_back(size)) {
      throw LayerError(to_string(dims) + " has more dimensions than tensors here can have, once it is padded to " +
          std::to_string(rank));
    }
  }
  return made;
}

// The kernel's size, from weights (out, in, size...).
nvinfer1::Dims kernel_of(const std::string& layer, const Dims& dims) {
  Dims kernel;
  for (std::size_t i = 2; i < dims.size() && kernel.push_back(dims[i]); ++i) {
  }
  if (kernel.empty()) {
    throw LayerError("layer '" + layer + "': its weights are " + to_string(dims) + ", which is no kernel");
  }
  return to_trt(kernel);
}

template <typename Layer>
void move_window(Layer& layer, const std::string& name, const Window& window, std::int32_t rank) {
  layer.setStrideNd(window.stride_.of(rank, name));
  layer.setPrePadding(window.pre_padding_.of(rank, name));
  layer.setPostPadding(window.post_padding_.of(rank, name));
  layer.setDilationNd(window.dilation_.of(rank, name));
  layer.setNbGroups(static_cast<Extent>(window.groups_));
}

}  // namespace

ITensor* Layers::convolution(ITensor* x, const std::string& name, const Window& window) {
  return convolution(x, name, window, name + ".weight", optional(name + ".bias"));
}

ITensor* Layers::convolution(
    ITensor* x, const std::string& name, const Window& window, const std::string& weight, const std::string& bias) {
  const Weights::Array& kernel = array(name, weight);
  const nvinfer1::Dims size = kernel_of(name, kernel.dims);
  const nvinfer1::Weights none{kernel.values.type, nullptr, 0};
  const std::int64_t maps = kernel.dims[0];
  auto& layer = made(network_->addConvolutionNd(*x, static_cast<Extent>(maps), size, kernel.values,
                         bias.empty() ? none : array(name, bias).values),
      name, {x});
  move_window(layer, name, window, size.nbDims);
  return finished(layer);
}

ITensor* Layers::deconvolution(ITensor* x, const std::string& name, const Window& window) {
  return deconvolution(x, name, window, name + ".weight", optional(name + ".bias"));
}

ITensor* Layers::deconvolution(
    ITensor* x, const std::string& name, const Window& window, const std::string& weight, const std::string& bias) {
  const Weights::Array& kernel = array(name, weight);
  const nvinfer1::Dims size = kernel_of(name, kernel.dims);
  const nvinfer1::Weights none{kernel.values.type, nullptr, 0};
  const std::int64_t maps = kernel.dims[1] * window.groups_;
  auto& layer = made(network_->addDeconvolutionNd(*x, static_cast<Extent>(maps), size, kernel.values,
                         bias.empty() ? none : array(name, bias).values),
      name, {x});
  move_window(layer, name, window, size.nbDims);
  return finished(layer);
}

ITensor* Layers::linear(ITensor* x, const std::string& name) {
  return linear(x, name, name + ".weight", optional(name + ".bias"));
}

ITensor* Layers::linear(ITensor* x, const std::string& name, const std::string& weight, const std::string& bias) {
  return dense(x, name, nvinfer1::MatrixOperation::kTRANSPOSE, weight, bias);
}

ITensor* Layers::project(ITensor* x, const std::string& name) {
  return project(x, name, name + ".weight", optional(name + ".bias"));
}

ITensor* Layers::project(ITensor* x, const std::string& name, const std::string& weight, const std::string& bias) {
  return dense(x, name, nvinfer1::MatrixOperation::kNONE, weight, bias);
}

// TensorRT's own fully connected layer is gone since 10.
ITensor* Layers::dense(ITensor* x, const std::string& name, nvinfer1::MatrixOperation operation,
    const std::string& weight, const std::string& bias) {
  const std::int32_t rank = x->getDimensions().nbDims;
  ITensor* matrix = weight_constant(name, weight, padded(array(name, weight).dims, rank));
  const std::string product = bias.empty() ? name : name + "/matmul";
  ITensor* y = finished(made(
      network_->addMatrixMultiply(*x, nvinfer1::MatrixOperation::kNONE, *matrix, operation), product, {x, matrix}));
  if (bias.empty()) {
    return y;
  }
  return add(y, weight_constant(name, bias, padded(array(name, bias).dims, rank)), name);
}

ITensor* Layers::scale(ITensor* x, const std::string& name) {
  return scale(x, name, name + ".scale", optional(name + ".shift"));
}

ITensor* Layers::scale(ITensor* x, const std::string& name, const std::string& scale, const std::string& shift) {
  const nvinfer1::Weights factors = array(name, scale).values;
  const nvinfer1::Weights none{factors.type, nullptr, 0};
  return finished(made(network_->addScaleNd(*x, nvinfer1::ScaleMode::kCHANNEL,
                           shift.empty() ? none : array(name, shift).values, factors, none, 1),
      name, {x}));
}

ITensor* Layers::normalization(ITensor* x, const std::string& name, const Dims& axes, const Dims& dims, float epsilon) {
  return normalization(x, name, axes, dims, epsilon, name + ".weight", name + ".bias");
}

ITensor* Layers::normalization(ITensor* x, const std::string& name, const Dims& axes, const Dims& dims, float epsilon,
    const std::string& weight, const std::string& bias) {
  if (!kHasNormalization) {
    return written_normalization(x, name, axes, dims, epsilon, weight, bias);
  }
  ITensor* scale = weight_constant(name, weight, dims);
  ITensor* shift = weight_constant(name, bias, dims);
  return finished(
      made(add_normalization(*network_, *x, *scale, *shift, mask_of(axes, name), epsilon), name, {x, scale, shift}));
}

ITensor* Layers::written_normalization(ITensor* x, const std::string& name, const Dims& axes, const Dims& dims,
    float epsilon, const std::string& weight, const std::string& bias) {
  ITensor* centred = subtract(x, mean(x, name + "/mean", axes, true), name + "/centred");
  ITensor* squared = multiply(centred, centred, name + "/squared");
  ITensor* variance = mean(squared, name + "/variance", axes, true);
  ITensor* stable = add(variance, scalar(x, name + "/epsilon", static_cast<double>(epsilon)), name + "/stable");
  ITensor* deviation = unary(stable, name + "/deviation", nvinfer1::UnaryOperation::kSQRT);
  ITensor* normalized = divide(centred, deviation, name + "/normalized");
  ITensor* scaled = multiply(normalized, weight_constant(name, weight, dims), name + "/scaled");
  return add(scaled, weight_constant(name, bias, dims), name);
}

ITensor* Layers::quantize(ITensor* x, const std::string& name, const std::string& scale, std::int32_t axis) {
  const Dims dims = array(name, scale).dims;
  ITensor* steps = weight_constant(name, scale, dims);
  auto& layer = made(add_quantize(*network_, *x, *steps), name, {x, steps});
  layer.setAxis(dims.empty() ? -1 : axis);  // -1: one scale for the whole tensor
  return finished(layer);
}

ITensor* Layers::dequantize(ITensor* x, const std::string& name, const std::string& scale, std::int32_t axis) {
  const Dims dims = array(name, scale).dims;
  ITensor* steps = weight_constant(name, scale, dims);
  auto& layer = made(add_dequantize(*network_, *x, *steps), name, {x, steps});
  layer.setAxis(dims.empty() ? -1 : axis);
  return finished(layer);
}

}  // namespace {= name =}::trt
