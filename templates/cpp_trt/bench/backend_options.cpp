#include "{= name =}/tensorrt.hpp"

#include "options.hpp"

namespace {= name =}::bench {

const char* const kBackendUsage = R"(  --exportLayerInfo FILE
                     the engine's layers as JSON; more of them with
                     --profilingVerbosity=detailed
  --duration S, --infStreams N, --dumpProfile
                     trtexec's names of --seconds, --workers (each has an
                     execution context of its own) and --profile
)";

std::string_view own_name(std::string_view option) noexcept {
  if (option == "--duration") {
    return "--seconds";
  }
  if (option == "--infStreams") {
    return "--workers";
  }
  return option == "--dumpProfile" ? "--profile" : option;
}

std::string* backend_file(std::string_view option, Options& options) noexcept {
  return option == "--exportLayerInfo" ? &options.export_layers : nullptr;
}

Result<std::string> layers_of_engine(const Model& model) { return engine_layers(model); }

}  // namespace {= name =}::bench
