#include "inputs.hpp"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <utility>

#include "sample/assets.hpp"
#include "sample/npy.hpp"

#include "input_values.hpp"

namespace sample::bench {
namespace {

// The elements of a golden's input; where there are more items, they come again.
Result<Tensor> repeated(const std::string& file, const TensorInfo& info, const Dims& dims) {
  const Result<std::filesystem::path> path = find_asset("goldens/" + file);
  if (!path) {
    return path.error();
  }
  const Result<Tensor> read = read_npy(*path);
  if (!read) {
    return read.error();
  }
  if (read->dtype() != info.dtype || read->bytes() == 0) {
    return Error{ErrorCode::invalid_argument, "goldens/" + file + " does not fit input " + info.name};
  }
  Tensor tensor(info.dtype, dims);
  const auto* from = static_cast<const unsigned char*>(read->data());
  auto* to = static_cast<unsigned char*>(tensor.data());
  for (std::size_t i = 0; i < tensor.bytes(); ++i) {
    to[i] = from[i % read->bytes()];
  }
  return tensor;
}

}  // namespace

Result<Tensor> random_tensor(std::size_t input, const TensorInfo& info, int batch, unsigned seed) {
  Dims dims = info.opt;
  if (batch > 0 && info.batch_varies()) {
    dims[*info.batch] = batch;
  }
  return random_tensor(input, info, dims, seed);
}

Result<Tensor> random_tensor(std::size_t input, const TensorInfo& info, const Dims& dims, unsigned seed) {
  const InputValues& values = kInputValues.at(input);
  if (*values.golden != '\0') {
    return repeated(values.golden, info, dims);
  }
  Tensor tensor(info.dtype, dims);
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> share(0.0, 1.0);
  std::uniform_int_distribution<std::int64_t> whole(values.first, values.last);
  const auto real = [&] {
    const double high = share(random);
    return static_cast<float>(values.low * (1.0 - high) + values.high * high);
  };
  const std::int64_t count = dims.elements();
  auto* bytes = static_cast<unsigned char*>(tensor.data());
  for (std::int64_t i = 0; i < count; ++i) {
    switch (info.dtype) {
      case DType::float32:
        tensor.data_as<float>()[i] = real();
        break;
      case DType::float64:
        tensor.data_as<double>()[i] = static_cast<double>(real());
        break;
      case DType::int64:
        tensor.data_as<std::int64_t>()[i] = whole(random);
        break;
      case DType::int32:
        tensor.data_as<std::int32_t>()[i] = static_cast<std::int32_t>(whole(random));
        break;
      case DType::float16: {
        const std::uint16_t half = float_to_half(real());
        std::memcpy(bytes + 2 * i, &half, sizeof half);
        break;
      }
      case DType::bfloat16: {
        const std::uint16_t half = float_to_bfloat16(real());
        std::memcpy(bytes + 2 * i, &half, sizeof half);
        break;
      }
      case DType::int16:
        tensor.data_as<std::int16_t>()[i] = static_cast<std::int16_t>(whole(random));
        break;
      case DType::boolean:
      case DType::int8:
      case DType::uint8:
        bytes[i] = static_cast<unsigned char>(whole(random));
        break;
    }
  }
  return tensor;
}

Result<Buffers> make_buffers(const Model& model, int batch, unsigned seed) {
  Buffers buffers;
  for (std::size_t i = 0; i < model.inputs().size(); ++i) {
    Result<Tensor> made = random_tensor(i, model.inputs()[i], batch, seed);
    if (!made) {
      return made.error();
    }
    buffers.inputs.push_back(std::move(made).value());
    buffers.input_views.push_back(buffers.inputs.back().view());
  }
  Result<Outputs> first = model.run(buffers.input_views);
  if (!first) {
    return first.error();
  }
  for (const Tensor& tensor : *first) {
    buffers.outputs.emplace_back(tensor.dtype(), tensor.dims());
    buffers.output_views.push_back(buffers.outputs.back().view());
  }
  return buffers;
}

}  // namespace sample::bench
