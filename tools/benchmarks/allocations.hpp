// Watches every operator new of this process.
#pragma once

#include <cstddef>
#include <vector>

struct NewCalls {
  std::size_t all = 0;                 // by anybody: this program, LibTorch, other libraries
  std::vector<std::size_t> our_sizes;  // of each call by code that is linked into this program
};

// What the calling thread allocates while `body` runs. Code that was linked into this program is told from
// LibTorch's by the binary that holds the innermost frame outside the C++ runtime. Not nestable.
template <typename Body>
NewCalls watch_new(Body&& body);

namespace detail {
void start_watching(NewCalls& calls);
void stop_watching() noexcept;
}  // namespace detail

template <typename Body>
NewCalls watch_new(Body&& body) {
  NewCalls calls;
  detail::start_watching(calls);
  body();
  detail::stop_watching();
  return calls;
}
