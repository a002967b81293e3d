// What the program does for the task of its model: options of its own, and what it says of the outputs.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sample/model.hpp"

namespace sample::app {

struct TaskOptions {
  std::string labels;  // empty: the project's own
  int topk = 5;
};

// Whether `option` is the task's; each takes a value.
[[nodiscard]] bool is_task_option(std::string_view option) noexcept;
[[nodiscard]] Result<void> set_task_option(std::string_view option, const std::string& value, TaskOptions& options);
// What --help says of them.
extern const char* const kTaskUsage;

class Task {
 public:
  // With what it reads, such as labels.
  [[nodiscard]] static Result<Task> load(const TaskOptions& options);
  // What the model said of one picture or one batch of raw tensors, as text or JSON.
  [[nodiscard]] Result<std::string> report(const std::string& what, const Model& model, const Outputs& outputs, bool json) const;

 private:
  std::size_t topk_ = 5;
  std::vector<std::string> labels_;
};

}  // namespace sample::app
