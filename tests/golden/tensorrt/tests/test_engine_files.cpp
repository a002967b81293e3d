// What somebody names as an engine and is none.
#include <cstdint>
#include <fstream>
#include <string>
#include <system_error>

#if !defined(_WIN32)
#include <sys/stat.h>
#endif

#include "check.hpp"
#include "tensorrt/trt_plan.hpp"

namespace sample::test {
namespace {

namespace fs = std::filesystem;

fs::path write(const fs::path& file, const std::string& content) {
  std::ofstream(file, std::ios::binary) << content;
  return file;
}

std::string word(std::uint32_t value) {
  std::string bytes;
  for (unsigned shift = 0; shift < 32; shift += 8) {
    bytes += static_cast<char>(static_cast<unsigned char>(value >> shift));
  }
  return bytes;
}

// The beginning of a plan of TensorRT 10.13.3.9.
std::string plan_text() {
  return "ftrt" + word(0) + std::string(16, '\0') + std::string("\x0a\x0d\x03\x09", 4) + std::string(100, 'p');
}

void test_plans(const fs::path& folder, Checker& check) {
  const Result<trt::Bytes> plan = trt::read_plan_file(write(folder / "plain.engine", plan_text()), Check::quick);
  check.that(plan.ok() && plan->size == plan_text().size(), "a plain plan is read");
  check.that(plan.ok() && trt::plan_version(*plan) == "10.13.3.9", "its version is read");

  const std::string key = trt::key_text({{"gpu", "A"}});
  const fs::path cached = folder / "cached";
  check.that(trt::write_cached(cached, key, plan_text().data(), plan_text().size()).ok(), "writing");
  const Result<trt::Bytes> ours = trt::read_plan_file(cached, Check::full);
  check.that(ours.ok() && ours->size == plan_text().size(), "an engine of the cache is read");

  check.that(trt::names_plan(folder / "x.engine") && trt::names_plan(folder / "x.plan"), "a suffix names a plan");
  check.that(
      trt::names_plan(cached) && trt::names_plan(write(folder / "plan.onnx", plan_text())), "so does the content");
  check.that(!trt::names_plan(folder / "x.onnx") && !trt::names_plan(write(folder / "short", "ft")),
      "other files are no plans");

  const std::string json = "{\"stride\": 32}";
  const std::string ultralytics = word(static_cast<std::uint32_t>(json.size())) + json + plan_text();
  const auto refused = [&](const char* name, const std::string& content, const std::string& part) {
    check.fails(trt::read_plan_file(write(folder / name, content), Check::quick), ErrorCode::bad_file, part, name);
  };
  refused("ultralytics.engine", ultralytics, "Ultralytics");
  refused("ultralytics-remedy.engine", ultralytics, "tail -c +19 ");
  refused("lfs.engine", "version https://git-lfs.github.com/spec/v1\n", "git lfs pull");
  refused("zip.engine", "PK\x03\x04 and more", "zip archive");
  refused("json.engine", "{\"a\": 1}", "JSON");
  refused("onnx.engine", std::string("\x08\x08\x12\x07pytorch", 11), "ONNX");
  refused("empty.engine", "", "is empty");
  check.fails(trt::read_plan_file(folder / "missing.engine", Check::quick), ErrorCode::not_found, "missing.engine",
      "an engine that is not there");
#if !defined(_WIN32)
  check.that(
      ::mkfifo((folder / "pipe.engine").c_str(), 0600) == 0 && ::mkfifo((folder / "pipe").c_str(), 0600) == 0,
      "mkfifo");
  check.fails(trt::read_plan_file(folder / "pipe.engine", Check::quick), ErrorCode::bad_file, "a pipe", "a pipe");
  check.that(!trt::names_plan(folder / "pipe"), "a pipe is no plan, and is not waited for");
#endif
  const fs::path large = write(folder / "large.engine", "PK\x03\x04 and more");
  std::error_code error;
  fs::resize_file(large, std::uintmax_t{6} << 30U, error);  // takes no room on the disk
  check.fails(trt::read_plan_file(large, Check::quick), ErrorCode::bad_file, "zip archive", "6 GB of another kind");
  fs::remove(large);
  const Result<trt::Bytes> unknown =
      trt::read_plan_file(write(folder / "unknown.engine", "what is this?"), Check::quick);
  check.that(unknown.ok() && trt::plan_version(*unknown).empty(), "what is not known is TensorRT's to judge");
}

}  // namespace
}  // namespace sample::test

int main() {
  sample::test::Checker check;
  sample::test::test_plans(sample::test::Scratch("engine_files").folder(), check);
  return check.exit_code();
}
