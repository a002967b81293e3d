#include "load_flags.hpp"

#include <charconv>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace sample::app {
namespace {

Error bad(std::string_view option, const std::string& expected, std::string_view value) {
  return Error{ErrorCode::invalid_argument, std::string(option) + " needs " + expected + ", got '" + std::string(value) + "'; see --help"};
}

template <typename Number>
bool parse(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// "workspace:512", "workspace:2G": as trtexec, in MiB unless it says otherwise.
bool parse_workspace(std::string_view text, std::uint64_t& bytes) {
  constexpr std::string_view kPool = "workspace:";
  if (text.substr(0, kPool.size()) != kPool) {
    return false;
  }
  text.remove_prefix(kPool.size());
  unsigned shift = 20;
  constexpr std::string_view kUnits = "BKMG";
  if (const std::size_t unit = text.empty() ? std::string_view::npos : kUnits.find(text.back()); unit != std::string_view::npos) {
    shift = static_cast<unsigned>(10 * unit);
    text.remove_suffix(1);
  }
  std::uint64_t number = 0;
  if (!parse(text, number) || number == 0 || number > (std::numeric_limits<std::uint64_t>::max() >> shift)) {
    return false;
  }
  bytes = number << shift;
  return true;
}

bool set_plain(std::string_view option, EngineOptions& engine) {
  if (option == "--versionCompatible") {
    engine.version_compatible = true;
  } else if (option == "--noBuilderCache") {
    engine.timing_cache = false;
  } else if (option == "--useCudaGraph") {
    engine.cuda_graph = true;
  } else if (option == "--noCudaGraph") {
    engine.cuda_graph = false;
  } else {
    return false;
  }
  return true;
}

bool takes_value(std::string_view option) {
  for (const std::string_view known : {"--loadEngine", "--check", "--cacheDir", "--buildEngine", "--memPoolSize", "--builderOptimizationLevel", "--hardwareCompatibilityLevel", "--tacticSources", "--profilingVerbosity"}) {
    if (option == known) {
      return true;
    }
  }
  return false;
}

Result<void> set_value(std::string_view option, std::string_view value, LoadOptions& options) {
  EngineOptions& engine = options.engine;
  // One of two words; the first is `off`.
  const auto choose = [&](std::string_view off, std::string_view on, bool& chosen) -> Result<void> {
    chosen = value == on;
    return chosen || value == off ? Result<void>() : bad(option, std::string(off) + " or " + std::string(on), value);
  };
  if (option == "--loadEngine") {
    options.artifact = std::string(value);
  } else if (option == "--check") {
    bool full = false;
    Result<void> set = choose("quick", "full", full);
    options.check = full ? Check::full : Check::quick;
    return set;
  } else if (option == "--cacheDir") {
    options.cache_dir = std::string(value);
  } else if (option == "--buildEngine") {
    bool never = false;
    Result<void> set = choose("if_missing", "never", never);
    options.build_engine = never ? BuildEngine::never : BuildEngine::if_missing;
    return set;
  } else if (option == "--memPoolSize") {
    return parse_workspace(value, engine.workspace_bytes) ? Result<void>() : bad(option, "workspace:N", value);
  } else if (option == "--builderOptimizationLevel") {
    return parse(value, engine.optimization_level) && engine.optimization_level >= 0 ? Result<void>() : bad(option, "a whole number from 0 to 5", value);
  } else if (option == "--hardwareCompatibilityLevel") {
    return choose("none", "ampere+", engine.hardware_compatible);
  } else if (option == "--tacticSources") {
    engine.tactic_sources = value;
  } else {
    return choose("layer_names_only", "detailed", engine.detailed_layers);
  }
  return value.empty() ? bad(option, "a value", value) : Result<void>();
}

}  // namespace

Result<bool> take_load_flag(int argc, const char* const* argv, int& i, LoadOptions& options) {
  std::string_view option = argv[i];
  if (set_plain(option, options.engine)) {
    return true;
  }
  const std::size_t equals = option.find('=');
  const bool attached = equals != std::string_view::npos;
  const std::string_view value = attached ? option.substr(equals + 1) : std::string_view(i + 1 < argc ? argv[i + 1] : "");
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
