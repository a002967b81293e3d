#include "options.hpp"

namespace sample::bench {

// LibTorch has no tool whose names would be known, and no engine whose layers could be written.
const char* const kBackendUsage = "";

std::string_view own_name(std::string_view option) noexcept { return option; }

std::string* backend_file(std::string_view /*option*/, Options& /*options*/) noexcept { return nullptr; }

Result<std::string> layers_of_engine(const Model& /*model*/) {
  return Error{ErrorCode::unsupported, "LibTorch compiles no engine"};
}

}  // namespace sample::bench
