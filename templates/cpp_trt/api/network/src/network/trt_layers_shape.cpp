// Layers that move elements, and the arithmetic of shapes.
#include "network/trt_layers.hpp"

namespace {= name =}::trt {
namespace {

nvinfer1::Permutation permutation_of(const Dims& order) {
  nvinfer1::Permutation made{};
  for (std::size_t i = 0; i < order.size(); ++i) {
    made.order[i] = static_cast<std::int32_t>(order[i]);
  }
  return made;
}

// What TensorRT gets beside a tensor of sizes, which it takes instead.
nvinfer1::Dims known_or(const Sizes& sizes, std::int32_t rank, std::int64_t otherwise) {
  if (sizes.computed() == nullptr) {
    return to_trt(sizes.known());
  }
  Dims dims;
  for (std::int32_t i = 0; i < rank && dims.push_back(otherwise); ++i) {
  }
  return to_trt(dims);
}

}  // namespace

ITensor* Layers::shape(ITensor* x, const std::string& name) {
  return finished(made(network_->addShape(*x), name, {x}));
}

ITensor* Layers::iota(ITensor* length, const std::string& name) {
  ITensor* start = integer_constant(name + "/start", {}, {0});
  ITensor* step = integer_constant(name + "/step", {1}, {1});
  auto& layer = made(add_count(*network_), name, {length});
  layer.setInput(0, *length);
  layer.setInput(1, *start);
  layer.setInput(2, *step);
  return finished(layer);
}

ITensor* Layers::reshape(ITensor* x, const std::string& name, const Sizes& sizes) {
  Reshuffle how;
  how.reshape = sizes;
  how.to_scalar = sizes.computed() == nullptr && sizes.known().empty();
  return shuffle(x, name, how);
}

ITensor* Layers::transpose(ITensor* x, const std::string& name, const Dims& order) {
  Reshuffle how;
  how.first_transpose = order;
  return shuffle(x, name, how);
}

ITensor* Layers::shuffle(ITensor* x, const std::string& name, const Reshuffle& how) {
  auto& layer = made(network_->addShuffle(*x), name, {x});
  if (!how.first_transpose.empty()) {
    layer.setFirstTranspose(permutation_of(how.first_transpose));
  }
  if (ITensor* computed = how.reshape.computed()) {
    layer.setInput(1, *computed);
  } else if (how.to_scalar || !how.reshape.known().empty()) {
    layer.setReshapeDimensions(to_trt(how.reshape.known()));
  }
  if (!how.second_transpose.empty()) {
    layer.setSecondTranspose(permutation_of(how.second_transpose));
  }
  return finished(layer);
}

ITensor* Layers::concat(std::initializer_list<ITensor*> inputs, const std::string& name, std::int32_t axis) {
  const std::vector<ITensor*> all(inputs);
  auto& layer = made(network_->addConcatenation(all.data(), static_cast<std::int32_t>(all.size())), name,
      {inputs.begin(), inputs.end()});
  layer.setAxis(axis);
  return finished(layer);
}

ITensor* Layers::slice(ITensor* x, const std::string& name, const Sizes& start, const Sizes& size, const Sizes& stride,
    nvinfer1::SampleMode outside, double fill) {
  const std::int32_t rank = x->getDimensions().nbDims;
  const Sizes sizes = sizes_like(x, name, size);
  ITensor* value =
      outside == nvinfer1::SampleMode::kFILL ? written_constant(name + "/fill", {}, x->getType(), {fill}) : nullptr;
  auto& layer = made(
      network_->addSlice(*x, known_or(start, rank, 0), known_or(sizes, rank, 1), known_or(stride, rank, 1)), name, {x});
  layer.setMode(outside);
  if (start.computed() != nullptr) {
    layer.setInput(1, *start.computed());
  }
  if (sizes.computed() != nullptr) {
    layer.setInput(2, *sizes.computed());
  }
  if (stride.computed() != nullptr) {
    layer.setInput(3, *stride.computed());
  }
  if (value != nullptr) {
    layer.setInput(4, *value);
  }
  return finished(layer);
}

ITensor* Layers::gather(ITensor* data, ITensor* indices, const std::string& name, std::int32_t axis) {
  return gather(data, indices, name, nvinfer1::GatherMode::kDEFAULT, axis, 0);
}

ITensor* Layers::gather(ITensor* data, ITensor* indices, const std::string& name, nvinfer1::GatherMode mode,
    std::int32_t axis, std::int32_t batch_dims) {
  auto& layer = made(network_->addGatherV2(*data, *indices, mode), name, {data, indices});
  layer.setGatherAxis(axis);
  layer.setNbElementWiseDims(batch_dims);
  return finished(layer);
}

ITensor* Layers::resize(ITensor* x, const std::string& name, const Sizes& sizes, const Interpolation& how) {
  const Sizes all = sizes_like(x, name, sizes);
  return resized(x, name, &all, {}, how);
}

ITensor* Layers::rescale(
    ITensor* x, const std::string& name, std::initializer_list<float> factors, const Interpolation& how) {
  return resized(x, name, nullptr, factors, how);
}

ITensor* Layers::resized(ITensor* x, const std::string& name, const Sizes* sizes, const std::vector<float>& factors,
    const Interpolation& how) {
  auto& layer = made(network_->addResize(*x), name, {x});
  layer.setResizeMode(how.mode);
  layer.setCoordinateTransformation(how.coordinates);
  layer.setSelectorForSinglePixel(nvinfer1::ResizeSelector::kFORMULA);
  layer.setNearestRounding(how.rounding);
  layer.setCubicCoeff(how.cubic_coefficient);
  layer.setExcludeOutside(how.exclude_outside);
  if (sizes == nullptr) {
    layer.setScales(factors.data(), static_cast<std::int32_t>(factors.size()));
  } else if (sizes->computed() != nullptr) {
    layer.setInput(1, *sizes->computed());
  } else {
    layer.setOutputDimensions(to_trt(sizes->known()));
  }
  return finished(layer);
}

// -1 becomes the input's size where that is known, and else everything is computed: shape x mask + known.
Sizes Layers::sizes_like(ITensor* x, const std::string& name, const Sizes& sizes) {
  if (sizes.computed() != nullptr) {
    return sizes;
  }
  const Dims own = from_trt(x->getDimensions());
  if (own.size() != sizes.known().size()) {
    throw LayerError(
        "layer '" + name + "': " + std::to_string(sizes.known().size()) + " sizes for an input of " + to_string(own));
  }
  Dims known = own;
  std::vector<std::int64_t> mask;
  std::vector<std::int64_t> rest;
  for (std::size_t i = 0; i < own.size(); ++i) {
    known[i] = sizes.known()[i] == -1 ? own[i] : sizes.known()[i];
    mask.push_back(known[i] == -1 ? 1 : 0);
    rest.push_back(known[i] == -1 ? 0 : known[i]);
  }
  if (!is_dynamic(known)) {
    return known;
  }
  const Dims rank{static_cast<std::int64_t>(own.size())};
  ITensor* all = shape(x, name + "/shape");
  ITensor* kept = multiply(all, integer_constant(name + "/mask", rank, mask), name + "/kept");
  return add(kept, integer_constant(name + "/known", rank, rest), name + "/size");
}

}  // namespace {= name =}::trt
