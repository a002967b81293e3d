// The inner loops of a resize, once for each instruction set. All of them give the same bits: the sums are
// of integers, in arithmetic modulo 2^32, so that their order does not matter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace {= name =}::detail {

inline constexpr int kPrecisionBits = 22;  // of a weight's fraction
inline constexpr int kLowBits = 12;        // of a weight, in its low part
inline constexpr int kTapGroup = 4;        // source pixels that a kernel reads at once

// Bytes behind the last pixel of a row that a horizontal kernel may read, and those that it may write.
inline constexpr std::size_t kReadBeyond = 3 * kTapGroup + 16;
inline constexpr std::size_t kWriteBeyond = 4;

// The source pixels of each wanted output position along one axis, and their weights.
struct Axis {
  struct Span {
    int first = 0;           // source position
    int count = 0;           // number of weights
    std::size_t weight = 0;  // where they start in `weights`
    std::size_t group = 0;   // where their groups start, see `parts`
    int groups = 0;
  };
  std::vector<Span> spans;
  std::vector<std::int32_t> weights;
  // Weights as weight = high * 2^kLowBits + low, both 16 bits: for each group of four taps four highs, then four
  // lows; taps beyond the span weigh 0. Processors multiply pairs of 16 bits fastest.
  std::vector<std::int16_t> parts;
  int first = 0;  // source positions that any span uses: [first, last)
  int last = 0;
};

struct ResizeKernels {
  std::string_view name;
  // Two rows of RGB resampled along x: `rows` point to source position 0, `out` gets 3 bytes a span.
  void (*horizontal)(const std::uint8_t* const rows[2], const Axis& axis, std::uint8_t* const out[2]);
  // One row of `bytes` bytes: the span's rows, `stride` bytes apart, resampled along y.
  void (*vertical)(const std::uint8_t* source, std::size_t stride, std::size_t bytes, const Axis& axis,
      const Axis::Span& span, std::uint8_t* out);
};

// For the processor that this runs on, best first; the last is plain C++.
[[nodiscard]] const std::vector<ResizeKernels>& available_kernels();

// The first of them, or the one that {= NAME =}_SIMD names (avx2, sse4.1, neon, none).
[[nodiscard]] const ResizeKernels& resize_kernels();

// A row in blocks of kBlock bytes, for kernels that have no smaller ones: the last block overlaps the one before it.
template <std::size_t kBlock,
    void (*block)(
        const std::uint8_t* source, std::size_t stride, const std::int16_t* parts, int count, std::uint8_t* out)>
void vertical_in_blocks(const std::uint8_t* source, std::size_t stride, std::size_t bytes, const Axis& axis,
    const Axis::Span& span, std::uint8_t* out) {
  if (bytes < kBlock) {
    available_kernels().back().vertical(source, stride, bytes, axis, span, out);
    return;
  }
  const std::int16_t* parts = axis.parts.data() + span.group * 2 * kTapGroup;
  std::size_t i = 0;
  for (; i + kBlock <= bytes; i += kBlock) {
    block(source + i, stride, parts, span.count, out + i);
  }
  if (i < bytes) {
    i = bytes - kBlock;
    block(source + i, stride, parts, span.count, out + i);
  }
}

void add_x86_kernels(std::vector<ResizeKernels>& kernels);
void add_neon_kernels(std::vector<ResizeKernels>& kernels);

}  // namespace {= name =}::detail
