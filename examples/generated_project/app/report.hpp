// What the program prints.
#pragma once

#include <cstddef>
#include <string>

namespace sample::app {

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

}  // namespace sample::app
