// Whether two runs gave the same tensors, to the last bit.
#pragma once

#include <cstddef>
#include <cstring>

#include "sample/model.hpp"

namespace sample::test {

[[nodiscard]] inline bool same_bits(const Outputs& a, const Outputs& b) {
  if (a.size() != b.size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].dims() != b[i].dims() || (a[i].bytes() > 0 && std::memcmp(a[i].data(), b[i].data(), a[i].bytes()) != 0)) {
      return false;
    }
  }
  return true;
}

}  // namespace sample::test
