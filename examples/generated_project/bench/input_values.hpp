// What the benchmark feeds the model's inputs.
#pragma once

#include <array>
#include <cstdint>

namespace sample::bench {

struct InputValues {
  double low;  // of floating point
  double high;
  std::int64_t first;  // of whole numbers
  std::int64_t last;
  const char* golden;  // a file of assets/goldens, taken instead; empty: none
};

inline constexpr std::array<InputValues, 1> kInputValues{
    InputValues{-1.0, 1.0, 0, 0, ""},
};

}  // namespace sample::bench
