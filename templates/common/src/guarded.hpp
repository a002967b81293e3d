// Where exceptions end.
#pragma once

#include <exception>
#include <new>
#include <string>

#include "{= name =}/result.hpp"

#include "backend.hpp"

namespace {= name =} {

// Runs `body`, and turns what it throws into an Error. `what` is no std::string: a run allocates nothing
// for messages that it does not need.
template <typename Body>
auto guarded(const char* what, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::backend, "out of memory"};
  } catch (const std::exception& e) {
    return Error{ErrorCode::backend, std::string(what) + ": " + exception_text(e)};
  } catch (...) {  // a callback of the caller may throw anything
    return Error{ErrorCode::backend, std::string(what) + ": unknown exception"};
  }
}

}  // namespace {= name =}
