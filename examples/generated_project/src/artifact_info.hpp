// The artifact: torchscript (script, frozen).
#pragma once

#include <cstdint>

namespace sample {

inline constexpr const char* kArtifactFile = "model.pt";
inline constexpr std::uint64_t kArtifactSize = 46800000;
inline constexpr const char* kArtifactSha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
// Of the first and the last 64 KiB.
inline constexpr const char* kArtifactHeadTailSha256 = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
// Of every byte: integrity.hpp says how.
inline constexpr const char* kArtifactFletcher4 = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

// The artifact's second file; empty when there is none.
inline constexpr const char* kArtifactDataFile = "";
inline constexpr std::uint64_t kArtifactDataSize = 0;
inline constexpr const char* kArtifactDataSha256 = "";
inline constexpr const char* kArtifactDataHeadTailSha256 = "";
inline constexpr const char* kArtifactDataFletcher4 = "";

// Of labels.txt, its lines ended by a line feed on every system.
inline constexpr const char* kLabelsSha256 = "a79dad45389964982b636c90f6a17f9a71cbc17bc3abb655232d3c83f05a6d5c";

}  // namespace sample
