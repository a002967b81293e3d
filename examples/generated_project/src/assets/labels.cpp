#include "sample/labels.hpp"

#include <exception>
#include <string_view>

#include "sample/assets.hpp"
#include "sample/model_info.hpp"

#include "assets/embedded.hpp"
#include "assets/input_file.hpp"
#include "assets/integrity.hpp"
#include "assets/path_text.hpp"
#include "facts.hpp"

namespace sample {
namespace {

std::vector<std::string> split_lines(std::istream& in) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // which editors put in front of UTF-8
  std::vector<std::string> lines;
  std::string line;
  while (std::getline(in, line)) {
    if (lines.empty() && line.compare(0, kByteOrderMark.size(), kByteOrderMark) == 0) {
      line.erase(0, kByteOrderMark.size());
    }
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
    return Error{ErrorCode::integrity,
        where + " is not what this project was generated with (sha256 expected " + labels_sha256() + ", found " +
            found +
            "): it was swapped or edited. Restore it, name labels of your own (load_labels(FILE), --labels FILE), or "
            "generate the project anew with `gencpp new --labels FILE`."};
  }
  return lines;
}

Result<std::vector<std::string>> load(const std::filesystem::path& file) {
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

}  // namespace

Result<std::vector<std::string>> load_labels(const std::filesystem::path& file) {
  try {
    return load(file);
  } catch (const std::exception& e) {
    return Error{ErrorCode::io, std::string("cannot read labels: ") + e.what()};
  }
}

}  // namespace sample
