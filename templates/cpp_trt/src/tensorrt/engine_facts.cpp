#include "tensorrt/engine_facts.hpp"

#include "engine_info.hpp"

namespace {= name =} {

Precision engine_precision() noexcept { return kPrecision; }

const char* precision_name() noexcept { return kPrecisionName; }

ComputeCapability precision_capability() noexcept { return kPrecisionCapability; }

double engine_tolerance() noexcept { return kTolerance; }

bool engine_tf32() noexcept { return kTf32; }

std::vector<ProfileShapes> engine_profiles() {
  std::vector<ProfileShapes> profiles;
  for (const auto& shapes : kProfiles) {
    profiles.emplace_back(shapes.begin(), shapes.end());
  }
  return profiles;
}

}  // namespace {= name =}
