// The facts of model_info.hpp and artifact_info.hpp as functions: the file that includes the backend takes
// half a minute to compile, and does not depend on these headers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sample/model.hpp"

namespace sample {

struct ArtifactFacts {
  const char* file;
  std::uint64_t size;
  const char* sha256;
  const char* head_tail_sha256;
  const char* fletcher4;
};

[[nodiscard]] const ArtifactFacts& artifact_facts() noexcept;
// The second file of the artifact, beside the first; null when there is none.
[[nodiscard]] const ArtifactFacts* artifact_data_facts() noexcept;
// Of labels.txt, its lines ended by a line feed.
[[nodiscard]] const char* labels_sha256() noexcept;
// Empty unless the weights are random.
[[nodiscard]] std::string weights_warning();
[[nodiscard]] std::vector<TensorInfo> input_infos();
[[nodiscard]] std::vector<TensorInfo> output_infos();

}  // namespace sample
