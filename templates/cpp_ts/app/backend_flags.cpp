#include "backend_flags.hpp"

#include "load_flags.hpp"

namespace {= name =}::app {

// LibTorch compiles no engine: the options that every program has are all that it takes.
const char* const kBackendUsage = "";

bool set_backend_switch(std::string_view /*option*/, LoadOptions& /*options*/) { return false; }

bool is_backend_option(std::string_view /*option*/) noexcept { return false; }

Result<void> set_backend_option(std::string_view option, std::string_view value, LoadOptions& /*options*/) {
  return bad_value(option, "another backend", value);
}

}  // namespace {= name =}::app
