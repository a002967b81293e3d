// The little that printing JSON takes.
#pragma once

#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>

namespace sample::app {

// A JSON string with its quotes.
[[nodiscard]] inline std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20U) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// A number that reads back as the same float; null when it is not finite.
[[nodiscard]] inline std::string json_number(double value) {
  if (!std::isfinite(value)) {
    return "null";  // JSON has no other word for it
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

}  // namespace sample::app
