#include "task.hpp"

#include <cstdio>
#include <utility>

#include "sample/classify.hpp"
#include "sample/model_info.hpp"

#include "json.hpp"
#include "whole_number.hpp"

namespace sample::app {
namespace {

// One row of logits as text or JSON.
Result<std::string> top_text(
    const Tensor& logits, std::size_t row, std::size_t count, const std::vector<std::string>& labels, bool json) {
  const auto best = top_k(logits, row, count);
  if (!best) {
    return best.error();
  }
  std::string text;
  for (const ClassScore& score : *best) {
    const std::string label =
        score.index < labels.size() ? labels[score.index] : "class " + std::to_string(score.index);
    const auto probability = static_cast<double>(score.probability);
    if (json) {
      text += std::string(text.empty() ? "" : ", ") + "{\"index\": " + std::to_string(score.index) +
          ", \"label\": " + json_string(label) + ", \"probability\": " + json_number(probability) + "}";
    } else {
      char line[32];
      std::snprintf(line, sizeof line, "  %6.2f%%  ", 100.0 * probability);
      text += line + label + "\n";
    }
  }
  return text;
}

}  // namespace

const char* const kTaskUsage = R"(  --topk N           classes to print (default 5)
  --labels FILE      labels of your own, one a line, in the order of the classes
)";

bool is_task_option(std::string_view option) noexcept { return option == "--topk" || option == "--labels"; }

Result<void> set_task_option(std::string_view option, const std::string& value, TaskOptions& options) {
  if (option == "--labels") {
    options.labels = value;
    return {};
  }
  const Result<int> count = to_int(option, value, 1);
  if (!count) {
    return count.error();
  }
  options.topk = *count;
  return {};
}

Result<Task> Task::load(const TaskOptions& options) {
  Task task;
  task.state_.topk = static_cast<std::size_t>(options.topk);
  if (kLabelCount == 0) {
    if (!options.labels.empty()) {
      return Error{ErrorCode::invalid_argument,
          "--labels: this project was generated without labels (gencpp new --labels FILE)"};
    }
    return task;
  }
  Result<std::vector<std::string>> labels = load_labels(options.labels);
  if (!labels) {
    return labels.error();
  }
  if (labels->size() != kLabelCount) {
    const std::string file = options.labels.empty() ? std::string(kLabelsFile) : options.labels;
    return Error{ErrorCode::bad_file,
        file + " has " + std::to_string(labels->size()) + " labels, the model " + std::to_string(kLabelCount) +
            " classes"};
  }
  task.state_.labels = std::move(labels).value();
  return task;
}

Result<std::string> Task::report(
    const std::string& what, const Model& /*model*/, const Outputs& outputs, bool json) const {
  std::string text;
  const auto rows = static_cast<std::size_t>(outputs[0].dims()[0]);
  for (std::size_t row = 0; row < rows; ++row) {
    const Result<std::string> top = top_text(outputs[0], row, state_.topk, state_.labels, json);
    const std::string source = rows == 1 ? what : what + "[" + std::to_string(row) + "]";
    if (!top) {  // not a wrong argument of the caller's, as it is for top_k()
      return Error{ErrorCode::backend, source + ": the model's answer cannot be classified: " + top.error().message};
    }
    if (json) {
      text += std::string(text.empty() ? "" : ",\n    ") + "{\"source\": " + json_string(source) + ", \"top\": [" +
          *top + "]}";
    } else {
      text += source + "\n" + *top;
    }
  }
  return text;
}

}  // namespace sample::app
