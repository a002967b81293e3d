// How the artifact is run.
#pragma once

#include <array>

#include "libtorch/libtorch_facts.hpp"

namespace sample {

inline constexpr const char* kVariant = "plain";
inline constexpr RunsOn kRunsOn = RunsOn::any;
inline constexpr bool kFusion = false;
inline constexpr bool kChannelsLast = false;
inline constexpr int kThreads = 0;
inline constexpr const char* kPrecision = "fp32";

// What a run changes of the model, and so gets for itself.
inline constexpr std::array<ChangedAttribute, 0> kChanged{};
// Why runs take turns; empty: they do not.
inline constexpr const char* kSerialised = "";

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
