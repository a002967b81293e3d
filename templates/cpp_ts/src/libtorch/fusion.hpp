// oneDNN graph fusion: a switch of the process, and a pause for models that cannot run it.
#pragma once

#include <shared_mutex>

namespace {= name =} {

// Whether models that are loaded from now on are fused.
[[nodiscard]] bool fusion_is_on();

// Waits for compilations that are under way.
void set_fusion(bool on);

// Held while a model is compiled. Turns oneDNN graph fusion off for that time, unless it is wanted: another project
// of the process may have turned it on, and there are models that it cannot run.
class FusionPause {
 public:
  explicit FusionPause(bool wanted);
  FusionPause(const FusionPause&) = delete;
  FusionPause& operator=(const FusionPause&) = delete;
  ~FusionPause();

 private:
  std::shared_lock<std::shared_mutex> shared_;
  std::unique_lock<std::shared_mutex> alone_;
  bool paused_ = false;
};

}  // namespace {= name =}
