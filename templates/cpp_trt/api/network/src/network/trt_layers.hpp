// What network.cpp is written with: one call a layer, named as in the PyTorch model.
#pragma once

#include <NvInfer.h>

#include <cstdint>
#include <initializer_list>
#include <list>
#include <stdexcept>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "{= name =}/tensor.hpp"

#include "network/trt_weights.hpp"
#include "tensorrt/compat.hpp"

namespace {= name =}::trt {

using nvinfer1::ITensor;

class Logger;

// A layer that TensorRT refuses, or a weight that is not there. Caught in trt_network.cpp.
class LayerError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws LayerError where they are more than Dims holds.
[[nodiscard]] Dims listed(std::initializer_list<std::int64_t> sizes);

// One value for every spatial dimension, or one for each.
class Spatial {
 public:
  Spatial(std::int64_t all) : all_(all) {}                                    // NOLINT: stride(2)
  Spatial(std::initializer_list<std::int64_t> each) : each_(listed(each)) {}  // NOLINT: stride({2, 1})
  [[nodiscard]] nvinfer1::Dims of(
      std::int32_t rank, const std::string& layer) const;  // a list of another length throws

 private:
  std::int64_t all_ = 0;
  Dims each_;
};

// How a convolution or a pool moves over its input. Convolutions take the kernel's size from their weights.
struct Window {
  Spatial size_ = 1;
  Spatial stride_ = 1;
  Spatial pre_padding_ = 0;
  Spatial post_padding_ = 0;
  Spatial dilation_ = 1;
  std::int64_t groups_ = 1;
  bool ceil_ = false;
  bool exclude_padding_ = false;

  Window() = default;
  explicit Window(Spatial size) : size_(std::move(size)) {}
  Window stride(Spatial value) const;
  Window padding(Spatial both) const;  // at both ends
  Window padding(Spatial begin, Spatial end) const;
  Window dilation(Spatial value) const;
  Window groups(std::int64_t count) const;
  Window ceil() const;             // the last window may reach beyond the input
  Window exclude_padding() const;  // an average is over what is not padded
};

// Sizes that are known, or that another part of the network computes.
class Sizes {
 public:
  Sizes(Dims known) : known_(known) {}                                         // NOLINT: either converts
  Sizes(std::initializer_list<std::int64_t> known) : known_(listed(known)) {}  // NOLINT
  Sizes(ITensor* computed) : computed_(computed) {}                            // NOLINT

  [[nodiscard]] const Dims& known() const noexcept { return known_; }
  [[nodiscard]] ITensor* computed() const noexcept { return computed_; }

 private:
  Dims known_;
  ITensor* computed_ = nullptr;
};

// How a tensor is resized; the defaults are those of nvinfer1::IResizeLayer for the nearest neighbour.
struct Interpolation {
  nvinfer1::InterpolationMode mode = nvinfer1::InterpolationMode::kNEAREST;
  nvinfer1::ResizeCoordinateTransformation coordinates = nvinfer1::ResizeCoordinateTransformation::kASYMMETRIC;
  nvinfer1::ResizeRoundMode rounding = nvinfer1::ResizeRoundMode::kFLOOR;
  float cubic_coefficient = -0.75F;
  bool exclude_outside = false;
};

// Transpose, reshape, transpose; what is empty is left out.
struct Reshuffle {
  Dims first_transpose;
  Sizes reshape = Dims{};
  Dims second_transpose;
  bool to_scalar = false;
};

// Which boxes of an item are kept.
struct Suppression {
  std::int32_t most = 0;      // at most as many
  float overlap = 0.0F;       // those that overlap a better one by no more (intersection over union)
  float score = 0.0F;         // those whose score is above it
  bool centred = false;       // boxes are centre and size, else two opposite corners
  std::int32_t limit = 5000;  // looked at: those with the best scores. TensorRT takes no larger one.
};

struct TopK {
  ITensor* values;
  ITensor* indices;  // int32
};

// Adds layers to a network. A layer's weights are `<its name>.weight` and `<its name>.bias` (the latter where
// the file has it), unless others are named. Every call gives its layer the name, throws LayerError where
// TensorRT refuses it, and gives the tensor back, which the network owns.
class Layers {
 public:
  // All three outlive the layers, and these the build: TensorRT copies no weights.
  Layers(nvinfer1::INetworkDefinition& network, Weights& weights, Logger& logger);
  Layers(const Layers&) = delete;
  Layers& operator=(const Layers&) = delete;
  ~Layers() = default;

  // --- border ---
  ITensor* input(const std::string& name);  // of model_info.hpp
  void output(ITensor* x, const std::string& name);

  // --- constants ---
  ITensor* constant(const std::string& name);  // the weights of this name, in their own shape
  ITensor* constant(const std::string& name, const std::string& weight, const Dims& dims);
  ITensor* constant(const std::string& name, const Dims& dims, std::initializer_list<double> values,
      nvinfer1::DataType type = nvinfer1::DataType::kFLOAT);
  ITensor* integers(const std::string& name, const Dims& dims,
      std::initializer_list<std::int64_t> values);  // shapes and indices: int64, on 8.x int32

  // --- with weights ---
  ITensor* convolution(ITensor* x, const std::string& name, const Window& window = {});
  ITensor* convolution(ITensor* x, const std::string& name, const Window& window, const std::string& weight,
      const std::string& bias);  // bias "": none
  ITensor* deconvolution(ITensor* x, const std::string& name, const Window& window = {});
  ITensor* deconvolution(
      ITensor* x, const std::string& name, const Window& window, const std::string& weight, const std::string& bias);
  // x W^T + b over the last dimension, for weights (out, in) as torch.nn.Linear keeps them.
  ITensor* linear(ITensor* x, const std::string& name);
  ITensor* linear(ITensor* x, const std::string& name, const std::string& weight, const std::string& bias);
  // x W + b, for weights (in, out).
  ITensor* project(ITensor* x, const std::string& name);
  ITensor* project(ITensor* x, const std::string& name, const std::string& weight, const std::string& bias);
  // x * <name>.scale + <name>.shift for each channel.
  ITensor* scale(ITensor* x, const std::string& name);
  ITensor* scale(ITensor* x, const std::string& name, const std::string& scale, const std::string& shift);
  // (x - mean) / sqrt(variance + epsilon) * weight + bias, both seen as `dims`; statistics over `axes`.
  ITensor* normalization(ITensor* x, const std::string& name, const Dims& axes, const Dims& dims, float epsilon);
  ITensor* normalization(ITensor* x, const std::string& name, const Dims& axes, const Dims& dims, float epsilon,
      const std::string& weight, const std::string& bias);
  ITensor* quantize(ITensor* x, const std::string& name, const std::string& scale, std::int32_t axis);
  ITensor* dequantize(ITensor* x, const std::string& name, const std::string& scale, std::int32_t axis);

  // --- activations ---
  ITensor* relu(ITensor* x, const std::string& name);
  ITensor* sigmoid(ITensor* x, const std::string& name);
  ITensor* tanh(ITensor* x, const std::string& name);
  ITensor* clip(ITensor* x, const std::string& name, float low, float high);
  ITensor* gelu(ITensor* x, const std::string& name);       // with erf
  ITensor* gelu_tanh(ITensor* x, const std::string& name);  // its approximation
  ITensor* silu(ITensor* x, const std::string& name);
  ITensor* hard_swish(ITensor* x, const std::string& name);
  ITensor* parametric_relu(ITensor* x, ITensor* slopes, const std::string& name);
  ITensor* activation(
      ITensor* x, const std::string& name, nvinfer1::ActivationType type, float alpha = 0.0F, float beta = 0.0F);
  ITensor* softmax(ITensor* x, const std::string& name, std::int32_t axis);

  // --- pools and reductions ---
  ITensor* max_pool(ITensor* x, const std::string& name, const Window& window);
  ITensor* average_pool(ITensor* x, const std::string& name, const Window& window);
  ITensor* mean(ITensor* x, const std::string& name, const Dims& axes, bool keep);
  ITensor* reduce(
      ITensor* x, const std::string& name, nvinfer1::ReduceOperation operation, const Dims& axes, bool keep);
  TopK top_k(ITensor* x, const std::string& name, nvinfer1::TopKOperation operation, std::int32_t k, std::int32_t axis);

  // (kept, 3) of int32: item, 0, box. Boxes are batch x count x 4, scores batch x count x 1.
  ITensor* non_max_suppression(ITensor* boxes, ITensor* scores, const std::string& name, const Suppression& how);

  // --- arithmetic; ranks are equal, dimensions of 1 are broadcast ---
  ITensor* add(ITensor* a, ITensor* b, const std::string& name);
  ITensor* subtract(ITensor* a, ITensor* b, const std::string& name);
  ITensor* multiply(ITensor* a, ITensor* b, const std::string& name);
  ITensor* divide(ITensor* a, ITensor* b, const std::string& name);
  ITensor* elementwise(ITensor* a, ITensor* b, const std::string& name, nvinfer1::ElementWiseOperation operation);
  ITensor* unary(ITensor* x, const std::string& name, nvinfer1::UnaryOperation operation);
  ITensor* matmul(ITensor* a, ITensor* b, const std::string& name, bool transpose_a = false, bool transpose_b = false);
  ITensor* einsum(std::initializer_list<ITensor*> inputs, const std::string& name, const std::string& equation);
  ITensor* select(ITensor* condition, ITensor* a, ITensor* b, const std::string& name);
  ITensor* cast(
      ITensor* x, const std::string& name, nvinfer1::DataType type);  // kINT64 is int32 on 8.x: see kIndexType
  ITensor* identity(ITensor* x, const std::string& name);

  // --- shapes ---
  ITensor* shape(ITensor* x, const std::string& name);
  // 0, 1, 2, ...; the length is a tensor of one element.
  ITensor* iota(ITensor* length, const std::string& name);
  ITensor* reshape(ITensor* x, const std::string& name, const Sizes& sizes);  // 0: as it was; -1: what remains
  ITensor* transpose(ITensor* x, const std::string& name, const Dims& order);
  ITensor* shuffle(ITensor* x, const std::string& name, const Reshuffle& how);
  ITensor* concat(std::initializer_list<ITensor*> inputs, const std::string& name, std::int32_t axis);
  // A size of -1: as long as the input. A stride of 0 repeats.
  ITensor* slice(ITensor* x, const std::string& name, const Sizes& start, const Sizes& size, const Sizes& stride,
      nvinfer1::SampleMode outside = nvinfer1::SampleMode::kSTRICT_BOUNDS, double fill = 0.0);
  ITensor* gather(ITensor* data, ITensor* indices, const std::string& name, std::int32_t axis);
  ITensor* gather(ITensor* data, ITensor* indices, const std::string& name, nvinfer1::GatherMode mode,
      std::int32_t axis, std::int32_t batch_dims);
  ITensor* resize(
      ITensor* x, const std::string& name, const Sizes& sizes, const Interpolation& how);  // a size of -1: as the input
  ITensor* rescale(ITensor* x, const std::string& name, std::initializer_list<float> factors, const Interpolation& how);

 private:
  using Inputs = std::vector<const ITensor*>;

  // The layer under a name that no other has; throws where TensorRT made none.
  template <typename Layer>
  Layer& made(Layer* layer, const std::string& name, const Inputs& inputs) {
    if (layer == nullptr) {
      refuse(name, inputs);
    }
    layer->setName(unique(name).c_str());
    return *layer;
  }
  // Its output, once every setter was called; throws where TensorRT finds no shape for it.
  ITensor* finished(nvinfer1::ILayer& layer, std::int32_t output = 0);
  [[noreturn]] void refuse(const std::string& name, const Inputs& inputs);
  std::string unique(const std::string& name);
  [[nodiscard]] static std::uint32_t mask_of(const Dims& axes, const std::string& layer);

  [[nodiscard]] const Weights::Array& array(const std::string& layer, const std::string& weight);
  [[nodiscard]] std::string optional(const std::string& weight) const;  // "" where the file lacks it
  ITensor* weight_constant(const std::string& layer, const std::string& weight, const Dims& dims);
  ITensor* written_constant(
      const std::string& name, const Dims& dims, nvinfer1::DataType type, const std::vector<double>& values);
  ITensor* integer_constant(const std::string& name, const Dims& dims, const std::vector<std::int64_t>& values);
  ITensor* scalar(ITensor* x, const std::string& name, double value);  // broadcasts over x, in its type

  ITensor* dense(ITensor* x, const std::string& name, nvinfer1::MatrixOperation operation, const std::string& weight,
      const std::string& bias);
  ITensor* written_normalization(ITensor* x, const std::string& name, const Dims& axes, const Dims& dims, float epsilon,
      const std::string& weight, const std::string& bias);
  ITensor* pool(ITensor* x, const std::string& name, nvinfer1::PoolingType type, const Window& window);
  [[nodiscard]] Sizes sizes_like(ITensor* x, const std::string& name, const Sizes& sizes);  // without -1
  ITensor* resized(ITensor* x, const std::string& name, const Sizes* sizes, const std::vector<float>& factors,
      const Interpolation& how);

  nvinfer1::INetworkDefinition* network_;
  Weights* weights_;
  Logger* logger_;
  std::unordered_set<std::string> names_;
  std::list<std::vector<std::uint8_t>> values_;  // that stand in the code
};

// Written by gencpp: network.cpp.
void define_layers(Layers& net);

}  // namespace {= name =}::trt
