// Tensors at the API's border: TensorView looks at memory of the caller, Tensor owns its memory.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "result.hpp"

#include "sample/public.hpp"

namespace SAMPLE_PUBLIC sample {

enum class DType : std::uint8_t {
  float32,
  float64,
  float16,   // 16-bit pattern, see half_to_float
  bfloat16,  // 16-bit pattern, see bfloat16_to_float
  int8,
  uint8,
  int16,
  int32,
  int64,
  boolean,  // one byte, 0 or 1
};

enum class Device : std::uint8_t {
  cpu,
  cuda,
};

// In Dims of facts: a size that varies, or that nobody knows before a run.
inline constexpr std::int64_t kUnknownSize = -1;

// Size of one element in bytes.
[[nodiscard]] std::size_t size_of(DType dtype) noexcept;
[[nodiscard]] const char* to_string(DType dtype) noexcept;
[[nodiscard]] const char* to_string(Device device) noexcept;

template <typename T>
[[nodiscard]] constexpr DType dtype_of() noexcept {
  if constexpr (std::is_same_v<T, float>) {
    return DType::float32;
  } else if constexpr (std::is_same_v<T, double>) {
    return DType::float64;
  } else if constexpr (std::is_same_v<T, std::int8_t>) {
    return DType::int8;
  } else if constexpr (std::is_same_v<T, std::uint8_t>) {
    return DType::uint8;
  } else if constexpr (std::is_same_v<T, std::int16_t>) {
    return DType::int16;
  } else if constexpr (std::is_same_v<T, std::int32_t>) {
    return DType::int32;
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    return DType::int64;
  } else {
    static_assert(std::is_same_v<T, bool>, "no DType for this type");
    return DType::boolean;
  }
}

// Dimensions of a tensor, outermost first; stored in place, so that views allocate nothing.
class Dims {
  template <typename... Sizes>
  static constexpr bool kAreSizes = sizeof...(Sizes) > 0 && (std::is_integral_v<Sizes> && ...);

 public:
  static constexpr std::size_t kMaxRank = 8;

  constexpr Dims() = default;
  template <typename... Sizes, std::enable_if_t<kAreSizes<Sizes...> && (sizeof...(Sizes) <= kMaxRank), int> = 0>
  constexpr Dims(Sizes... sizes) : sizes_{{sizes...}}, rank_(sizeof...(Sizes)) {}  // NOLINT: implicit on purpose
  // More than kMaxRank sizes do not compile.
  template <typename... Sizes, std::enable_if_t<kAreSizes<Sizes...> && (sizeof...(Sizes) > kMaxRank), int> = 0>
  constexpr Dims(Sizes... sizes) = delete;

  // Ranks above kMaxRank are refused: the call returns false and changes nothing.
  [[nodiscard]] constexpr bool push_back(std::int64_t size) {
    if (rank_ == kMaxRank) {
      return false;
    }
    sizes_[rank_++] = size;
    return true;
  }

  [[nodiscard]] constexpr std::size_t size() const noexcept { return rank_; }
  [[nodiscard]] constexpr bool empty() const noexcept { return rank_ == 0; }
  // `i` must be below size().
  [[nodiscard]] constexpr std::int64_t operator[](std::size_t i) const {
    assert(i < rank_);
    return sizes_[i];
  }
  [[nodiscard]] constexpr std::int64_t& operator[](std::size_t i) {
    assert(i < rank_);
    return sizes_[i];
  }
  [[nodiscard]] constexpr const std::int64_t* begin() const noexcept { return sizes_.data(); }
  [[nodiscard]] constexpr const std::int64_t* end() const noexcept { return sizes_.data() + rank_; }

  // Product of the sizes; 1 for a scalar, kUnknownSize where a size is not known, and the largest int64 where the
  // product is beyond it.
  [[nodiscard]] constexpr std::int64_t elements() const noexcept {
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    std::int64_t n = 1;
    bool none = false;
    for (const std::int64_t size : *this) {
      if (size < 0) {
        return kUnknownSize;
      }
      none = none || size == 0;
      n = size > 0 && n > most / size ? most : n * (size == 0 ? 1 : size);
    }
    return none ? 0 : n;
  }

  friend constexpr bool operator==(const Dims& a, const Dims& b) noexcept {
    if (a.rank_ != b.rank_) {
      return false;
    }
    for (std::size_t i = 0; i < a.rank_; ++i) {
      if (a.sizes_[i] != b.sizes_[i]) {
        return false;
      }
    }
    return true;
  }
  friend constexpr bool operator!=(const Dims& a, const Dims& b) noexcept { return !(a == b); }

 private:
  std::array<std::int64_t, kMaxRank> sizes_{};
  std::size_t rank_ = 0;
};

// size() is the rank: a number is not compared with dimensions.
template <typename Rank, std::enable_if_t<std::is_integral_v<Rank>, int> = 0>
bool operator==(const Dims&, Rank) = delete;
template <typename Rank, std::enable_if_t<std::is_integral_v<Rank>, int> = 0>
bool operator!=(const Dims&, Rank) = delete;

// "1x3x224x224"; dynamic sizes (-1) read "?".
[[nodiscard]] std::string to_string(const Dims& dims);

// Bytes of a dense tensor; the largest size_t where a size is not known or no memory could hold it, so that every
// comparison with a buffer's size fails.
[[nodiscard]] std::size_t size_of(DType dtype, const Dims& dims) noexcept;

// A dense, row-major tensor in memory that somebody else owns. An input view is only read.
struct TensorView {
  void* data = nullptr;
  DType dtype = DType::float32;
  Dims dims;
  Device device = Device::cpu;
  int device_index = 0;

  [[nodiscard]] std::size_t bytes() const noexcept { return size_of(dtype, dims); }
};

// A run of elements that somebody else owns: one, a vector or an array (std::span is C++20). A null pointer has none.
template <typename T>
class Span {
 public:
  constexpr Span() = default;
  constexpr Span(T* data, std::size_t size) : data_(data), size_(data == nullptr ? 0 : size) {}
  // Implicit on purpose, as the next one.
  constexpr Span(T& item) : data_(&item), size_(1) {}                                                   // NOLINT
  Span(const std::vector<std::remove_const_t<T>>& items) : data_(items.data()), size_(items.size()) {}  // NOLINT
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winit-list-lifetime"
#endif
  // A list in braces lives as long as the call that it is written in: run({a, b}).
  Span(std::initializer_list<std::remove_const_t<T>> items) : data_(items.begin()), size_(items.size()) {}  // NOLINT
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
  template <std::size_t N>
  constexpr Span(const std::array<std::remove_const_t<T>, N>& items) : data_(items.data()), size_(N) {}  // NOLINT

  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
  [[nodiscard]] constexpr T& operator[](std::size_t i) const { return data_[i]; }
  [[nodiscard]] constexpr T* begin() const noexcept { return data_; }
  [[nodiscard]] constexpr T* end() const noexcept { return data_ + size_; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

using TensorViews = Span<const TensorView>;

// A view of `data`, which has dims.elements() elements.
template <typename T>
[[nodiscard]] TensorView view_of(T* data, const Dims& dims) {
  using Element = std::remove_const_t<T>;
  return TensorView{const_cast<Element*>(data), dtype_of<Element>(), dims, Device::cpu, 0};
}

// A dense, row-major tensor in CPU memory that it owns. Move-only. One that holds nothing, for it is new or was moved
// from, has the dims 0, no bytes and no memory.
class Tensor {
 public:
  Tensor() = default;
  // Zeroed memory, aligned to 64 bytes. Throws std::bad_alloc, as a container does, also for sizes that are unknown
  // or beyond memory.
  Tensor(DType dtype, const Dims& dims);
  // Takes over memory of another owner (a backend's output) without copying it. Holds nothing where `memory` is null
  // or `dims` are as above.
  Tensor(DType dtype, const Dims& dims, std::shared_ptr<void> memory);

  Tensor(Tensor&& other) noexcept
      : dtype_(other.dtype_), dims_(std::exchange(other.dims_, Dims{0})), memory_(std::move(other.memory_)) {}
  Tensor& operator=(Tensor&& other) noexcept {
    if (this != &other) {
      dtype_ = other.dtype_;
      dims_ = std::exchange(other.dims_, Dims{0});
      memory_ = std::move(other.memory_);
    }
    return *this;
  }
  Tensor(const Tensor&) = delete;
  Tensor& operator=(const Tensor&) = delete;
  ~Tensor() = default;

  [[nodiscard]] DType dtype() const noexcept { return dtype_; }
  [[nodiscard]] const Dims& dims() const noexcept { return dims_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return size_of(dtype_, dims_); }
  [[nodiscard]] void* data() noexcept { return memory_.get(); }
  [[nodiscard]] const void* data() const noexcept { return memory_.get(); }

  // The elements; T must be the element type that dtype() names.
  template <typename T>
  [[nodiscard]] T* data_as() noexcept {
    assert(dtype_of<T>() == dtype_);
    return static_cast<T*>(memory_.get());
  }
  template <typename T>
  [[nodiscard]] const T* data_as() const noexcept {
    assert(dtype_of<T>() == dtype_);
    return static_cast<const T*>(memory_.get());
  }

  [[nodiscard]] TensorView view() noexcept { return TensorView{data(), dtype_, dims_, Device::cpu, 0}; }
  [[nodiscard]] TensorView view() const noexcept {
    return TensorView{const_cast<void*>(data()), dtype_, dims_, Device::cpu, 0};
  }

 private:
  DType dtype_ = DType::float32;
  Dims dims_{0};
  std::shared_ptr<void> memory_;
};

// Every element is `value`, converted to the element type; integers get the nearest that they have, and 0 for NaN.
// Throws as Tensor does.
[[nodiscard]] Tensor filled(DType dtype, const Dims& dims, double value);

// Conversions of 16-bit patterns; float_to_* round to nearest, ties to even.
[[nodiscard]] float half_to_float(std::uint16_t bits) noexcept;
[[nodiscard]] std::uint16_t float_to_half(float value) noexcept;
[[nodiscard]] float bfloat16_to_float(std::uint16_t bits) noexcept;
[[nodiscard]] std::uint16_t float_to_bfloat16(float value) noexcept;

}  // namespace sample
