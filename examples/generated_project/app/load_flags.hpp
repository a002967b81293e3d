// Options of the command line that go into LoadOptions: the same for every program of the project. Those that
// trtexec has too are named as it names them. What only this project's backend has is in backend_flags.hpp.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "sample/model.hpp"

namespace sample::app {

// What --help says of them, and of the backend's own.
[[nodiscard]] std::string load_usage();

// Takes argv[i], and its value behind it, if it is one of these options: the answer is then true, and `i` the
// last argument that was taken.
[[nodiscard]] Result<bool> take_load_flag(int argc, const char* const* argv, int& i, LoadOptions& options);

// "--check needs quick or full, got 'none'; see --help"
[[nodiscard]] Error bad_value(std::string_view option, const std::string& expected, std::string_view value);

// Whether `value` is `on`; an error where it is neither word.
[[nodiscard]] Result<bool> one_of(
    std::string_view option, std::string_view off, std::string_view on, std::string_view value);

// Whether all of `text` is a number.
template <typename Number>
[[nodiscard]] bool parse_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// oneDNN fuses for the CPU: on a GPU it stays out of the way.
[[nodiscard]] inline std::optional<bool> fusion_for(const LoadOptions& options) {
  return options.device == Device::cuda ? std::optional<bool>(false) : std::nullopt;
}

}  // namespace sample::app
