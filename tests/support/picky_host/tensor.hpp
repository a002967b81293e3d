#pragma once

#include <vector>

// The host's own, in no namespace.
struct Tensor {
  std::vector<float> values;
};

[[nodiscard]] float sum(const Tensor& tensor);
