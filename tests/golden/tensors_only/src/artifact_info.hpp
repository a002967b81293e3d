// The artifact: torchscript (trace, frozen).
#pragma once

#include <cstdint>

namespace sample {

inline constexpr const char* kArtifactFile = "model.pt";
inline constexpr std::uint64_t kArtifactSize = 1000;
inline constexpr const char* kArtifactSha256 = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";
// Of the first and the last 64 KiB.
inline constexpr const char* kArtifactHeadTailSha256 = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

}  // namespace sample
