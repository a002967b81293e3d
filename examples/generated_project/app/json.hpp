// The little that printing JSON takes.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

namespace sample::app {

// Bytes of the UTF-8 character that `text` begins with; 0 where it begins with none.
[[nodiscard]] inline std::size_t utf8_length(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned>(static_cast<unsigned char>(text[i])) : 0U;
  };
  const auto within = [](unsigned value, unsigned low, unsigned high) { return value >= low && value <= high; };
  const unsigned lead = byte(0);
  if (lead < 0x80U) {
    return text.empty() ? 0 : 1;
  }
  if (!within(lead, 0xC2U, 0xF4U)) {
    return 0;
  }
  const std::size_t length = lead < 0xE0U ? 2 : (lead < 0xF0U ? 3 : 4);
  for (std::size_t i = 1; i < length; ++i) {
    // The second byte also tells what is longer than it has to be, half of a surrogate pair, or above U+10FFFF.
    const bool second = i == 1;
    const unsigned low = second && lead == 0xE0U ? 0xA0U : (second && lead == 0xF0U ? 0x90U : 0x80U);
    const unsigned high = second && lead == 0xEDU ? 0x9FU : (second && lead == 0xF4U ? 0x8FU : 0xBFU);
    if (!within(byte(i), low, high)) {
      return 0;
    }
  }
  return length;
}

// A JSON string with its quotes. JSON is UTF-8, and names of files need not be: each byte that is no part of a
// character becomes U+FFFD.
[[nodiscard]] inline std::string json_string(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const char c = text.front();
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20U) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += escaped;
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out + "\"";
}

// A number that reads back as the same float; null when it is not finite.
[[nodiscard]] inline std::string json_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  // By its text, "nan" or "inf": -ffast-math believes that every number is finite. JSON has no other word for it.
  return std::strchr(text, 'n') == nullptr ? text : "null";
}

}  // namespace sample::app
