#include "sample/tensor.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "exact_math.hpp"

namespace sample {
namespace {

constexpr std::align_val_t kAlignment{64};

constexpr std::size_t kBeyondMemory = std::numeric_limits<std::size_t>::max();

// Bytes of a tensor; throws std::bad_array_new_length where no memory could hold it.
std::size_t checked_bytes(DType dtype, const Dims& dims) {
  const std::size_t bytes = size_of(dtype, dims);
  if (bytes == kBeyondMemory) {
    throw std::bad_array_new_length();
  }
  return bytes;
}

// `value` as T, without the undefined behaviour of a cast beyond T's range.
template <typename T>
T nearest(double value) {
  constexpr auto least = static_cast<double>(std::numeric_limits<T>::min());
  constexpr auto most = static_cast<double>(std::numeric_limits<T>::max());  // of int64: one more than its largest
  if (std::isnan(value)) {
    return 0;
  }
  const double whole = std::nearbyint(value);
  if (whole >= most) {
    return std::numeric_limits<T>::max();
  }
  return whole <= least ? std::numeric_limits<T>::min() : static_cast<T>(whole);
}

std::shared_ptr<void> zeroed_memory(std::size_t bytes) {
  const std::size_t size = bytes == 0 ? 1 : bytes;  // an empty tensor's data is not null
  void* memory = ::operator new(size, kAlignment);
  std::memset(memory, 0, size);
  return {memory, [](void* p) { ::operator delete(p, kAlignment); }};
}

std::uint32_t bits_of(float value) noexcept {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

float float_of(std::uint32_t bits) noexcept {
  float value = 0.0F;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// value / 2^shift, to nearest with ties to even; shift is 1..31.
std::uint32_t rounded_shift(std::uint32_t value, std::uint32_t shift) noexcept {
  const std::uint32_t half = 1U << (shift - 1);
  const std::uint32_t rest = value & ((1U << shift) - 1U);
  const std::uint32_t result = value >> shift;
  const bool up = rest > half || (rest == half && (result & 1U) != 0);
  return up ? result + 1U : result;
}

}  // namespace

Tensor filled(DType dtype, const Dims& dims, double value) {
  Tensor tensor(dtype, dims);
  const std::int64_t count = dims.elements();
  const auto set = [&](auto* elements, auto element) { std::fill_n(elements, count, element); };
  switch (dtype) {
    case DType::float32:
      set(tensor.data_as<float>(), static_cast<float>(value));
      break;
    case DType::float64:
      set(tensor.data_as<double>(), value);
      break;
    case DType::float16:
      set(static_cast<std::uint16_t*>(tensor.data()), float_to_half(static_cast<float>(value)));
      break;
    case DType::bfloat16:
      set(static_cast<std::uint16_t*>(tensor.data()), float_to_bfloat16(static_cast<float>(value)));
      break;
    case DType::int8:
      set(tensor.data_as<std::int8_t>(), nearest<std::int8_t>(value));
      break;
    case DType::uint8:
      set(tensor.data_as<std::uint8_t>(), nearest<std::uint8_t>(value));
      break;
    case DType::int16:
      set(tensor.data_as<std::int16_t>(), nearest<std::int16_t>(value));
      break;
    case DType::int32:
      set(tensor.data_as<std::int32_t>(), nearest<std::int32_t>(value));
      break;
    case DType::int64:
      set(tensor.data_as<std::int64_t>(), nearest<std::int64_t>(value));
      break;
    case DType::boolean:
      set(tensor.data_as<bool>(), value != 0.0);
      break;
  }
  return tensor;
}

std::size_t size_of(DType dtype) noexcept {
  switch (dtype) {
    case DType::int8:
    case DType::uint8:
    case DType::boolean:
      return 1;
    case DType::float16:
    case DType::bfloat16:
    case DType::int16:
      return 2;
    case DType::float32:
    case DType::int32:
      return 4;
    case DType::float64:
    case DType::int64:
      return 8;
  }
  return 0;
}

const char* to_string(DType dtype) noexcept {
  switch (dtype) {
    case DType::float32:
      return "float32";
    case DType::float64:
      return "float64";
    case DType::float16:
      return "float16";
    case DType::bfloat16:
      return "bfloat16";
    case DType::int8:
      return "int8";
    case DType::uint8:
      return "uint8";
    case DType::int16:
      return "int16";
    case DType::int32:
      return "int32";
    case DType::int64:
      return "int64";
    case DType::boolean:
      return "bool";
  }
  return "unknown";
}

const char* to_string(Device device) noexcept {
  switch (device) {
    case Device::cpu:
      return "cpu";
    case Device::cuda:
      return "cuda";
  }
  return "unknown";
}

std::string to_string(const Dims& dims) {
  if (dims.empty()) {
    return "scalar";
  }
  std::string text;
  for (const std::int64_t size : dims) {
    text += text.empty() ? "" : "x";
    text += size < 0 ? "?" : std::to_string(size);
  }
  return text;
}

Tensor::Tensor(DType dtype, const Dims& dims)
    : dtype_(dtype), dims_(dims), memory_(zeroed_memory(checked_bytes(dtype, dims))) {}

Tensor::Tensor(DType dtype, const Dims& dims, std::shared_ptr<void> memory)
    : dtype_(dtype), dims_(dims), memory_(std::move(memory)) {
  if (const std::size_t size = bytes(); size == kBeyondMemory || (size > 0 && memory_ == nullptr)) {
    dims_ = Dims{0};
    memory_.reset();
  }
}

std::size_t size_of(DType dtype, const Dims& dims) noexcept {
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::ptrdiff_t>::max());
  const std::int64_t elements = dims.elements();
  const std::size_t size = size_of(dtype);
  if (elements < 0 || size == 0 || static_cast<std::uint64_t>(elements) > most / size) {
    return kBeyondMemory;
  }
  return static_cast<std::size_t>(elements) * size;
}

float half_to_float(std::uint16_t bits) noexcept {
  const std::uint32_t sign = (bits & 0x8000U) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1FU;
  const std::uint32_t mantissa = bits & 0x3FFU;
  if (exponent == 0x1FU) {  // infinity, NaN
    return float_of(sign | 0x7F800000U | (mantissa << 13));
  }
  if (exponent == 0) {  // zero, subnormal: exact in float32
    const float magnitude = static_cast<float>(mantissa) * (1.0F / 16777216.0F);
    return float_of(sign | bits_of(magnitude));
  }
  return float_of(sign | ((exponent + 112U) << 23) | (mantissa << 13));
}

std::uint16_t float_to_half(float value) noexcept {
  const std::uint32_t bits = bits_of(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  std::uint32_t half = 0;
  if (magnitude > 0x7F800000U) {  // NaN: keep the payload's head, and quiet it
    half = 0x7E00U | ((magnitude >> 13) & 0x3FFU);
  } else if (magnitude >= 0x47800000U) {  // 65536 and above
    half = 0x7C00U;
  } else if (magnitude >= 0x38800000U) {  // normal in half precision; rounding may carry into infinity
    half = rounded_shift(magnitude - 0x38000000U, 13);
  } else if (magnitude >= 0x33000000U) {  // subnormal in half precision
    const std::uint32_t mantissa = (magnitude & 0x7FFFFFU) | 0x800000U;
    half = rounded_shift(mantissa, 126U - (magnitude >> 23));
  }
  return static_cast<std::uint16_t>(sign | half);
}

float bfloat16_to_float(std::uint16_t bits) noexcept { return float_of(static_cast<std::uint32_t>(bits) << 16); }

std::uint16_t float_to_bfloat16(float value) noexcept {
  const std::uint32_t bits = bits_of(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) {  // rounding could turn a NaN into infinity
    return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  }
  const std::uint32_t sign = bits & 0x80000000U;
  return static_cast<std::uint16_t>((sign >> 16) | rounded_shift(bits & 0x7FFFFFFFU, 16));
}

}  // namespace sample
