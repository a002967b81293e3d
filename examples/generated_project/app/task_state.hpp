// Of classification.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sample::app {

// What the command line says.
struct TaskOptions {
  std::string labels;  // empty: the project's own
  int topk = 5;
};

// What a report needs.
struct TaskState {
  std::size_t topk = 5;
  std::vector<std::string> labels;
};

}  // namespace sample::app
