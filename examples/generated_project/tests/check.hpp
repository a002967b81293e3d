// What the tests share: they are plain programs that return 0, 1 (failed) or 77 (skipped).
#pragma once

#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

#include "sample/result.hpp"

#include "places.hpp"

namespace sample::test {

inline constexpr int kSkipped = 77;

// Counts and prints what did not hold.
class Checker {
 public:
  bool that(bool held, const std::string& what) {
    if (!held) {
      ++failures_;
      std::printf("FAILED: %s\n", what.c_str());
    }
    return held;
  }

  // Whether an operation failed with this code and names `part` in its message.
  template <typename T>
  void fails(const Result<T>& result, ErrorCode code, const std::string& part, const std::string& what) {
    if (!that(!result.ok(), what + ": was accepted")) {
      return;
    }
    that(result.error().code == code,
        what + ": code is " + to_string(result.error().code) + ", expected " + to_string(code) + " (" +
            result.error().message + ")");
    that(result.error().message.find(part) != std::string::npos,
        what + ": the message does not say '" + part + "': " + result.error().message);
  }

  // Whether the model was loaded. Where the machine has no device for it, the test counts as skipped.
  template <typename T>
  bool loaded(const Result<T>& model) {
    if (!model.ok() && model.error().code == ErrorCode::no_device) {
      skipped_ = model.error().message;
      return false;
    }
    return that(model.ok(), model.ok() ? "" : model.error().message);
  }

  [[nodiscard]] int exit_code() const {
    if (failures_ > 0) {
      return 1;
    }
    if (!skipped_.empty()) {
      std::printf("skipped: %s\n", skipped_.c_str());
      return kSkipped;
    }
    std::printf("passed\n");
    return 0;
  }

 private:
  int failures_ = 0;
  std::string skipped_;  // why the rest could not run
};

// A folder of its own for one test, emptied first and removed at the end: a pipe that is left in it is in the way of
// whoever copies the build.
class Scratch {
 public:
  explicit Scratch(const std::string& name) : folder_(std::filesystem::path(scratch_root()) / name) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code error;
    std::filesystem::remove_all(folder_, error);
  }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
};

// A golden file of the project.
inline std::filesystem::path golden(const std::string& file) { return std::filesystem::path(goldens_folder()) / file; }

}  // namespace sample::test
