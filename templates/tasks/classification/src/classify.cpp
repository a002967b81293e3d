#include "{= name =}/classify.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "{= name =}/assets.hpp"
#include "{= name =}/model_info.hpp"

#include "embedded.hpp"
#include "exact_math.hpp"
#include "facts.hpp"
#include "input_file.hpp"
#include "integrity.hpp"
#include "path_text.hpp"

namespace {= name =} {
namespace {

std::vector<std::string> split_lines(std::istream& in) {
  std::vector<std::string> lines;
  std::string line;
  while (std::getline(in, line)) {
    if (!line.empty() && line.back() == '\r') {
      line.pop_back();
    }
    lines.push_back(line);
  }
  return lines;
}

// The project's own labels have to be the ones that it was generated with: others name wrong classes.
Result<std::vector<std::string>> own_lines(std::istream& in, const std::string& where) {
  std::vector<std::string> lines = split_lines(in);
  Sha256 hash;
  for (const std::string& line : lines) {
    hash.update(line.data(), line.size());
    hash.update("\n", 1);
  }
  if (const std::string found = hash.hex(); found != labels_sha256()) {
    return Error{ErrorCode::integrity, where + " is not what this project was generated with (sha256 expected " + labels_sha256() + ", found " + found + "): it was swapped or edited. Restore it, name labels of your own (load_labels(FILE), --labels FILE), or generate the project anew with `gencpp new --labels FILE`."};
  }
  return lines;
}

}  // namespace

std::vector<ClassScore> top_k(const float* logits, std::size_t count, std::size_t k) {
  // NaN has no place in an order: it comes last.
  const auto value = [&](std::size_t i) { return std::isnan(logits[i]) ? -std::numeric_limits<float>::infinity() : logits[i]; };
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t kept = std::min(k, count);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(), [&](std::size_t a, std::size_t b) {
    const float x = value(a);
    const float y = value(b);
    return x != y ? x > y : a < b;
  });

  std::vector<ClassScore> best;
  if (kept == 0) {
    return best;
  }
  // In double, so that the sum over a thousand classes costs no digit of a float.
  const double top = static_cast<double>(logits[order[0]]);
  double sum = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    sum += std::exp(static_cast<double>(logits[i]) - top);
  }
  best.reserve(kept);
  for (std::size_t i = 0; i < kept; ++i) {
    const double e = std::exp(static_cast<double>(logits[order[i]]) - top);
    best.push_back(ClassScore{order[i], static_cast<float>(e / sum)});
  }
  return best;
}

Result<std::vector<ClassScore>> top_k(const Tensor& logits, std::size_t row, std::size_t k) {
  if (logits.dtype() != DType::float32 || logits.dims().size() != 2) {
    return Error{ErrorCode::invalid_argument, "top_k needs float32 logits of N x classes, got " + std::string(to_string(logits.dtype())) + " " + to_string(logits.dims())};
  }
  if (row >= static_cast<std::size_t>(logits.dims()[0])) {
    return Error{ErrorCode::invalid_argument, "top_k: row " + std::to_string(row) + " of " + to_string(logits.dims())};
  }
  const std::size_t classes = static_cast<std::size_t>(logits.dims()[1]);
  return top_k(logits.data_as<float>() + row * classes, classes, k);
}

Result<std::vector<std::string>> load_labels(const std::filesystem::path& file) {
  std::filesystem::path path = file;
  if (path.empty()) {
    if (const EmbeddedFile embedded = embedded_file(kLabelsFile); embedded.data != nullptr) {
      MemoryBuffer buffer(embedded);
      std::istream in(&buffer);
      return own_lines(in, std::string(kLabelsFile) + " inside this binary");
    }
    Result<std::filesystem::path> found = find_asset(std::string(kLabelsFile));
    if (!found) {
      return found.error();
    }
    path = *found;
  }
  InputFile in;
  const Result<std::uint64_t> size = in.open(path);
  if (!size) {
    return Error{size.error().code, "cannot read labels " + path_text(path) + ": " + size.error().message};
  }
  constexpr std::uint64_t kMost = std::uint64_t{64} << 20U;
  if (*size > kMost) {
    return Error{ErrorCode::bad_file,
        path_text(path) + " has " + std::to_string(*size) + " bytes: that is no file of labels, one a line"};
  }
  return file.empty() ? own_lines(in, path_text(path)) : Result<std::vector<std::string>>(split_lines(in));
}

}  // namespace {= name =}
