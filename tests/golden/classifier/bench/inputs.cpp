#include "inputs.hpp"

#include <cstdint>
#include <cstring>
#include <random>
#include <utility>

namespace sample::bench {

Tensor random_tensor(const TensorInfo& info, int batch, unsigned seed) {
  Dims dims = info.opt;
  if (batch > 0 && !dims.empty() && info.dims[0] < 0) {
    dims[0] = batch;
  }
  Tensor tensor(info.dtype, dims);
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> real(-1.0F, 1.0F);
  std::uniform_int_distribution<int> whole(0, 9);
  const std::int64_t count = dims.elements();
  auto* bytes = static_cast<unsigned char*>(tensor.data());
  for (std::int64_t i = 0; i < count; ++i) {
    switch (info.dtype) {
      case DType::float32:
        tensor.data_as<float>()[i] = real(random);
        break;
      case DType::float64:
        tensor.data_as<double>()[i] = static_cast<double>(real(random));
        break;
      case DType::int64:
        tensor.data_as<std::int64_t>()[i] = whole(random);
        break;
      case DType::int32:
        tensor.data_as<std::int32_t>()[i] = whole(random);
        break;
      case DType::float16: {
        const std::uint16_t half = float_to_half(real(random));
        std::memcpy(bytes + 2 * i, &half, sizeof half);
        break;
      }
      case DType::bfloat16: {
        const std::uint16_t half = float_to_bfloat16(real(random));
        std::memcpy(bytes + 2 * i, &half, sizeof half);
        break;
      }
      case DType::int16:
        tensor.data_as<std::int16_t>()[i] = static_cast<std::int16_t>(whole(random));
        break;
      case DType::boolean:
        bytes[i] = static_cast<unsigned char>(whole(random) % 2);
        break;
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
  for (const TensorInfo& info : model.inputs()) {
    buffers.inputs.push_back(random_tensor(info, batch, seed));
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
