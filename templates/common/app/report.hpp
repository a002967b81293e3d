// What the program says of the model's answers.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "{= name =}/model.hpp"

#include "arguments.hpp"

namespace {= name =}::app {

// What the model said of one picture or one batch of raw tensors, as text or JSON.
[[nodiscard]] Result<std::string> report(const std::string& what, const Model& model, const Outputs& outputs, const std::vector<std::string>& labels, const Arguments& arguments);

// Prints reports as they come; as JSON, in one object that finish() ends.
class Reports {
 public:
  explicit Reports(bool json) : json_(json) {}
  void add(const std::string& text);
  void finish() const;

 private:
  bool json_;
  std::size_t count_ = 0;
};

}  // namespace {= name =}::app
