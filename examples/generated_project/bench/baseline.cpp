#include "baseline.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string_view>

namespace sample::bench {
namespace {

// The text after `"key":`; empty where there is none. A key of the object itself stands before any nested one.
std::string_view value_of(std::string_view json, const std::string& key) {
  const std::string quoted = "\"" + key + "\":";
  const std::size_t at = json.find(quoted);
  if (at == std::string_view::npos) {
    return {};
  }
  std::string_view rest = json.substr(at + quoted.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
  return rest.substr(0, rest.find_first_of(",}"));
}

bool read_number(std::string_view json, const std::string& key, double& number) {
  const std::string text(value_of(json, key));
  char* end = nullptr;
  number = std::strtod(text.c_str(), &end);
  return end != text.c_str() && std::isfinite(number) && number > 0.0;
}

bool read_count(std::string_view json, const std::string& key, long long& count) {
  double number = 0.0;
  if (!read_number(json, key, number) || number > 1e9) {
    return false;
  }
  count = std::llround(number);
  return true;
}

bool read_text(std::string_view json, const std::string& key, std::string& text) {
  const std::string_view value = value_of(json, key);
  const std::size_t end = value.find('"', 1);
  if (value.empty() || value[0] != '"' || end == std::string_view::npos) {
    return false;
  }
  text = value.substr(1, end - 1);
  return true;
}

// "batch 1 here, 8 there"; empty where they are equal.
std::string difference(const char* what, long long now, long long then) {
  return now == then ? ""
                     : std::string(what) + " " + std::to_string(now) + " here, " + std::to_string(then) + " there; ";
}

}  // namespace

Result<Summary> read_baseline(const std::string& file) {
  if (!std::filesystem::is_regular_file(file)) {  // a pipe would be waited for
    return Error{ErrorCode::invalid_argument, "--baseline: " + file + " is not a file"};
  }
  std::ifstream in(file, std::ios::binary);
  const std::string json{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in) {
    return Error{ErrorCode::invalid_argument, "--baseline: cannot read " + file};
  }
  Summary then;
  const bool complete = read_number(json, "p50_ms", then.p50_ms) && read_count(json, "batch", then.batch) &&
      read_count(json, "threads", then.threads) && read_count(json, "workers", then.workers) &&
      read_text(json, "device", then.device);
  if (!complete) {
    return Error{ErrorCode::invalid_argument,
        "--baseline: " + file + " is not what `sample_bench --json` prints; store that as the baseline"};
  }
  return then;
}

Result<double> ratio_to_baseline(const Summary& now, const Summary& then, const std::string& file) {
  std::string differences = difference("batch", now.batch, then.batch) +
      difference("threads", now.threads, then.threads) + difference("workers", now.workers, then.workers);
  if (now.device != then.device) {
    differences += "device " + now.device + " here, " + then.device + " there; ";
  }
  if (!differences.empty()) {
    return Error{ErrorCode::invalid_argument,
        "--baseline: " + file + " is of another run: " + differences +
            "give the same options, or store a new baseline"};
  }
  return now.p50_ms / then.p50_ms;
}

}  // namespace sample::bench
