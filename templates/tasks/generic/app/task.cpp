#include "task.hpp"

#include <algorithm>
#include <cstdio>

#include "json.hpp"

namespace {= name =}::app {
namespace {

// What an output holds.
std::string summary(const TensorInfo& info, const Tensor& tensor) {
  std::string text = info.name + ": " + to_string(tensor.dtype()) + " " + to_string(tensor.dims());
  if (tensor.dtype() == DType::float32 && tensor.dims().elements() > 0) {
    const float* values = tensor.data_as<float>();
    const auto [least, most] = std::minmax_element(values, values + tensor.dims().elements());
    double sum = 0.0;
    for (std::int64_t i = 0; i < tensor.dims().elements(); ++i) {
      sum += static_cast<double>(values[i]);
    }
    char numbers[96];
    std::snprintf(numbers, sizeof numbers, ", min %g, max %g, mean %g", static_cast<double>(*least),
        static_cast<double>(*most), sum / static_cast<double>(tensor.dims().elements()));
    text += numbers;
  }
  return text;
}

std::string summary_json(const TensorInfo& info, const Tensor& tensor) {
  std::string dims;
  for (const std::int64_t size : tensor.dims()) {
    dims += (dims.empty() ? "" : ", ") + std::to_string(size);
  }
  return "{\"name\": " + json_string(info.name) + ", \"dtype\": \"" + to_string(tensor.dtype()) + "\", \"dims\": [" +
      dims + "]}";
}

}  // namespace

const char* const kTaskUsage = "";

bool is_task_option(std::string_view /*option*/) noexcept { return false; }

Result<void> set_task_option(std::string_view /*option*/, const std::string& /*value*/, TaskOptions& /*options*/) {
  return {};
}

Result<Task> Task::load(const TaskOptions& /*options*/) { return Task(); }

Result<std::string> Task::report(const std::string& what, const Model& model, const Outputs& outputs, bool json) const {
  std::string text;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const TensorInfo& info = model.outputs()[i];
    if (json) {
      text += std::string(text.empty() ? "" : ", ") + summary_json(info, outputs[i]);
    } else {
      text += "  " + summary(info, outputs[i]) + "\n";
    }
  }
  return json ? "{\"source\": " + json_string(what) + ", \"outputs\": [" + text + "]}" : what + "\n" + text;
}

}  // namespace {= name =}::app
