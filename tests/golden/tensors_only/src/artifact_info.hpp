// The artifact: torchscript (trace, frozen).
#pragma once

#include <cstdint>

namespace sample {

inline constexpr const char* kArtifactFile = "model.pt";
inline constexpr std::uint64_t kArtifactSize = 1000;
inline constexpr const char* kArtifactSha256 = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";
// Of the first and the last 64 KiB.
inline constexpr const char* kArtifactHeadTailSha256 = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";
// Of every byte: integrity.hpp says how.
inline constexpr const char* kArtifactFletcher4 = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

// The artifact's second file; empty when there is none.
inline constexpr const char* kArtifactDataFile = "";
inline constexpr std::uint64_t kArtifactDataSize = 0;
inline constexpr const char* kArtifactDataSha256 = "";
inline constexpr const char* kArtifactDataHeadTailSha256 = "";
inline constexpr const char* kArtifactDataFletcher4 = "";

// Of labels.txt, its lines ended by a line feed on every system.
inline constexpr const char* kLabelsSha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

}  // namespace sample
