#include "allocations.hpp"

#include <dlfcn.h>
#include <execinfo.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <new>

namespace {

constexpr std::size_t kMostCalls = 1 << 16;  // reserved, so that watching does not allocate

thread_local NewCalls* watcher = nullptr;

// The binary that holds `address`; empty when nobody knows.
const char* binary_of(const void* address) {
  Dl_info info{};
  return dladdr(address, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "";
}

bool is_runtime(const char* binary) { return std::strstr(binary, "libstdc++") != nullptr || std::strstr(binary, "libc++") != nullptr; }

// Whether the call that returns to `caller` came from this program: the first frame from there outwards
// that is not the C++ runtime's tells (a std::string allocates inside libstdc++ on behalf of its user).
bool is_ours(const void* caller) {
  static const char* const program = binary_of(reinterpret_cast<const void*>(&is_runtime));
  std::array<void*, 64> frames{};
  const auto count = static_cast<std::size_t>(backtrace(frames.data(), static_cast<int>(frames.size())));
  bool reached = false;
  for (std::size_t i = 0; i < count; ++i) {
    reached = reached || frames[i] == caller;
    if (!reached) {
      continue;
    }
    // A return address may lie one past the end of its function.
    const char* const binary = binary_of(static_cast<const char*>(frames[i]) - 1);
    if (!is_runtime(binary)) {
      return std::strcmp(binary, program) == 0;
    }
  }
  return false;
}

void record(std::size_t size, const void* caller) {
  NewCalls* const calls = watcher;
  if (calls == nullptr) {
    return;
  }
  watcher = nullptr;  // backtrace and dladdr may allocate
  ++calls->all;
  if (calls->our_sizes.size() < kMostCalls && is_ours(caller)) {
    calls->our_sizes.push_back(size);
  }
  watcher = calls;
}

void* allocate(std::size_t size, std::size_t alignment, const void* caller) {
  record(size, caller);
  void* memory = nullptr;
  if (alignment <= alignof(std::max_align_t)) {
    memory = std::malloc(size == 0 ? 1 : size);
  } else if (posix_memalign(&memory, alignment, size == 0 ? 1 : size) != 0) {
    memory = nullptr;
  }
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}

}  // namespace

namespace detail {

void start_watching(NewCalls& calls) {
  calls.our_sizes.reserve(kMostCalls);
  (void)is_ours(nullptr);  // the first backtrace loads a library
  watcher = &calls;
}

void stop_watching() noexcept { watcher = nullptr; }

}  // namespace detail

// The array and nothrow forms of the standard library come to these.
void* operator new(std::size_t size) { return allocate(size, 0, __builtin_return_address(0)); }
void* operator new(std::size_t size, std::align_val_t alignment) { return allocate(size, static_cast<std::size_t>(alignment), __builtin_return_address(0)); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
