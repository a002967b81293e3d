// How a program ends: its exit code, and that what it printed has arrived.
#pragma once

#include <cstdio>

#include "{= name =}/result.hpp"

namespace {= name =}::app {

// Tells the error; its exit code, which is the same in all programs: 2 wrong usage, 3 no device, 1 everything else.
[[nodiscard]] inline int fail(const char* program, const Error& error) {
  std::fprintf(stderr, "%s: %s\n", program, error.message.c_str());
  return error.code == ErrorCode::invalid_argument ? 2 : (error.code == ErrorCode::no_device ? 3 : 1);
}

// `code`, where all that was printed has arrived; on a full disk, among others, it has not.
[[nodiscard]] inline int finish(const char* program, int code) {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    return fail(program, Error{ErrorCode::io, "cannot write to standard output"});
  }
  return code;
}

}  // namespace {= name =}::app
