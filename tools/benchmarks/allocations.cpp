#include "allocations.hpp"

#include <link.h>
#include <unwind.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace {

constexpr std::size_t kMostCalls = 1 << 16;  // reserved, so that watching does not allocate

thread_local NewCalls* watcher = nullptr;

struct Range {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};

// The code of this program and of the C++ runtime.
struct Binaries {
  std::vector<Range> ours;
  std::vector<Range> runtime;

  Binaries() {
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* self) {
          auto& binaries = *static_cast<Binaries*>(self);
          // The first binary is the program itself, whose name is empty.
          const bool first = info->dlpi_name == nullptr || *info->dlpi_name == '\0';
          const bool is_program = first && binaries.ours.empty();
          const bool is_runtime = !is_program && (std::strstr(info->dlpi_name, "libstdc++") != nullptr || std::strstr(info->dlpi_name, "libc++") != nullptr);
          for (int i = 0; (is_program || is_runtime) && i < info->dlpi_phnum; ++i) {
            const auto& segment = info->dlpi_phdr[i];
            const auto begin = static_cast<std::uintptr_t>(info->dlpi_addr + segment.p_vaddr);
            if (segment.p_type == PT_LOAD) {
              (is_program ? binaries.ours : binaries.runtime).push_back({begin, begin + static_cast<std::uintptr_t>(segment.p_memsz)});
            }
          }
          return 0;
        },
        this);
  }
};

bool holds(const std::vector<Range>& ranges, std::uintptr_t address) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) { return address >= range.begin && address < range.end; });
}

const Binaries& binaries() {
  static const Binaries all;
  return all;
}

struct Walk {
  std::uintptr_t caller;
  bool reached = false;
  bool ours = false;
};

_Unwind_Reason_Code on_frame(_Unwind_Context* context, void* state) {
  auto& walk = *static_cast<Walk*>(state);
  const auto address = static_cast<std::uintptr_t>(_Unwind_GetIP(context));
  walk.reached = walk.reached || address == walk.caller;
  if (!walk.reached || holds(binaries().runtime, address)) {
    return _URC_NO_REASON;
  }
  walk.ours = holds(binaries().ours, address);
  return _URC_END_OF_STACK;
}

// Whether the call that returns to `caller` came from this program: the first frame from there outwards
// that is not the C++ runtime's tells (a std::string allocates inside libstdc++ on behalf of its user).
bool is_ours(std::uintptr_t caller) {
  if (!holds(binaries().runtime, caller)) {
    return holds(binaries().ours, caller);
  }
  Walk walk{caller};
  _Unwind_Backtrace(&on_frame, &walk);
  return walk.ours;
}

void record(std::size_t size, std::uintptr_t caller) {
  NewCalls* const calls = watcher;
  if (calls == nullptr) {
    return;
  }
  watcher = nullptr;  // looking may allocate
  ++calls->all;
  if (calls->our_sizes.size() < kMostCalls && is_ours(caller)) {
    calls->our_sizes.push_back(size);
  }
  watcher = calls;
}

void* allocate(std::size_t size, std::size_t alignment, std::uintptr_t caller) {
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
  (void)binaries();
  watcher = &calls;
}

void stop_watching() noexcept { watcher = nullptr; }

}  // namespace detail

// The array and nothrow forms of the standard library come to these.
void* operator new(std::size_t size) { return allocate(size, 0, reinterpret_cast<std::uintptr_t>(__builtin_return_address(0))); }
void* operator new(std::size_t size, std::align_val_t alignment) { return allocate(size, static_cast<std::size_t>(alignment), reinterpret_cast<std::uintptr_t>(__builtin_return_address(0))); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
