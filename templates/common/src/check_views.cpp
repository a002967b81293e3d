#include "check_views.hpp"

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

namespace {= name =} {
namespace {

// "?x3x224x224 (1 to 8, ...)": what would have fitted.
std::string expected_dims(const TensorInfo& info) {
  std::string text = to_string(info.dims);
  for (std::size_t i = 0; i < info.dims.size(); ++i) {
    if (info.dims[i] < 0) {
      text += ", dimension " + std::to_string(i) + " from " + std::to_string(info.min[i]) +
          (info.max[i] < 0 ? " on" : " to " + std::to_string(info.max[i]));
    }
  }
  return text;
}

bool fits(const Dims& dims, const TensorInfo& info) {
  if (dims.size() != info.dims.size()) {
    return false;
  }
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] < info.min[i] || (info.max[i] >= 0 && dims[i] > info.max[i])) {
      return false;
    }
  }
  return true;
}

std::int64_t batch_of(const TensorView& view, const TensorInfo& info) { return view.dims[*info.batch]; }

}  // namespace

Result<void> check_views(TensorViews views, const std::vector<TensorInfo>& infos, const char* what) {
  if (views.size() != infos.size()) {
    return Error{ErrorCode::invalid_argument,
        std::string("expected ") + std::to_string(infos.size()) + " " + what + "(s), got " +
            std::to_string(views.size())};
  }
  // The inputs share one batch. (Outputs may have several rows an item.)
  const bool one_batch = std::strcmp(what, "input") == 0;
  std::optional<std::size_t> batched;
  for (std::size_t i = 0; i < infos.size(); ++i) {
    const TensorInfo& info = infos[i];
    const TensorView& view = views[i];
    const auto where = [&] { return std::string(what) + " " + std::to_string(i) + " ('" + info.name + "')"; };
    if (view.dtype != info.dtype) {
      return Error{ErrorCode::invalid_argument,
          where() + ": expected " + to_string(info.dtype) + ", got " + to_string(view.dtype)};
    }
    if (!fits(view.dims, info)) {
      return Error{ErrorCode::invalid_argument,
          where() + ": expected shape " + expected_dims(info) + ", got " + to_string(view.dims)};
    }
    if (view.data == nullptr && view.dims.elements() > 0) {
      return Error{ErrorCode::invalid_argument, where() + ": data is null"};
    }
    if (!one_batch || !info.batch_varies()) {
      continue;
    }
    const std::size_t first = batched.value_or(i);
    batched = first;
    if (batch_of(view, info) != batch_of(views[first], infos[first])) {
      return Error{ErrorCode::invalid_argument,
          where() + ": its batch is " + std::to_string(batch_of(view, info)) + ", that of '" + infos[first].name +
              "' " + std::to_string(batch_of(views[first], infos[first]))};
    }
  }
  return {};
}

Result<std::size_t> index_of(std::string_view name, const std::vector<TensorInfo>& infos, const char* what) {
  for (std::size_t i = 0; i < infos.size(); ++i) {
    if (infos[i].name == name) {
      return i;
    }
  }
  std::string names;
  for (const TensorInfo& info : infos) {
    names += (names.empty() ? "'" : ", '") + info.name + "'";
  }
  return Error{ErrorCode::invalid_argument,
      std::string("no ") + what + " is called '" + std::string(name) + "'; there is " +
          (names.empty() ? "none" : names)};
}

Result<std::vector<TensorView>> in_order(
    Span<const NamedView> named, const std::vector<TensorInfo>& infos, const char* what) {
  std::vector<TensorView> views(infos.size());
  std::vector<bool> given(infos.size(), false);
  for (const NamedView& one : named) {
    const Result<std::size_t> index = index_of(one.name, infos, what);
    if (!index) {
      return index.error();
    }
    if (given[*index]) {
      return Error{ErrorCode::invalid_argument,
          std::string(what) + " '" + infos[*index].name + "' was given more than once"};
    }
    given[*index] = true;
    views[*index] = one.view;
  }
  for (std::size_t i = 0; i < infos.size(); ++i) {
    if (!given[i]) {
      return Error{ErrorCode::invalid_argument, std::string(what) + " '" + infos[i].name + "' is missing"};
    }
  }
  return views;
}

const std::vector<TensorInfo>& no_tensors() noexcept {
  static const std::vector<TensorInfo> none;
  return none;
}

Error moved_from() { return Error{ErrorCode::invalid_argument, "this Model was moved from: there is nothing to run"}; }

}  // namespace {= name =}
