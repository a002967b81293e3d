// A part of programs, never of the library: it makes LibTorch's threads sleep, not spin, while they wait for one
// another. A program of yours gets the same with this file among its sources, or with OMP_WAIT_POLICY=passive in the
// environment that it is started in.
//
// GNU's OpenMP library reads its environment in its constructor. Left alone, its threads spin for milliseconds wherever
// one waits for another, and where other work wants the processors, that takes them from the thread that is waited for.
// So the program sets the policy and starts itself again. That the variable is set then keeps it from a second time.
// It happens before the constructor of any library has run, so the process, its arguments, standard streams and signals
// stay what they were. Where it cannot start again, it goes on as it is.
#if defined(__linux__)
#include <features.h>
#endif

#if defined(__GLIBC__)
#include <sched.h>
#include <sys/auxv.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstddef>
#include <cstring>
#include <vector>

#include "wait_policy.hpp"

namespace sample {
namespace {

bool is_set(const char* variable, char* const* environment) {
  const std::size_t length = std::strlen(variable);
  for (; *environment != nullptr; ++environment) {
    if (std::strncmp(*environment, variable, length) == 0 && (*environment)[length] == '=') {
      return true;
    }
  }
  return false;
}

bool somebody_chose(char* const* environment) {
  for (const char* variable : kWaitVariables) {
    if (is_set(variable, environment)) {
      return true;
    }
  }
  return false;
}

// With one, the library itself lets its threads sleep.
bool one_processor() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) == 1;
}

// Valgrind does not follow a program that starts itself again: it would check nothing.
bool under_valgrind(char* const* environment) {
  constexpr const char* kPreload = "LD_PRELOAD=";
  for (; *environment != nullptr; ++environment) {
    if (std::strncmp(*environment, kPreload, std::strlen(kPreload)) == 0 &&
        std::strstr(*environment, "vgpreload") != nullptr) {
      return true;
    }
  }
  return false;
}

// Started as an argument of the dynamic loader, /proc/self/exe is the loader; with other rights than its caller's, a
// program leaves its environment alone.
bool started_otherwise() { return getauxval(AT_BASE) == 0 || getauxval(AT_SECURE) != 0; }

void start_passive(int /*argc*/, char** argv, char** environment) {
  if (somebody_chose(environment) || one_processor() || started_otherwise() || under_valgrind(environment)) {
    return;
  }
  static char passive[] = "OMP_WAIT_POLICY=passive";
  std::vector<char*> changed;
  for (; *environment != nullptr; ++environment) {
    changed.push_back(*environment);
  }
  changed.push_back(passive);
  changed.push_back(nullptr);
  // By its path, so that the process is called after its file; the link holds where the file was moved meanwhile.
  constexpr const char* kSelf = "/proc/self/exe";
  std::array<char, PATH_MAX> path{};
  if (readlink(kSelf, path.data(), path.size() - 1) > 0) {
    execve(path.data(), argv, changed.data());
  }
  execve(kSelf, argv, changed.data());
}

// The dynamic loader calls what is in this section of a program before any constructor.
__attribute__((section(".preinit_array"), used)) void (*start)(int, char**, char**) = &start_passive;

}  // namespace
}  // namespace sample
#endif
