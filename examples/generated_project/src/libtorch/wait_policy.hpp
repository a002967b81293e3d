// How LibTorch's threads wait for one another. GNU's OpenMP library, which LibTorch brings, lets them spin unless the
// environment says otherwise, and reads that when it is loaded, before main().
#pragma once

#include <array>
#include <filesystem>
#include <string>

namespace sample {

// Whoever sets one of them has said how OpenMP's threads wait: GNU's library knows the first two, LLVM's and Intel's
// all but the second.
inline constexpr std::array<const char*, 4> kWaitVariables{
    "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY"};

// What to do about `threads` that spin on processors that others use, too; empty: nothing. `root` as in processors.hpp.
[[nodiscard]] std::string waiting_advice(int threads, const std::filesystem::path& root = "/");

}  // namespace sample
