// The caller's tensors against what the model takes and gives.
#pragma once

#include <vector>

#include "{= name =}/model.hpp"

namespace {= name =} {

// Whether `views` fit `infos` in count, dtype, rank and bounds; `what` is "input" or "output".
[[nodiscard]] Result<void> check_views(TensorViews views, const std::vector<TensorInfo>& infos, const char* what);

// What a Model that was moved from has, and says.
[[nodiscard]] const std::vector<TensorInfo>& no_tensors() noexcept;
[[nodiscard]] Error moved_from();

}  // namespace {= name =}
