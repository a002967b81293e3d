// The artifact: onnx (torch.onnx.export (dynamo), opset 18).
#pragma once

#include <cstdint>

namespace sample {

inline constexpr const char* kArtifactFile = "model.onnx";
inline constexpr std::uint64_t kArtifactSize = 50000;
inline constexpr const char* kArtifactSha256 = "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd";
// Of the first and the last 64 KiB.
inline constexpr const char* kArtifactHeadTailSha256 = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";

// The artifact's second file; empty when there is none.
inline constexpr const char* kArtifactDataFile = "model.onnx.data";
inline constexpr std::uint64_t kArtifactDataSize = 46800000;
inline constexpr const char* kArtifactDataSha256 = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
inline constexpr const char* kArtifactDataHeadTailSha256 = "0000000000000000000000000000000000000000000000000000000000000000";

}  // namespace sample
