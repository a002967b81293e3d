#include "image/resize_kernels.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace {= name =}::detail {
namespace {

constexpr std::int32_t kHalf = 1 << (kPrecisionBits - 1);

std::uint8_t clip8(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255)); }

void horizontal(const std::uint8_t* const rows[2], const Axis& axis, std::uint8_t* const out[2]) {
  for (int row = 0; row < 2; ++row) {
    std::uint8_t* to = out[row];
    for (const Axis::Span& span : axis.spans) {
      const std::uint8_t* pixel = rows[row] + 3 * static_cast<std::ptrdiff_t>(span.first);
      const std::int32_t* weight = axis.weights.data() + span.weight;
      std::int32_t red = kHalf;
      std::int32_t green = kHalf;
      std::int32_t blue = kHalf;
      for (int x = 0; x < span.count; ++x) {
        red += pixel[0] * weight[x];
        green += pixel[1] * weight[x];
        blue += pixel[2] * weight[x];
        pixel += 3;
      }
      to[0] = clip8(red);
      to[1] = clip8(green);
      to[2] = clip8(blue);
      to += 3;
    }
  }
}

// Blocks of a fixed number of bytes keep the sums in registers and let the compiler vectorise.
void vertical(const std::uint8_t* source, std::size_t stride, std::size_t bytes, const Axis& axis,
    const Axis::Span& span, std::uint8_t* out) {
  constexpr std::size_t kBlock = 32;
  const std::int32_t* weight = axis.weights.data() + span.weight;
  std::size_t i = 0;
  for (; i + kBlock <= bytes; i += kBlock) {
    std::array<std::int32_t, kBlock> sums;
    sums.fill(kHalf);
    const std::uint8_t* row = source + i;
    for (int y = 0; y < span.count; ++y, row += stride) {
      for (std::size_t j = 0; j < kBlock; ++j) {
        sums[j] += row[j] * weight[y];
      }
    }
    for (std::size_t j = 0; j < kBlock; ++j) {
      out[i + j] = clip8(sums[j]);
    }
  }
  for (; i < bytes; ++i) {
    std::int32_t sum = kHalf;
    const std::uint8_t* row = source + i;
    for (int y = 0; y < span.count; ++y, row += stride) {
      sum += *row * weight[y];
    }
    out[i] = clip8(sum);
  }
}

}  // namespace

const std::vector<ResizeKernels>& available_kernels() {
  static const std::vector<ResizeKernels> kernels = [] {
    std::vector<ResizeKernels> found;
    add_x86_kernels(found);
    add_neon_kernels(found);
    found.push_back({"none", horizontal, vertical});
    return found;
  }();
  return kernels;
}

const ResizeKernels& resize_kernels() {
  static const ResizeKernels& chosen = [&]() -> const ResizeKernels& {
    const char* wanted = std::getenv("{= NAME =}_SIMD");
    for (const ResizeKernels& kernels : available_kernels()) {
      if (wanted != nullptr && kernels.name == wanted) {
        return kernels;
      }
    }
    return available_kernels().front();
  }();
  return chosen;
}

}  // namespace {= name =}::detail
