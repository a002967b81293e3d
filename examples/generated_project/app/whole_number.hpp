// Whole numbers of the command line.
#pragma once

#include <charconv>
#include <string>
#include <string_view>

#include "sample/result.hpp"

namespace sample::app {

[[nodiscard]] inline Result<int> to_int(std::string_view option, std::string_view text, int least) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least) {
    return Error{ErrorCode::invalid_argument, std::string(option) + " needs a whole number of " + std::to_string(least) + " or more, got '" + std::string(text) + "'; see --help"};
  }
  return value;
}

}  // namespace sample::app
