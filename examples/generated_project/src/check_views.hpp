// The caller's tensors against what the model takes and gives.
#pragma once

#include <string_view>
#include <vector>

#include "sample/model.hpp"

namespace sample {

// Whether `views` fit `infos` in count, dtype, rank and bounds; `what` is "input" or "output".
[[nodiscard]] Result<void> check_views(TensorViews views, const std::vector<TensorInfo>& infos, const char* what);

// The place of the one of `infos` that is called `name`; and `named` in the order of `infos`, one for each.
[[nodiscard]] Result<std::size_t> index_of(
    std::string_view name, const std::vector<TensorInfo>& infos, const char* what);
[[nodiscard]] Result<std::vector<TensorView>> in_order(
    Span<const NamedView> named, const std::vector<TensorInfo>& infos, const char* what);

// What a Model that was moved from has, and says.
[[nodiscard]] const std::vector<TensorInfo>& no_tensors() noexcept;
[[nodiscard]] Error moved_from();

}  // namespace sample
