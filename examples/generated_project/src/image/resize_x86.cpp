// SSE4.1 and AVX2. Single functions are compiled for them, so that the file needs no flags and nothing else
// gets instructions that a processor may lack.
#include "image/resize_kernels.hpp"

#if (defined(__x86_64__) || defined(__i386__)) && (defined(__GNUC__) || defined(__clang__))

#include <immintrin.h>

#include <cstring>

#define SAMPLE_FOR(instructions) __attribute__((target(instructions)))

namespace sample::detail {
namespace {

constexpr int kHalf = 1 << (kPrecisionBits - 1);

// The weights of taps y and y + 1 as one number of 32 bits each.
struct WeightPairs {
  std::int32_t high = 0;
  std::int32_t low = 0;
};

WeightPairs weight_pairs(const std::int16_t* parts, int y) {
  WeightPairs pairs;
  const std::int16_t* at = parts + y / kTapGroup * (2 * kTapGroup) + y % kTapGroup;
  std::memcpy(&pairs.high, at, sizeof pairs.high);
  std::memcpy(&pairs.low, at + kTapGroup, sizeof pairs.low);
  return pairs;
}

// --- AVX2 ---

// Four bytes of each pixel's three are written; the next pixel overwrites the fourth.
SAMPLE_FOR("avx2")
void horizontal_avx2(const std::uint8_t* const rows[2], const Axis& axis, std::uint8_t* const out[2]) {
  // R0 R1 G0 G1 B0 B1 as 16 bits, of pixels 0 and 1 in the lower half, 2 and 3 in the upper.
  const __m256i pairs = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, 6, -1, 9, -1, 7, -1,
      10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
  // The weights of taps 0 and 1 in the lower half, of 2 and 3 in the upper, repeated.
  const __m256i spread =
      _mm256_setr_epi8(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7);
  const __m256i spread_low = _mm256_add_epi8(spread, _mm256_set1_epi8(8));
  const __m256i half = _mm256_set1_epi32(kHalf);
  std::uint8_t* first = out[0];
  std::uint8_t* second = out[1];
  for (const Axis::Span& span : axis.spans) {
    const std::uint8_t* a = rows[0] + 3 * static_cast<std::ptrdiff_t>(span.first);
    const std::uint8_t* b = rows[1] + 3 * static_cast<std::ptrdiff_t>(span.first);
    const std::int16_t* parts = axis.parts.data() + span.group * 2 * kTapGroup;
    __m256i a_high = _mm256_setzero_si256();
    __m256i a_low = _mm256_setzero_si256();
    __m256i b_high = _mm256_setzero_si256();
    __m256i b_low = _mm256_setzero_si256();
    for (int group = 0; group < span.groups; ++group) {
      const __m256i weights = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(parts)));
      const __m256i high = _mm256_shuffle_epi8(weights, spread);
      const __m256i low = _mm256_shuffle_epi8(weights, spread_low);
      const __m256i of_a =
          _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a))), pairs);
      const __m256i of_b =
          _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b))), pairs);
      a_high = _mm256_add_epi32(a_high, _mm256_madd_epi16(of_a, high));
      a_low = _mm256_add_epi32(a_low, _mm256_madd_epi16(of_a, low));
      b_high = _mm256_add_epi32(b_high, _mm256_madd_epi16(of_b, high));
      b_low = _mm256_add_epi32(b_low, _mm256_madd_epi16(of_b, low));
      a += 3 * kTapGroup;
      b += 3 * kTapGroup;
      parts += 2 * kTapGroup;
    }
    // Row a's sums in the lower half, b's in the upper.
    const __m256i high = _mm256_add_epi32(
        _mm256_permute2x128_si256(a_high, b_high, 0x20), _mm256_permute2x128_si256(a_high, b_high, 0x31));
    const __m256i low =
        _mm256_add_epi32(_mm256_permute2x128_si256(a_low, b_low, 0x20), _mm256_permute2x128_si256(a_low, b_low, 0x31));
    const __m256i sum = _mm256_srai_epi32(
        _mm256_add_epi32(_mm256_add_epi32(_mm256_slli_epi32(high, kLowBits), low), half), kPrecisionBits);
    const __m256i words = _mm256_packs_epi32(sum, sum);
    const __m256i bytes = _mm256_packus_epi16(words, words);
    const int of_first = _mm256_extract_epi32(bytes, 0);
    const int of_second = _mm256_extract_epi32(bytes, 4);
    std::memcpy(first, &of_first, 4);
    std::memcpy(second, &of_second, 4);
    first += 3;
    second += 3;
  }
}

// 32 bytes: pairs of rows, each byte beside the one below it, times pairs of weights.
SAMPLE_FOR("avx2")
void vertical_block_avx2(
    const std::uint8_t* source, std::size_t stride, const std::int16_t* parts, int count, std::uint8_t* out) {
  const __m256i zero = _mm256_setzero_si256();
  __m256i high[4] = {zero, zero, zero, zero};
  __m256i low[4] = {zero, zero, zero, zero};
  for (int y = 0; y < count; y += 2) {
    const WeightPairs pair = weight_pairs(parts, y);
    const __m256i weights_high = _mm256_set1_epi32(pair.high);
    const __m256i weights_low = _mm256_set1_epi32(pair.low);
    const std::uint8_t* below = y + 1 < count ? source + stride : source;  // its weight is 0 where there is none
    const __m256i upper_row = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source));
    const __m256i lower_row = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(below));
    const __m256i left = _mm256_unpacklo_epi8(upper_row, lower_row);
    const __m256i right = _mm256_unpackhi_epi8(upper_row, lower_row);
    const __m256i pairs[4] = {_mm256_unpacklo_epi8(left, zero), _mm256_unpackhi_epi8(left, zero),
        _mm256_unpacklo_epi8(right, zero), _mm256_unpackhi_epi8(right, zero)};
    for (int i = 0; i < 4; ++i) {
      high[i] = _mm256_add_epi32(high[i], _mm256_madd_epi16(pairs[i], weights_high));
      low[i] = _mm256_add_epi32(low[i], _mm256_madd_epi16(pairs[i], weights_low));
    }
    source += 2 * stride;
  }
  const __m256i half = _mm256_set1_epi32(kHalf);
  for (int i = 0; i < 4; ++i) {
    high[i] = _mm256_srai_epi32(
        _mm256_add_epi32(_mm256_add_epi32(_mm256_slli_epi32(high[i], kLowBits), low[i]), half), kPrecisionBits);
  }
  const __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(high[0], high[1]), _mm256_packs_epi32(high[2], high[3]));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), bytes);
}

// --- SSE4.1 ---

SAMPLE_FOR("sse4.1")
void horizontal_sse41(const std::uint8_t* const rows[2], const Axis& axis, std::uint8_t* const out[2]) {
  const __m128i pairs = _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1);
  const __m128i later_pairs = _mm_setr_epi8(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
  const __m128i half = _mm_set1_epi32(kHalf);
  for (int row = 0; row < 2; ++row) {
    std::uint8_t* to = out[row];
    for (const Axis::Span& span : axis.spans) {
      const std::uint8_t* pixel = rows[row] + 3 * static_cast<std::ptrdiff_t>(span.first);
      const std::int16_t* parts = axis.parts.data() + span.group * 2 * kTapGroup;
      __m128i high = _mm_setzero_si128();
      __m128i low = _mm_setzero_si128();
      for (int group = 0; group < span.groups; ++group) {
        const __m128i weights = _mm_loadu_si128(reinterpret_cast<const __m128i*>(parts));
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(pixel));
        const __m128i early = _mm_shuffle_epi8(bytes, pairs);
        const __m128i late = _mm_shuffle_epi8(bytes, later_pairs);
        high = _mm_add_epi32(high, _mm_madd_epi16(early, _mm_shuffle_epi32(weights, 0x00)));
        high = _mm_add_epi32(high, _mm_madd_epi16(late, _mm_shuffle_epi32(weights, 0x55)));
        low = _mm_add_epi32(low, _mm_madd_epi16(early, _mm_shuffle_epi32(weights, 0xaa)));
        low = _mm_add_epi32(low, _mm_madd_epi16(late, _mm_shuffle_epi32(weights, 0xff)));
        pixel += 3 * kTapGroup;
        parts += 2 * kTapGroup;
      }
      const __m128i sum =
          _mm_srai_epi32(_mm_add_epi32(_mm_add_epi32(_mm_slli_epi32(high, kLowBits), low), half), kPrecisionBits);
      const __m128i words = _mm_packs_epi32(sum, sum);
      const int bytes = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
      std::memcpy(to, &bytes, 4);
      to += 3;
    }
  }
}

SAMPLE_FOR("sse4.1")
void vertical_block_sse41(
    const std::uint8_t* source, std::size_t stride, const std::int16_t* parts, int count, std::uint8_t* out) {
  const __m128i zero = _mm_setzero_si128();
  __m128i high[4] = {zero, zero, zero, zero};
  __m128i low[4] = {zero, zero, zero, zero};
  for (int y = 0; y < count; y += 2) {
    const WeightPairs pair = weight_pairs(parts, y);
    const __m128i weights_high = _mm_set1_epi32(pair.high);
    const __m128i weights_low = _mm_set1_epi32(pair.low);
    const std::uint8_t* below = y + 1 < count ? source + stride : source;
    const __m128i upper_row = _mm_loadu_si128(reinterpret_cast<const __m128i*>(source));
    const __m128i lower_row = _mm_loadu_si128(reinterpret_cast<const __m128i*>(below));
    const __m128i left = _mm_unpacklo_epi8(upper_row, lower_row);
    const __m128i right = _mm_unpackhi_epi8(upper_row, lower_row);
    const __m128i pairs[4] = {_mm_unpacklo_epi8(left, zero), _mm_unpackhi_epi8(left, zero),
        _mm_unpacklo_epi8(right, zero), _mm_unpackhi_epi8(right, zero)};
    for (int i = 0; i < 4; ++i) {
      high[i] = _mm_add_epi32(high[i], _mm_madd_epi16(pairs[i], weights_high));
      low[i] = _mm_add_epi32(low[i], _mm_madd_epi16(pairs[i], weights_low));
    }
    source += 2 * stride;
  }
  const __m128i half = _mm_set1_epi32(kHalf);
  for (int i = 0; i < 4; ++i) {
    high[i] =
        _mm_srai_epi32(_mm_add_epi32(_mm_add_epi32(_mm_slli_epi32(high[i], kLowBits), low[i]), half), kPrecisionBits);
  }
  const __m128i bytes = _mm_packus_epi16(_mm_packs_epi32(high[0], high[1]), _mm_packs_epi32(high[2], high[3]));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
}

}  // namespace

void add_x86_kernels(std::vector<ResizeKernels>& kernels) {
  if (__builtin_cpu_supports("avx2")) {
    kernels.push_back({"avx2", horizontal_avx2, vertical_in_blocks<32, vertical_block_avx2>});
  }
  if (__builtin_cpu_supports("sse4.1")) {
    kernels.push_back({"sse4.1", horizontal_sse41, vertical_in_blocks<16, vertical_block_sse41>});
  }
}

}  // namespace sample::detail

#else

namespace sample::detail {

void add_x86_kernels(std::vector<ResizeKernels>& /*kernels*/) {}

}  // namespace sample::detail

#endif
