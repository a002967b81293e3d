#include "backend_flags.hpp"

#include <cstdint>
#include <limits>
#include <string>

#include "load_flags.hpp"

namespace {= name =}::app {
namespace {

// "workspace:512", "workspace:2G": as trtexec, in MiB unless it says otherwise.
bool parse_workspace(std::string_view text, std::uint64_t& bytes) {
  constexpr std::string_view kPool = "workspace:";
  if (text.substr(0, kPool.size()) != kPool) {
    return false;
  }
  text.remove_prefix(kPool.size());
  unsigned shift = 20;
  constexpr std::string_view kUnits = "BKMG";
  if (const std::size_t unit = text.empty() ? std::string_view::npos : kUnits.find(text.back());
      unit != std::string_view::npos) {
    shift = static_cast<unsigned>(10 * unit);
    text.remove_suffix(1);
  }
  std::uint64_t number = 0;
  if (!parse_number(text, number) || number == 0 || number > (std::numeric_limits<std::uint64_t>::max() >> shift)) {
    return false;
  }
  bytes = number << shift;
  return true;
}

}  // namespace

const char* const kBackendUsage = R"(
which TensorRT engine, named as trtexec names it:
  --loadEngine FILE  an engine: of this project's cache, or a plan of trtexec
  --cacheDir DIR     where compiled engines are kept (default: in the user's
                     cache folder)
  --buildEngine WHEN
                     if_missing (default), or never: fail instead of compiling
                     for minutes
  --memPoolSize workspace:N
                     scratch memory for one layer in MiB; N may end in B, K, M
                     or G
  --builderOptimizationLevel N
                     0 (built fast) to 5 (runs fast)
  --versionCompatible
                     the engine also runs on later versions of TensorRT
  --hardwareCompatibilityLevel LEVEL
                     none, or ampere+: the engine also runs on other GPUs
  --tacticSources LIST
                     such as -CUDNN,+JIT_CONVOLUTIONS
  --profilingVerbosity LEVEL
                     layer_names_only, or detailed: what the engine can tell of
                     its layers
  --noBuilderCache   forget kernels' times between builds
)";

bool set_backend_switch(std::string_view option, LoadOptions& options) {
  if (option == "--versionCompatible") {
    options.engine.version_compatible = true;
  } else if (option == "--noBuilderCache") {
    options.engine.timing_cache = false;
  } else {
    return false;
  }
  return true;
}

bool is_backend_option(std::string_view option) noexcept {
  for (const std::string_view known : {"--loadEngine", "--cacheDir", "--buildEngine", "--memPoolSize",
           "--builderOptimizationLevel", "--hardwareCompatibilityLevel", "--tacticSources", "--profilingVerbosity"}) {
    if (option == known) {
      return true;
    }
  }
  return false;
}

Result<void> set_backend_option(std::string_view option, std::string_view value, LoadOptions& options) {
  EngineOptions& engine = options.engine;
  const auto choose = [&](std::string_view off, std::string_view on, bool& chosen) -> Result<void> {
    const Result<bool> found = one_of(option, off, on, value);
    if (!found) {
      return found.error();
    }
    chosen = *found;
    return {};
  };
  if (option == "--loadEngine") {
    options.artifact = std::string(value);
  } else if (option == "--cacheDir") {
    options.cache_dir = std::string(value);
  } else if (option == "--buildEngine") {
    bool never = false;
    Result<void> set = choose("if_missing", "never", never);
    options.build_engine = never ? BuildEngine::never : BuildEngine::if_missing;
    return set;
  } else if (option == "--memPoolSize") {
    return parse_workspace(value, engine.workspace_bytes) ? Result<void>() : bad_value(option, "workspace:N", value);
  } else if (option == "--builderOptimizationLevel") {
    return parse_number(value, engine.optimization_level) && engine.optimization_level >= 0
        ? Result<void>()
        : bad_value(option, "a whole number from 0 to 5", value);
  } else if (option == "--hardwareCompatibilityLevel") {
    return choose("none", "ampere+", engine.hardware_compatible);
  } else if (option == "--tacticSources") {
    engine.tactic_sources = value;
  } else {
    return choose("layer_names_only", "detailed", engine.detailed_layers);
  }
  return {};
}

}  // namespace {= name =}::app
