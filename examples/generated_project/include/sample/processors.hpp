// How many processors this process may keep busy: threads beyond them wait for one another.
#pragma once

#include <filesystem>

#include "sample/public.hpp"

namespace SAMPLE_PUBLIC sample {

// The most threads that anything here starts: a wrong number must not end the process.
inline constexpr int kMaxThreads = 1024;

// The least of processors_in_affinity() and, on Linux, the CPU quotas (rounded up) of the process's cgroup and of those
// above it, version 1 and 2. At least 1. `root` is where proc/ and sys/ are looked for.
[[nodiscard]] int available_processors(const std::filesystem::path& root = "/");

// Processors that the calling thread may run on.
[[nodiscard]] int processors_in_affinity();

// Processors that the machine has online, whoever may use them.
[[nodiscard]] int online_processors(const std::filesystem::path& root = "/");

}  // namespace sample
