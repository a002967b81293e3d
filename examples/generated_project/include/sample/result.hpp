// Result<T>: a value or an Error.
//
// What holds for all of this API, unless a declaration says otherwise: a call that gives a Result throws nothing, and
// any other one is noexcept or throws std::bad_alloc alone; it waits for nothing but its own work, and allocates what
// it gives.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "sample/public.hpp"

namespace SAMPLE_PUBLIC sample {

enum class ErrorCode {
  invalid_argument,  // wrong count, dtype, shape or option
  not_found,         // a file is missing
  bad_file,          // a file is truncated, damaged or of another kind
  integrity,         // an asset is not the one this project was generated with
  unsupported,       // this backend, build or machine cannot do it
  backend,           // the backend reported an error
  io,                // reading or writing failed
  no_device,         // no GPU that can be used: no driver, one that is too old, none that fits the backend
  cancelled,         // the caller stopped it
};

[[nodiscard]] constexpr const char* to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument:
      return "invalid_argument";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::bad_file:
      return "bad_file";
    case ErrorCode::integrity:
      return "integrity";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::backend:
      return "backend";
    case ErrorCode::io:
      return "io";
    case ErrorCode::no_device:
      return "no_device";
    case ErrorCode::cancelled:
      return "cancelled";
  }
  return "unknown";
}

struct Error {
  ErrorCode code;
  std::string message;
};

namespace detail {

// What a Result does not hold was asked for: the program ends here, not anywhere behind.
[[noreturn]] inline void wrong_access(const char* what, const char* message) noexcept {
  std::fprintf(stderr, "sample: %s%s\n", what, message);
  std::abort();
}

}  // namespace detail

// Holds a T or an Error. value() and error() must match what ok() says: otherwise they print why, and abort.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}      // NOLINT: implicit on purpose
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit on purpose

  [[nodiscard]] bool ok() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return ok(); }

  [[nodiscard]] T& value() & {
    if (!ok()) {
      detail::wrong_access("value() of a Result that holds an error: ", error_.message.c_str());
    }
    return *value_;
  }
  [[nodiscard]] const T& value() const& {
    if (!ok()) {
      detail::wrong_access("value() of a Result that holds an error: ", error_.message.c_str());
    }
    return *value_;
  }
  [[nodiscard]] T&& value() && { return std::move(value()); }
  [[nodiscard]] const Error& error() const {
    if (ok()) {
      detail::wrong_access("error() of a Result that holds a value", "");
    }
    return error_;
  }

  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  // Not std::variant: GCC's has another layout in C++20 than in C++17, and a host's standard need not be this one.
  std::optional<T> value_;
  Error error_{ErrorCode::backend, {}};  // where there is no value
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit on purpose

  [[nodiscard]] bool ok() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return ok(); }
  [[nodiscard]] const Error& error() const {
    if (ok()) {
      detail::wrong_access("error() of a Result that is no error", "");
    }
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

}  // namespace sample
