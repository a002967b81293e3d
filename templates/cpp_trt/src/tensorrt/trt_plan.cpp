#include "tensorrt/trt_plan.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <istream>
#include <string_view>

#include "assets/input_file.hpp"
#include "assets/path_text.hpp"

namespace {= name =}::trt {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPlanTag = "ftrt";
constexpr std::size_t kVersionAt = 24;  // four bytes, where the word after the tag is 0
constexpr std::size_t kHeadSize = 64;

std::size_t read_head(std::istream& in, std::array<unsigned char, kHeadSize>& head) {
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
std::string foreign(const unsigned char* data, std::size_t size, const std::string& name) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto starts = [&](std::string_view with) { return text.substr(0, with.size()) == with; };
  if (size > 5 && data[4] == '{') {
    const std::uint64_t metadata = word_at(data);
    const std::uint64_t plan = 4 + metadata;
    if (plan + kPlanTag.size() <= size && text.substr(static_cast<std::size_t>(plan), kPlanTag.size()) == kPlanTag) {
      return "is an engine as Ultralytics exports it, with " + std::to_string(metadata) +
          " bytes of JSON in front of the plan. Write the plan alone: tail -c +" + std::to_string(metadata + 5) + " '" +
          name + "' > plain.engine";
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
  if (size > 2 && data[0] == 0x08 && data[1] < 0x40 && (data[2] == 0x12 || data[2] == 0x3a || data[2] == 0x42)) {
    return "is an ONNX file, not an engine: name it *.onnx, and it is built here";
  }
  return {};
}

Error refused(const fs::path& file, const std::string& why) {
  return Error{ErrorCode::bad_file, path_text(file) + " " + why};
}

}  // namespace

bool names_plan(const fs::path& file) {
  const fs::path suffix = file.extension();
  if (suffix == ".engine" || suffix == ".plan" || suffix == ".trt") {
    return true;
  }
  InputFile in;
  if (!in.open(file)) {
    return false;
  }
  std::array<unsigned char, kHeadSize> head{};
  const std::size_t size = read_head(in, head);
  return is_cached_engine(head.data(), size) ||
      (size >= kPlanTag.size() && std::memcmp(head.data(), kPlanTag.data(), kPlanTag.size()) == 0);
}

Result<Bytes> read_plan_file(const fs::path& file, Check check) {
  InputFile in;
  const Result<std::uint64_t> size = in.open(file);
  if (!size) {
    return Error{size.error().code, "cannot read engine " + path_text(file) + ": " + size.error().message};
  }
  if (*size == 0) {
    return refused(file, "is empty");
  }
  std::array<unsigned char, kHeadSize> head{};
  const std::size_t head_size = read_head(in, head);
  if (is_cached_engine(head.data(), head_size)) {
    return read_cached(file, "", check);
  }
  // Before all of it is read: another file may be of any size.
  if (const std::string what = foreign(head.data(), head_size, path_text(file)); !what.empty()) {
    return refused(file, what);
  }
  Bytes plan;
  plan.size = static_cast<std::size_t>(*size);
  plan.data.reset(new unsigned char[plan.size]);
  in.clear();  // of the end of a file that is shorter than a head
  in.seekg(0);
  if (!in.read(reinterpret_cast<char*>(plan.data.get()), static_cast<std::streamsize>(plan.size))) {
    return Error{ErrorCode::io, "cannot read engine " + path_text(file)};
  }
  if (const std::string what = foreign(plan.data.get(), plan.size, path_text(file)); !what.empty()) {
    return refused(file, what);
  }
  return plan;
}

std::string plan_version(const Bytes& plan) {
  if (plan.size < kVersionAt + 4 || std::memcmp(plan.data.get(), kPlanTag.data(), kPlanTag.size()) != 0 ||
      word_at(plan.data.get() + 4) != 0) {
    return {};
  }
  std::string text;
  for (std::size_t i = 0; i < 4; ++i) {
    text += (text.empty() ? "" : ".") + std::to_string(plan.data[kVersionAt + i]);
  }
  return text;
}

}  // namespace {= name =}::trt
