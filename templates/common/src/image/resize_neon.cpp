// NEON, which every 64-bit ARM processor has.
#include "image/resize_kernels.hpp"

#if defined(__aarch64__) && defined(__ARM_NEON)

#include <arm_neon.h>

#include <cstring>

namespace {= name =}::detail {
namespace {

constexpr std::int32_t kHalf = 1 << (kPrecisionBits - 1);

// Two pixels a step: red, green, blue and a fourth byte that is not used, in lanes of 32 bits.
void horizontal(const std::uint8_t* const rows[2], const Axis& axis, std::uint8_t* const out[2]) {
  constexpr std::uint8_t kOrder[16] = {0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9, 10, 11, 12};
  const uint8x16_t order = vld1q_u8(kOrder);
  for (int row = 0; row < 2; ++row) {
    std::uint8_t* to = out[row];
    for (const Axis::Span& span : axis.spans) {
      const std::uint8_t* pixel = rows[row] + 3 * static_cast<std::ptrdiff_t>(span.first);
      const std::int16_t* parts = axis.parts.data() + span.group * 2 * kTapGroup;
      int32x4_t high = vdupq_n_s32(0);
      int32x4_t low = vdupq_n_s32(0);
      for (int group = 0; group < span.groups; ++group) {
        const uint8x16_t bytes = vqtbl1q_u8(vld1q_u8(pixel), order);
        const int16x8_t early = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(bytes)));
        const int16x8_t late = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(bytes)));
        const int16x4_t highs = vld1_s16(parts);
        const int16x4_t lows = vld1_s16(parts + kTapGroup);
        high = vmlal_lane_s16(high, vget_low_s16(early), highs, 0);
        high = vmlal_lane_s16(high, vget_high_s16(early), highs, 1);
        high = vmlal_lane_s16(high, vget_low_s16(late), highs, 2);
        high = vmlal_lane_s16(high, vget_high_s16(late), highs, 3);
        low = vmlal_lane_s16(low, vget_low_s16(early), lows, 0);
        low = vmlal_lane_s16(low, vget_high_s16(early), lows, 1);
        low = vmlal_lane_s16(low, vget_low_s16(late), lows, 2);
        low = vmlal_lane_s16(low, vget_high_s16(late), lows, 3);
        pixel += 3 * kTapGroup;
        parts += 2 * kTapGroup;
      }
      const int32x4_t sum =
          vshrq_n_s32(vaddq_s32(vaddq_s32(vshlq_n_s32(high, kLowBits), low), vdupq_n_s32(kHalf)), kPrecisionBits);
      const uint16x4_t words = vqmovun_s32(sum);
      const uint8x8_t narrow = vqmovn_u16(vcombine_u16(words, words));
      const std::uint32_t bytes = vget_lane_u32(vreinterpret_u32_u8(narrow), 0);
      std::memcpy(to, &bytes, 4);
      to += 3;
    }
  }
}

void vertical_block(
    const std::uint8_t* source, std::size_t stride, const std::int16_t* parts, int count, std::uint8_t* out) {
  int32x4_t high[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
  int32x4_t low[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
  for (int y = 0; y < count; ++y) {
    const std::int16_t* at = parts + y / kTapGroup * (2 * kTapGroup) + y % kTapGroup;
    const uint8x16_t bytes = vld1q_u8(source);
    const int16x8_t left = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(bytes)));
    const int16x8_t right = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(bytes)));
    const int16x4_t quarters[4] = {vget_low_s16(left), vget_high_s16(left), vget_low_s16(right), vget_high_s16(right)};
    for (int i = 0; i < 4; ++i) {
      high[i] = vmlal_n_s16(high[i], quarters[i], at[0]);
      low[i] = vmlal_n_s16(low[i], quarters[i], at[kTapGroup]);
    }
    source += stride;
  }
  uint16x4_t words[4];
  for (int i = 0; i < 4; ++i) {
    const int32x4_t sum = vaddq_s32(vaddq_s32(vshlq_n_s32(high[i], kLowBits), low[i]), vdupq_n_s32(kHalf));
    words[i] = vqmovun_s32(vshrq_n_s32(sum, kPrecisionBits));
  }
  const uint8x8_t left = vqmovn_u16(vcombine_u16(words[0], words[1]));
  const uint8x8_t right = vqmovn_u16(vcombine_u16(words[2], words[3]));
  vst1q_u8(out, vcombine_u8(left, right));
}

}  // namespace

void add_neon_kernels(std::vector<ResizeKernels>& kernels) {
  kernels.push_back({"neon", horizontal, vertical_in_blocks<16, vertical_block>});
}

}  // namespace {= name =}::detail

#else

namespace {= name =}::detail {

void add_neon_kernels(std::vector<ResizeKernels>& /*kernels*/) {}

}  // namespace {= name =}::detail

#endif
