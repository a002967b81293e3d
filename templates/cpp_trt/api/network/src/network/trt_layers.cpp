// What all layers share: names, errors, constants. Other files have the layers themselves.
#include "network/trt_layers.hpp"

#include <cstring>
#include <limits>
#include <optional>

#include "exact_math.hpp"
#include "facts.hpp"

#include "tensorrt/trt_logger.hpp"

namespace {= name =}::trt {
namespace {

template <typename T>
void append(std::vector<std::uint8_t>& bytes, T value) {
  std::uint8_t raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  bytes.insert(bytes.end(), raw, raw + sizeof value);
}

void append_as(std::vector<std::uint8_t>& bytes, DType type, double value) {
  switch (type) {
    case DType::float16:
      return append(bytes, float_to_half(static_cast<float>(value)));
    case DType::bfloat16:
      return append(bytes, float_to_bfloat16(static_cast<float>(value)));
    case DType::int8:
      return append(bytes, static_cast<std::int8_t>(value));
    case DType::uint8:
      return append(bytes, static_cast<std::uint8_t>(value));
    case DType::int32:
      return append(bytes, static_cast<std::int32_t>(value));
    case DType::int64:
      return append(bytes, static_cast<std::int64_t>(value));
    case DType::boolean:
      return append(bytes, static_cast<std::uint8_t>(value != 0.0));
    default:
      return append(bytes, static_cast<float>(value));
  }
}

std::string list_text(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

}  // namespace

Dims listed(std::initializer_list<std::int64_t> sizes) {
  Dims dims;
  for (const std::int64_t size : sizes) {
    if (!dims.push_back(size)) {
      throw LayerError(std::to_string(sizes.size()) + " sizes are given where at most " +
          std::to_string(Dims::kMaxRank) + " can be");
    }
  }
  return dims;
}

nvinfer1::Dims Spatial::of(std::int32_t rank, const std::string& layer) const {
  Dims dims = each_;
  for (std::int32_t i = 0; each_.empty() && i < rank && dims.push_back(all_); ++i) {
  }
  if (rank < 1 || dims.size() != static_cast<std::size_t>(rank)) {
    throw LayerError("layer '" + layer + "': " + std::to_string(dims.size()) + " sizes of a window for " +
        std::to_string(rank) + " spatial dimensions");
  }
  return to_trt(dims);
}

Window Window::stride(Spatial value) const {
  Window made = *this;
  made.stride_ = value;
  return made;
}

Window Window::padding(Spatial both) const { return padding(both, both); }

Window Window::padding(Spatial begin, Spatial end) const {
  Window made = *this;
  made.pre_padding_ = begin;
  made.post_padding_ = end;
  return made;
}

Window Window::dilation(Spatial value) const {
  Window made = *this;
  made.dilation_ = value;
  return made;
}

Window Window::groups(std::int64_t count) const {
  Window made = *this;
  made.groups_ = count;
  return made;
}

Window Window::ceil() const {
  Window made = *this;
  made.ceil_ = true;
  return made;
}

Window Window::exclude_padding() const {
  Window made = *this;
  made.exclude_padding_ = true;
  return made;
}

Layers::Layers(nvinfer1::INetworkDefinition& network, Weights& weights, Logger& logger)
    : network_(&network), weights_(&weights), logger_(&logger) {}

// --- border ---

ITensor* Layers::input(const std::string& name) {
  for (const TensorInfo& info : input_infos()) {
    if (info.name != name) {
      continue;
    }
    const std::optional<nvinfer1::DataType> type = to_trt(info.dtype);
    ITensor* tensor = type ? network_->addInput(name.c_str(), *type, to_trt(info.dims)) : nullptr;
    if (tensor == nullptr) {
      throw LayerError("input '" + name + "', " + to_string(info.dtype) + " " + to_string(info.dims) + ", is refused" +
          logger_->reasons());
    }
    return tensor;
  }
  throw LayerError("input '" + name + "' is not in model_info.hpp");
}

void Layers::output(ITensor* x, const std::string& name) {
  if (x->isNetworkInput() || x->isNetworkOutput()) {
    throw LayerError("output '" + name + "' is an input or another output, '" + std::string(x->getName()) +
        "': give it a layer of its own, identity()");
  }
  x->setName(name.c_str());
  network_->markOutput(*x);
}

// --- constants ---

ITensor* Layers::constant(const std::string& name) { return constant(name, name, array(name, name).dims); }

ITensor* Layers::constant(const std::string& name, const std::string& weight, const Dims& dims) {
  const Weights::Array& found = array(name, weight);
  if (dims.elements() != found.values.count) {
    throw LayerError("layer '" + name + "': weights '" + weight + "' are " + to_string(found.dims) +
        ", which cannot be seen as " + to_string(dims));
  }
  return finished(made(network_->addConstant(to_trt(dims), found.values), name, {}));
}

ITensor* Layers::constant(
    const std::string& name, const Dims& dims, std::initializer_list<double> values, nvinfer1::DataType type) {
  return written_constant(name, dims, type, values);
}

ITensor* Layers::integers(const std::string& name, const Dims& dims, std::initializer_list<std::int64_t> values) {
  return integer_constant(name, dims, values);
}

ITensor* Layers::written_constant(
    const std::string& name, const Dims& dims, nvinfer1::DataType type, const std::vector<double>& values) {
  const std::optional<DType> dtype = from_trt(type);
  if (!dtype || static_cast<std::int64_t>(values.size()) != dims.elements()) {
    throw LayerError("layer '" + name + "': " + std::to_string(values.size()) + " values for " + to_string(dims) +
        (dtype ? "" : " of a type that constants here do not have"));
  }
  std::vector<std::uint8_t>& bytes = values_.emplace_back();
  for (const double value : values) {
    append_as(bytes, *dtype, value);
  }
  const nvinfer1::Weights weights{type, bytes.data(), dims.elements()};
  return finished(made(network_->addConstant(to_trt(dims), weights), name, {}));
}

ITensor* Layers::integer_constant(const std::string& name, const Dims& dims, const std::vector<std::int64_t>& values) {
  if (static_cast<std::int64_t>(values.size()) != dims.elements()) {
    throw LayerError("layer '" + name + "': " + std::to_string(values.size()) + " values for " + to_string(dims));
  }
  std::vector<std::uint8_t>& bytes = values_.emplace_back();
  for (const std::int64_t value : values) {
    if (from_trt(kIndexType) == DType::int64) {
      append(bytes, value);
      continue;
    }
    if (value < std::numeric_limits<std::int32_t>::min() || value > std::numeric_limits<std::int32_t>::max()) {
      throw LayerError("layer '" + name + "': " + std::to_string(value) + " is beyond int32, which " + kProduct + " " +
          to_string(kHeaders) + " has for indices");
    }
    append(bytes, static_cast<std::int32_t>(value));
  }
  const nvinfer1::Weights weights{kIndexType, bytes.data(), dims.elements()};
  return finished(made(network_->addConstant(to_trt(dims), weights), name, {}));
}

ITensor* Layers::scalar(ITensor* x, const std::string& name, double value) {
  Dims ones;
  for (std::int32_t i = 0; i < x->getDimensions().nbDims && ones.push_back(1); ++i) {
  }
  return written_constant(name, ones, x->getType(), {value});
}

// Called as its weights where no other layer is.
ITensor* Layers::weight_constant(const std::string& layer, const std::string& weight, const Dims& dims) {
  return constant(names_.count(weight) == 0 ? weight : layer + "/" + weight, weight, dims);
}

const Weights::Array& Layers::array(const std::string& layer, const std::string& weight) {
  if (const Weights::Array* found = weights_->use(weight)) {
    return *found;
  }
  const std::vector<std::string> near = weights_->near(weight);
  throw LayerError("layer '" + layer + "': there are no weights '" + weight + "' in assets/weights.bin" +
      (near.empty() ? "" : "; it has " + list_text(near)));
}

std::string Layers::optional(const std::string& weight) const { return weights_->has(weight) ? weight : std::string(); }

std::uint32_t Layers::mask_of(const Dims& axes, const std::string& layer) {
  std::uint32_t mask = 0;
  for (const std::int64_t axis : axes) {
    if (axis < 0 || axis >= static_cast<std::int64_t>(Dims::kMaxRank)) {
      throw LayerError("layer '" + layer + "': there is no axis " + std::to_string(axis) + "; they are counted from 0");
    }
    mask |= 1U << static_cast<std::uint32_t>(axis);
  }
  return mask;
}

// --- names and errors ---

ITensor* Layers::finished(nvinfer1::ILayer& layer, std::int32_t output) {
  ITensor* tensor = layer.getOutput(output);
  if (tensor == nullptr || tensor->getDimensions().nbDims < 0) {
    std::string inputs;
    for (std::int32_t i = 0; i < layer.getNbInputs(); ++i) {
      const ITensor* input = layer.getInput(i);
      inputs +=
          (i == 0 ? "" : ", ") + (input == nullptr ? std::string("none") : to_string(from_trt(input->getDimensions())));
    }
    throw LayerError(
        "layer '" + std::string(layer.getName()) + "' does not fit its inputs (" + inputs + ")" + logger_->reasons());
  }
  return tensor;
}

void Layers::refuse(const std::string& name, const Inputs& inputs) {
  std::string shapes;
  for (const ITensor* input : inputs) {
    shapes += (shapes.empty() ? "" : ", ") + to_string(from_trt(input->getDimensions()));
  }
  throw LayerError(
      "layer '" + name + "' cannot be made" + (shapes.empty() ? "" : " for inputs of " + shapes) + logger_->reasons());
}

std::string Layers::unique(const std::string& name) {
  std::string found = name;
  for (int number = 2; !names_.insert(found).second; ++number) {
    found = name + "_" + std::to_string(number);
  }
  return found;
}

}  // namespace {= name =}::trt
