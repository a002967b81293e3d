// The command line of the benchmark.
#pragma once

#include <string>
#include <string_view>

#include "{= name =}/model.hpp"

namespace {= name =}::bench {

struct Options {
  int iterations = 0;  // 0: as many as fit into `seconds`
  double seconds = 5.0;
  int warmup = 10;
  int batch = 0;  // 0: the size the artifact is tuned for
  int threads = 0;
  int workers = 1;
  LoadOptions load;
  std::string image;
  bool dump_profile = false;
  std::string export_profile;  // files; empty: none
  std::string export_layers;
  std::string export_times;
  std::string baseline;
  double max_regression = 0.10;
  int memory_loads = 0;  // 0: not asked for
  int memory_runs = 0;
  int memory_sizes = 0;
  bool fast_jpeg = false;
  bool json = false;
  bool help = false;
};

[[nodiscard]] Result<Options> parse_options(int argc, const char* const* argv);
[[nodiscard]] std::string usage();

// What the backend adds (backend_options.cpp); what --help says of it, empty: there is nothing.
extern const char* const kBackendUsage;
// What an option is called here that the backend's own tool calls otherwise; every other one itself.
[[nodiscard]] std::string_view own_name(std::string_view option) noexcept;
// Where the FILE of an option goes that only this backend has; null: there is none of this name.
[[nodiscard]] std::string* backend_file(std::string_view option, Options& options) noexcept;
// What goes into Options::export_layers.
[[nodiscard]] Result<std::string> layers_of_engine(const Model& model);

}  // namespace {= name =}::bench
