#include "report.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "sample/classify.hpp"
#include "sample/model_info.hpp"

#include "json.hpp"

namespace sample::app {
namespace {

// What an output holds, for models that have no labels.
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
    std::snprintf(numbers, sizeof numbers, ", min %g, max %g, mean %g", static_cast<double>(*least), static_cast<double>(*most), sum / static_cast<double>(tensor.dims().elements()));
    text += numbers;
  }
  return text;
}

std::string summary_json(const TensorInfo& info, const Tensor& tensor) {
  std::string dims;
  for (const std::int64_t size : tensor.dims()) {
    dims += (dims.empty() ? "" : ", ") + std::to_string(size);
  }
  return "{\"name\": " + json_string(info.name) + ", \"dtype\": \"" + to_string(tensor.dtype()) + "\", \"dims\": [" + dims + "]}";
}

// One row of logits as text or JSON.
Result<std::string> top_text(const Tensor& logits, std::size_t row, const std::vector<std::string>& labels, const Arguments& arguments) {
  const auto best = top_k(logits, row, arguments.topk);
  if (!best) {
    return best.error();
  }
  std::string text;
  for (const ClassScore& score : *best) {
    const std::string label = score.index < labels.size() ? labels[score.index] : "class " + std::to_string(score.index);
    const auto probability = static_cast<double>(score.probability);
    if (arguments.json) {
      text += std::string(text.empty() ? "" : ", ") + "{\"index\": " + std::to_string(score.index) + ", \"label\": " + json_string(label) + ", \"probability\": " + json_number(probability) + "}";
    } else {
      char line[32];
      std::snprintf(line, sizeof line, "  %6.2f%%  ", 100.0 * probability);
      text += line + label + "\n";
    }
  }
  return text;
}

}  // namespace

Result<std::string> report(const std::string& what, const Model& model, const Outputs& outputs, const std::vector<std::string>& labels, const Arguments& arguments) {
  std::string text;
  if (kClassifier) {
    const auto rows = static_cast<std::size_t>(outputs[0].dims()[0]);
    for (std::size_t row = 0; row < rows; ++row) {
      const Result<std::string> top = top_text(outputs[0], row, labels, arguments);
      if (!top) {
        return top.error();
      }
      const std::string source = rows == 1 ? what : what + "[" + std::to_string(row) + "]";
      if (arguments.json) {
        text += std::string(text.empty() ? "" : ",\n    ") + "{\"source\": " + json_string(source) + ", \"top\": [" + *top + "]}";
      } else {
        text += source + "\n" + *top;
      }
    }
    return text;
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const TensorInfo& info = model.outputs()[i];
    if (arguments.json) {
      text += std::string(text.empty() ? "" : ", ") + summary_json(info, outputs[i]);
    } else {
      text += "  " + summary(info, outputs[i]) + "\n";
    }
  }
  return arguments.json ? "{\"source\": " + json_string(what) + ", \"outputs\": [" + text + "]}" : what + "\n" + text;
}

void Reports::add(const std::string& text) {
  if (!json_) {
    std::fputs(text.c_str(), stdout);
  } else {
    if (count_ == 0) {
      std::printf("{\n  \"model\": %s,\n  \"backend\": %s,\n  \"warning\": %s,\n  \"results\": [\n", json_string(kModelName).c_str(), json_string(backend_version()).c_str(), json_string(kWeightsWarning).c_str());
    }
    std::printf("%s    %s", count_ == 0 ? "" : ",\n", text.c_str());
  }
  ++count_;
  (void)std::fflush(stdout);  // who reads along gets each answer at once; main() looks for errors
}

void Reports::finish() const {
  if (json_ && count_ > 0) {
    std::printf("\n  ]\n}\n");
  }
}

}  // namespace sample::app
