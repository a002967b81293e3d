#include "check_views.hpp"

#include <cstring>

namespace sample {
namespace {

// "?x3x224x224 (1 to 8, ...)": what would have fitted.
std::string expected_dims(const TensorInfo& info) {
  std::string text = to_string(info.dims);
  for (std::size_t i = 0; i < info.dims.size(); ++i) {
    if (info.dims[i] < 0) {
      text += ", dimension " + std::to_string(i) + " from " + std::to_string(info.min[i]) + (info.max[i] < 0 ? " on" : " to " + std::to_string(info.max[i]));
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

}  // namespace

Result<void> check_views(TensorViews views, const std::vector<TensorInfo>& infos, const char* what) {
  if (views.size() != infos.size()) {
    return Error{ErrorCode::invalid_argument, std::string("expected ") + std::to_string(infos.size()) + " " + what + "(s), got " + std::to_string(views.size())};
  }
  for (std::size_t i = 0; i < infos.size(); ++i) {
    const TensorInfo& info = infos[i];
    const TensorView& view = views[i];
    const auto where = [&] { return std::string(what) + " " + std::to_string(i) + " ('" + info.name + "')"; };
    if (view.dtype != info.dtype) {
      return Error{ErrorCode::invalid_argument, where() + ": expected " + to_string(info.dtype) + ", got " + to_string(view.dtype)};
    }
    if (!fits(view.dims, info)) {
      return Error{ErrorCode::invalid_argument, where() + ": expected shape " + expected_dims(info) + ", got " + to_string(view.dims)};
    }
    if (view.data == nullptr && view.dims.elements() > 0) {
      return Error{ErrorCode::invalid_argument, where() + ": data is null"};
    }
    // The inputs share one batch. (Outputs may have several rows an item.)
    if (std::strcmp(what, "input") == 0 && !info.dims.empty() && info.dims[0] < 0 && !views[0].dims.empty() && infos[0].dims[0] < 0 && view.dims[0] != views[0].dims[0]) {
      return Error{ErrorCode::invalid_argument, where() + ": its batch is " + std::to_string(view.dims[0]) + ", that of the first input " + std::to_string(views[0].dims[0])};
    }
  }
  return {};
}

}  // namespace sample
