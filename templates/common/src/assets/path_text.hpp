// Paths in messages.
#pragma once

#include <filesystem>
#include <string>

namespace {= name =} {

// UTF-8 on every system; path::string() throws on Windows for names outside of the code page.
[[nodiscard]] inline std::string path_text(const std::filesystem::path& path) {
  const auto text = path.u8string();  // of char in C++17, of char8_t in C++20
  return std::string(text.begin(), text.end());
}

}  // namespace {= name =}
