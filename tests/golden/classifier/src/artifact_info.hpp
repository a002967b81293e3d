// The artifact: torchscript (script, frozen).
#pragma once

#include <cstdint>

namespace sample {

inline constexpr const char* kArtifactFile = "model.pt";
inline constexpr std::uint64_t kArtifactSize = 46800000;
inline constexpr const char* kArtifactSha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
// Of the first and the last 64 KiB.
inline constexpr const char* kArtifactHeadTailSha256 = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

// The artifact's second file; empty when there is none.
inline constexpr const char* kArtifactDataFile = "";
inline constexpr std::uint64_t kArtifactDataSize = 0;
inline constexpr const char* kArtifactDataSha256 = "";
inline constexpr const char* kArtifactDataHeadTailSha256 = "";

}  // namespace sample
