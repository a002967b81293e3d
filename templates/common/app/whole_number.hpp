// Whole numbers of the command line.
#pragma once

#include <charconv>
#include <limits>
#include <string>
#include <string_view>

#include "{= name =}/result.hpp"

namespace {= name =}::app {

[[nodiscard]] inline Result<int> to_int(
    std::string_view option, std::string_view text, int least, int most = std::numeric_limits<int>::max()) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    const bool bounded = most != std::numeric_limits<int>::max();
    const std::string range = bounded ? " from " + std::to_string(least) + " to " + std::to_string(most)
                                      : " of " + std::to_string(least) + " or more";
    return Error{ErrorCode::invalid_argument,
        std::string(option) + " needs a whole number" + range + ", got '" + std::string(text) + "'; see --help"};
  }
  return value;
}

}  // namespace {= name =}::app
