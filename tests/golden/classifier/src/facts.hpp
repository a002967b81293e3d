// The facts of model_info.hpp and artifact_info.hpp for code that must not be compiled anew with them.
#pragma once

#include <cstdint>
#include <vector>

#include "sample/model.hpp"

namespace sample {

struct ArtifactFacts {
  const char* file;
  std::uint64_t size;
  const char* sha256;
  const char* head_tail_sha256;
};

[[nodiscard]] const ArtifactFacts& artifact_facts() noexcept;
[[nodiscard]] std::vector<TensorInfo> input_infos();
[[nodiscard]] std::vector<TensorInfo> output_infos();

// Whether `views` fit `infos` in count, dtype, rank and bounds; `what` is "input" or "output".
[[nodiscard]] Result<void> check_views(TensorViews views, const std::vector<TensorInfo>& infos, const char* what);

}  // namespace sample
