#include "libtorch/run_memory.hpp"

#include <limits>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace sample {
namespace {

// Runs whose inputs have other sizes than those of the run before, from one release of memory to the next; and what
// has to be free then. Where sizes change all the time this costs about a twentieth of the time, else nothing.
constexpr unsigned kOtherSizes = 32;
constexpr std::size_t kWorthReleasing = 64 * 1024 * 1024;

// Whether freed memory is kept for the next run instead of given back to the system.
std::atomic<bool>& memory_is_kept() {
  static std::atomic<bool> kept = false;
  return kept;
}

// Whether glibc holds much that nobody uses.
bool much_is_free() {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
  return mallinfo2().fordblks >= kWorthReleasing;
#else
  return true;
#endif
}

}  // namespace

void keep_memory() {
#if defined(__GLIBC__)
  constexpr int kLargest = 32 * 1024 * 1024;  // the most that glibc takes: what is larger is mapped for itself
  constexpr int kNever = std::numeric_limits<int>::max();
  memory_is_kept() = mallopt(M_MMAP_THRESHOLD, kLargest) == 1 && mallopt(M_TRIM_THRESHOLD, kNever) == 1;
#endif
}

void release_memory() {
#if defined(__GLIBC__)
  if (memory_is_kept()) {
    malloc_trim(0);
  }
#endif
}

void SizeWatch::before_run(TensorViews inputs) {
  constexpr std::size_t kFactor = 1000003;
  std::size_t sizes = 1;
  for (const TensorView& view : inputs) {
    for (std::size_t i = 0; i < view.dims.size(); ++i) {
      sizes = sizes * kFactor + static_cast<std::size_t>(view.dims[i]);
    }
  }
  // Read first: callers with equal sizes share the line, and need not write it.
  if (last_.load(std::memory_order_relaxed) == sizes || last_.exchange(sizes, std::memory_order_relaxed) == sizes) {
    return;
  }
  if (others_.fetch_add(1, std::memory_order_relaxed) % kOtherSizes == kOtherSizes - 1 && memory_is_kept() &&
      much_is_free()) {
    release_memory();
  }
}

}  // namespace sample
