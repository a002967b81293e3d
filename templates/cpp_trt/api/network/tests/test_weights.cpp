// The weights file: every array is the one that network.cpp was written for, and damage is named.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "{= name =}/assets.hpp"

#include "artifact_info.hpp"
#include "assets/integrity.hpp"
#include "check.hpp"
#include "network/trt_weights.hpp"
#include "weights_info.hpp"

namespace {= name =}::test {
namespace {

namespace fs = std::filesystem;
using trt::NetworkSource;
using trt::Weights;

NetworkSource source_of(const fs::path& file) {
  NetworkSource source;
  source.file = file;
  return source;
}

void change_byte(const fs::path& file, std::uint64_t at) {
  std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
  stream.seekg(static_cast<std::streamoff>(at));
  const int byte = stream.get();
  stream.seekp(static_cast<std::streamoff>(at));
  stream.put(static_cast<char>(byte ^ 1));
}

void test_arrays(Checker& check, const fs::path& file) {
  Result<Weights> weights = Weights::open(source_of(file));
  if (!check.that(weights.ok(), weights.ok() ? "" : "the project's own weights: " + weights.error().message)) {
    return;
  }
  check.that(weights->unused().size() == kWeights.size(), "no array is used at first");
  for (const WeightInfo& info : kWeights) {
    const std::string name(info.name);
    const Weights::Array* array = weights->use(info.name);
    if (!check.that(array != nullptr && weights->has(info.name), name + " is found")) {
      continue;
    }
    check.that(array->dims == info.dims && array->values.count == info.dims.elements(), name + " has its shape");
    check.that(
        info.offset % 64 == 0 && reinterpret_cast<std::uintptr_t>(array->values.values) % sizeof(std::int32_t) == 0,
        name + " is aligned");
    if (info.dtype != DType::int64) {
      Sha256 hash;
      hash.update(array->values.values, static_cast<std::size_t>(info.size));
      check.that(hash.hex() == info.sha256, name + " has its bytes");
    }
    const std::vector<std::string> near = weights->near(name + "x");
    check.that(!near.empty() && near.front() == name, name + " is what is nearest to " + name + "x");
  }
  check.that(weights->unused().empty(), "every array was used");
  check.that(weights->use("no such array at all") == nullptr && weights->near("no such array at all").empty(),
      "nothing is near to a name of another kind");
}

void test_damage(Checker& check, const fs::path& file) {
  const Scratch scratch("weights");
  const fs::path& folder = scratch.folder();
  const fs::path copy = folder / "weights.bin";
  fs::copy_file(file, copy, fs::copy_options::overwrite_existing);
  const WeightInfo& last = *std::max_element(
      kWeights.begin(), kWeights.end(), [](const WeightInfo& a, const WeightInfo& b) { return a.offset < b.offset; });
  for (const WeightInfo* info : {&kWeights.front(), &last}) {
    change_byte(copy, info->offset + info->size / 2);
    check.fails(Weights::open(source_of(copy)), ErrorCode::integrity, "'" + std::string(info->name) + "'",
        "a changed byte in " + std::string(info->name));
    check.fails(Weights::open(source_of(copy)), ErrorCode::integrity, std::string(info->sha256),
        "the expected hash of " + std::string(info->name));
    change_byte(copy, info->offset + info->size / 2);
  }
  fs::resize_file(copy, last.offset + last.size - 1);
  check.fails(Weights::open(source_of(copy)), ErrorCode::integrity,
      std::to_string(last.offset + last.size - 1) + " bytes", "a file that ends early");
  fs::resize_file(copy, 0);
  check.fails(Weights::open(source_of(copy)), ErrorCode::integrity, "0 bytes", "an empty file");
  check.fails(Weights::open(source_of(folder / "no.bin")), ErrorCode::not_found, "no.bin", "a file that is not there");
}

}  // namespace
}  // namespace {= name =}::test

int main() {
  {= name =}::test::Checker check;
  const auto file = {= name =}::find_asset({= name =}::kArtifactFile);
  if (check.that(file.ok(), "the weights are found")) {
    {= name =}::test::test_arrays(check, *file);
    {= name =}::test::test_damage(check, *file);
  }
  return check.exit_code();
}
