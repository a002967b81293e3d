#include "trt_plan.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string_view>
#include <system_error>

#include "path_text.hpp"

namespace {= name =}::trt {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPlanTag = "ftrt";
constexpr std::size_t kVersionAt = 24;  // four bytes, where the word after the tag is 0
constexpr std::size_t kHeadSize = 64;

std::size_t read_head(const fs::path& file, std::array<unsigned char, kHeadSize>& head) {
  std::ifstream in(file, std::ios::binary);
  in.read(reinterpret_cast<char*>(head.data()), static_cast<std::streamsize>(head.size()));
  return static_cast<std::size_t>(in.gcount());
}

std::uint32_t word_at(const unsigned char* bytes) {
  std::uint32_t word = 0;
  for (unsigned i = 0; i < 4; ++i) {
    word |= static_cast<std::uint32_t>(bytes[i]) << (8U * i);
  }
  return word;
}

// What a file is that is no plan, and what to do about it; empty when that is not known.
std::string foreign(const Bytes& file, const std::string& name) {
  const std::string_view text(reinterpret_cast<const char*>(file.data.get()), file.size);
  const auto starts = [&](std::string_view with) { return text.substr(0, with.size()) == with; };
  if (file.size > 5 && file.data[4] == '{') {
    const std::uint64_t metadata = word_at(file.data.get());
    if (4 + metadata + kPlanTag.size() <= file.size && text.substr(static_cast<std::size_t>(4 + metadata), kPlanTag.size()) == kPlanTag) {
      return "is an engine as Ultralytics exports it, with " + std::to_string(metadata) + " bytes of JSON in front of the plan. Write the plan alone: tail -c +" + std::to_string(metadata + 5) + " '" + name + "' > plain.engine";
    }
  }
  if (starts("version https://git-lfs")) {
    return "is a pointer of git-lfs, not the file itself: run git lfs pull";
  }
  if (starts("PK\x03\x04")) {
    return "is a zip archive (TorchScript and torch.export files are such), not an engine";
  }
  if (starts("{") || starts("[")) {
    return "is JSON text, not an engine";
  }
  // ONNX: field 1 (the version of the format, a small number), then another field of the model.
  if (file.size > 2 && file.data[0] == 0x08 && file.data[1] < 0x40 && (file.data[2] == 0x12 || file.data[2] == 0x3a || file.data[2] == 0x42)) {
    return "is an ONNX file, not an engine: name it *.onnx, and it is built here";
  }
  return {};
}

Error refused(const fs::path& file, const std::string& why) { return Error{ErrorCode::bad_file, path_text(file) + " " + why}; }

}  // namespace

bool names_plan(const fs::path& file) {
  const fs::path suffix = file.extension();
  if (suffix == ".engine" || suffix == ".plan" || suffix == ".trt") {
    return true;
  }
  std::array<unsigned char, kHeadSize> head{};
  const std::size_t size = read_head(file, head);
  return is_cached_engine(head.data(), size) || (size >= kPlanTag.size() && std::memcmp(head.data(), kPlanTag.data(), kPlanTag.size()) == 0);
}

Result<Bytes> read_plan_file(const fs::path& file, Check check) {
  std::error_code error;
  const std::uint64_t size = fs::file_size(file, error);
  std::array<unsigned char, kHeadSize> head{};
  const std::size_t head_size = read_head(file, head);
  if (error || (size > 0 && head_size == 0)) {
    return Error{ErrorCode::not_found, "cannot read engine " + path_text(file)};
  }
  if (size == 0) {
    return refused(file, "is empty");
  }
  if (is_cached_engine(head.data(), head_size)) {
    return read_cached(file, "", check);
  }
  Bytes plan;
  plan.size = static_cast<std::size_t>(size);
  plan.data.reset(new unsigned char[plan.size]);
  std::ifstream in(file, std::ios::binary);
  if (!in.read(reinterpret_cast<char*>(plan.data.get()), static_cast<std::streamsize>(plan.size))) {
    return Error{ErrorCode::io, "cannot read engine " + path_text(file)};
  }
  if (const std::string what = foreign(plan, path_text(file)); !what.empty()) {
    return refused(file, what);
  }
  return plan;
}

std::string plan_version(const Bytes& plan) {
  if (plan.size < kVersionAt + 4 || std::memcmp(plan.data.get(), kPlanTag.data(), kPlanTag.size()) != 0 || word_at(plan.data.get() + 4) != 0) {
    return {};
  }
  std::string text;
  for (std::size_t i = 0; i < 4; ++i) {
    text += (text.empty() ? "" : ".") + std::to_string(plan.data[kVersionAt + i]);
  }
  return text;
}

}  // namespace {= name =}::trt
