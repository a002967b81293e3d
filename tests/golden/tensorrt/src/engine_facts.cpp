#include "engine_facts.hpp"

#include "engine_info.hpp"

namespace sample {

Precision engine_precision() noexcept { return kPrecision; }

bool engine_tf32() noexcept { return kTf32; }

std::vector<ProfileShapes> engine_profiles() {
  std::vector<ProfileShapes> profiles;
  for (const auto& shapes : kProfiles) {
    profiles.emplace_back(shapes.begin(), shapes.end());
  }
  return profiles;
}

}  // namespace sample
