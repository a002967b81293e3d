// How the artifact is run on the CPU.
#pragma once

#include "libtorch_facts.hpp"

namespace sample {

inline constexpr const char* kVariant = "plain";
inline constexpr bool kFusion = false;
inline constexpr bool kChannelsLast = false;
inline constexpr int kThreads = 0;
inline constexpr const char* kPrecision = "fp32";

// Whether the artifact holds compiled code, and for which machine.
inline constexpr bool kCompiled = false;
inline constexpr CompiledFor kCompiledFor{
    "",
    "",
    "",
    0,
    "",
    "",
};

}  // namespace sample
