// The fault double: faults, log, leaks. Part of the fake libcudart.
#include "double.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <sstream>

namespace gencpp_double {
namespace {

// Never destroyed: programs release objects in destructors that run late.
struct Counters {
  std::mutex mutex;
  std::map<std::string, int> calls;
  std::map<std::string, int> alive;
};
Counters& counters() {
  static Counters* all = new Counters;
  return *all;
}

void append(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file >= 0) {
    (void)!::write(file, text.data(), text.size());  // one write: lines of two processes do not mix
    ::close(file);
  }
}

}  // namespace

std::string environment(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

bool faulty(const char* name) {
  static const std::string wanted = environment("GENCPP_DOUBLE_FAULT", "");
  if (wanted.empty()) {
    return false;
  }
  int call = 0;
  {
    const std::lock_guard lock(counters().mutex);
    call = ++counters().calls[name];
  }
  std::istringstream list(wanted);
  for (std::string fault; std::getline(list, fault, ',');) {
    const std::size_t at = fault.find('@');
    if (fault.substr(0, at) == name && (at == std::string::npos || std::stoi(fault.substr(at + 1)) == call)) {
      note("fault " + fault);
      return true;
    }
  }
  return false;
}

void note(const std::string& line) {
  static const std::string path = environment("GENCPP_DOUBLE_LOG", "");
  if (!path.empty()) {
    append(path, std::to_string(::getpid()) + " " + line + "\n");
  }
}

void violation(const std::string& what) {
  note("violation " + what);
  std::fprintf(stderr, "DOUBLE: VIOLATION: %s\n", what.c_str());
  std::fflush(nullptr);
  std::abort();
}

void not_implemented(const char* function) { violation(std::string("the double does not implement ") + function); }

std::uint32_t crc32(const void* data, std::size_t bytes, std::uint32_t start) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t c = i;
      for (int k = 0; k < 8; ++k) {
        c = (c & 1U) != 0 ? 0xEDB88320U ^ (c >> 1U) : c >> 1U;
      }
      t[i] = c;
    }
    return t;
  }();
  std::uint32_t c = ~start;
  const auto* p = static_cast<const unsigned char*>(data);
  for (std::size_t i = 0; i < bytes; ++i) {
    c = table[(c ^ p[i]) & 0xFFU] ^ (c >> 8U);
  }
  return ~c;
}

Gpu gpu() {
  const std::string text = environment("GENCPP_DOUBLE_GPU", "Double 3000:8.6");
  const std::size_t colon = text.rfind(':');
  Gpu found;
  found.name = text.substr(0, colon);
  (void)std::sscanf(text.c_str() + colon, ":%d.%d", &found.major, &found.minor);
  return found;
}

void born(const char* kind) {
  const std::lock_guard lock(counters().mutex);
  ++counters().alive[kind];
}

void died(const char* kind) {
  const std::lock_guard lock(counters().mutex);
  if (--counters().alive[kind] < 0) {
    violation(std::string(kind) + " released twice");
  }
}

}  // namespace gencpp_double

namespace {

// After the program's own destructors: those of a library that it links run later.
__attribute__((destructor)) void report_leaks() {
  using namespace gencpp_double;
  if (environment("GENCPP_DOUBLE_LEAKS", "") != "1") {
    return;
  }
  std::string leaks;
  for (const auto& [kind, count] : counters().alive) {
    if (count > 0) {
      leaks += (leaks.empty() ? "" : ", ") + std::to_string(count) + " x " + kind;
    }
  }
  if (!leaks.empty()) {
    note("leak " + leaks);
    std::fprintf(stderr, "DOUBLE: LEAK: %s\n", leaks.c_str());
    std::fflush(nullptr);
    ::_exit(66);
  }
}

}  // namespace

// Whether there is a driver is asked of libcuda: with the fault "no_driver" there is none, with
// "driver_too_old" there is one, whatever this machine has.
extern "C" void* dlopen(const char* file, int mode) {
  using Open = void* (*)(const char*, int);
  static const auto real = reinterpret_cast<Open>(::dlsym(RTLD_NEXT, "dlopen"));
  if (file != nullptr && std::strstr(file, "libcuda.so") != nullptr) {
    const std::string fault = gencpp_double::environment("GENCPP_DOUBLE_FAULT", "");
    if (fault == "no_driver") {
      return nullptr;
    }
    return real(nullptr, RTLD_NOW);
  }
  return real(file, mode);
}
