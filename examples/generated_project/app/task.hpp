// What the program does for the task of its model: options of its own, and what it says of the outputs.
#pragma once

#include <string>
#include <string_view>

#include "sample/model.hpp"

#include "task_state.hpp"

namespace sample::app {

// Whether `option` is the task's; each takes a value.
[[nodiscard]] bool is_task_option(std::string_view option) noexcept;
[[nodiscard]] Result<void> set_task_option(std::string_view option, const std::string& value, TaskOptions& options);
// What --help says of them.
extern const char* const kTaskUsage;

class Task {
 public:
  // With what it reads, such as labels.
  [[nodiscard]] static Result<Task> load(const TaskOptions& options);
  // What the model said of one picture or one batch of raw tensors, as text or JSON: there an object for each item
  // with its "source", and commas between them.
  [[nodiscard]] Result<std::string> report(
      const std::string& what, const Model& model, const Outputs& outputs, bool json) const;

 private:
  [[maybe_unused]] TaskState state_;
};

}  // namespace sample::app
