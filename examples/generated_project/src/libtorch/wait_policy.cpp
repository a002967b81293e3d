#include "libtorch/wait_policy.hpp"

#include <algorithm>
#include <cstdlib>

#include "sample/processors.hpp"

namespace sample {

std::string waiting_advice(int threads, const std::filesystem::path& root) {
  const int available = available_processors(root);
  const int online = online_processors(root);
  const bool chosen = std::any_of(kWaitVariables.begin(), kWaitVariables.end(),
      [](const char* variable) { return std::getenv(variable) != nullptr; });
  // Of more threads than it may run at once, the library lets none spin for long.
  const bool spinning = threads > 1 && threads <= processors_in_affinity();
  if (chosen || !spinning || available >= online) {
    return "";
  }
  return "this process may use " + std::to_string(available) + " of " + std::to_string(online) +
      " processors, and LibTorch's threads spin while they wait for one another: where others use these processors, "
      "too, runs take many times as long. Start the program with OMP_WAIT_POLICY=passive in its environment";
}

}  // namespace sample
