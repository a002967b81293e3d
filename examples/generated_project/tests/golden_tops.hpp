// The best classes of the golden cases, by the Python model.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sample::test {

struct TopClass {
  std::size_t index;
  double probability;
};

struct GoldenTop {
  std::string name;  // of the golden case
  std::vector<TopClass> best;
};

inline const std::vector<GoldenTop>& golden_tops() {
  static const std::vector<GoldenTop> tops{
      {"picture", {{2, 0.5}, {0, 0.25}, {1, 0.25}}},
  };
  return tops;
}

}  // namespace sample::test
