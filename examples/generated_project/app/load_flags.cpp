#include "load_flags.hpp"

#include "backend_flags.hpp"

namespace sample::app {
namespace {

constexpr const char* kLoadUsage = R"(
what is loaded (--check full and --check=full are the same):
  --artifact FILE    another artifact than the project's own
  --check HOW        quick: a checksum of every byte (default), or full: the
                     whole sha256
  --useCudaGraph, --noCudaGraph
                     on a GPU: replay runs as CUDA graphs where possible
                     (default), or never
)";

bool set_switch(std::string_view option, LoadOptions& options) {
  if (option == "--useCudaGraph" || option == "--noCudaGraph") {
    options.engine.cuda_graph = option == "--useCudaGraph";
    return true;
  }
  return set_backend_switch(option, options);
}

bool takes_value(std::string_view option) {
  return option == "--artifact" || option == "--check" || is_backend_option(option);
}

Result<void> set_value(std::string_view option, std::string_view value, LoadOptions& options) {
  if (value.empty()) {
    return bad_value(option, "a value", value);
  }
  if (option == "--artifact") {
    options.artifact = std::string(value);
    return {};
  }
  if (option == "--check") {
    const Result<bool> full = one_of(option, "quick", "full", value);
    if (!full) {
      return full.error();
    }
    options.check = *full ? Check::full : Check::quick;
    return {};
  }
  return set_backend_option(option, value, options);
}

}  // namespace

std::string load_usage() { return std::string(kLoadUsage) + kBackendUsage; }

Error bad_value(std::string_view option, const std::string& expected, std::string_view value) {
  return Error{ErrorCode::invalid_argument,
      std::string(option) + " needs " + expected + ", got '" + std::string(value) + "'; see --help"};
}

Result<bool> one_of(std::string_view option, std::string_view off, std::string_view on, std::string_view value) {
  if (value != off && value != on) {
    return bad_value(option, std::string(off) + " or " + std::string(on), value);
  }
  return value == on;
}

Result<bool> take_load_flag(int argc, const char* const* argv, int& i, LoadOptions& options) {
  std::string_view option = argv[i];
  if (set_switch(option, options)) {
    return true;
  }
  const std::size_t equals = option.find('=');
  const bool attached = equals != std::string_view::npos;
  const std::string_view value =
      attached ? option.substr(equals + 1) : std::string_view(i + 1 < argc ? argv[i + 1] : "");
  option = option.substr(0, equals);
  if (!takes_value(option)) {
    return false;
  }
  if (!attached && i + 1 >= argc) {
    return Error{ErrorCode::invalid_argument, std::string(option) + " needs a value; see --help"};
  }
  if (Result<void> set = set_value(option, value, options); !set) {
    return set.error();
  }
  i += attached ? 0 : 1;
  return true;
}

}  // namespace sample::app
