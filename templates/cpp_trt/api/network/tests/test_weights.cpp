// The file of weights: mapped as it is, and refused when a bit of it changed.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "artifact_info.hpp"
#include "check.hpp"
#include "{= name =}/assets.hpp"
#include "trt_weights.hpp"
#include "weights_info.hpp"

namespace {= name =}::test {
namespace {

namespace fs = std::filesystem;

trt::NetworkSource source_of(const fs::path& file) { return {file, {}}; }

void test_intact(const fs::path& file, Checker& check) {
  Result<trt::Weights> weights = trt::Weights::open(source_of(file));
  if (!check.that(weights.ok(), weights.ok() ? "" : weights.error().message)) {
    return;
  }
  check.that(weights->unused().size() == kWeights.size(), "nothing is used yet");
  for (const WeightInfo& info : kWeights) {
    const trt::Weights::Array* array = weights->use(info.name);
    if (check.that(array != nullptr, std::string(info.name) + " is found")) {
      check.that(array->values.values != nullptr && array->values.count == info.dims.elements(), std::string(info.name) + " has its elements");
      check.that(reinterpret_cast<std::uintptr_t>(array->values.values) % alignof(float) == 0, std::string(info.name) + " is aligned");
    }
  }
  check.that(weights->unused().empty(), "everything was used");
  const std::string first(kWeights.front().name);
  check.that(weights->use(first + "_") == nullptr && !weights->has(first + "_"), "another name is not found");
  const std::vector<std::string> near = weights->near(first + "_");
  check.that(!near.empty() && near.front() == first, "the nearest name is told");
}

void test_damaged(const fs::path& file, const fs::path& folder, Checker& check) {
  const WeightInfo& last = *std::max_element(kWeights.begin(), kWeights.end(), [](const WeightInfo& a, const WeightInfo& b) { return a.offset < b.offset; });
  const fs::path changed = folder / "changed.bin";
  fs::copy_file(file, changed, fs::copy_options::overwrite_existing);
  {
    std::fstream stream(changed, std::ios::binary | std::ios::in | std::ios::out);
    const auto at = static_cast<std::streamoff>(last.offset);
    stream.seekg(at);
    const char byte = static_cast<char>(stream.get() ^ 1);
    stream.seekp(at);
    stream.put(byte);
  }
  check.fails(trt::Weights::open(source_of(changed)), ErrorCode::integrity, "'" + std::string(last.name) + "'", "a changed bit");

  const fs::path cut = folder / "cut.bin";
  fs::copy_file(file, cut, fs::copy_options::overwrite_existing);
  fs::resize_file(cut, last.offset + last.size - 1);
  check.fails(trt::Weights::open(source_of(cut)), ErrorCode::integrity, "bytes, expected", "a file that ends early");
  fs::resize_file(cut, 0);
  check.fails(trt::Weights::open(source_of(cut)), ErrorCode::integrity, "has 0 bytes", "an empty file");
  check.fails(trt::Weights::open(source_of(folder / "missing.bin")), ErrorCode::not_found, "missing.bin", "a file that is not there");
}

}  // namespace
}  // namespace {= name =}::test

int main() {
  using namespace {= name =};
  test::Checker check;
  const Result<std::filesystem::path> file = find_asset(kArtifactFile);
  if (check.that(file.ok(), file.ok() ? "" : file.error().message)) {
    test::test_intact(*file, check);
    test::test_damaged(*file, test::scratch_folder("weights"), check);
  }
  return check.exit_code();
}
