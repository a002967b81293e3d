// Names the first layer whose values depart from PyTorch's.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

#include "{= name =}/model.hpp"

#include "console.hpp"
#include "diff_compare.hpp"
#include "diff_run.hpp"
#include "finish.hpp"
#include "tensorrt/engine_facts.hpp"
#include "whole_number.hpp"

namespace app = {= name =}::app;
namespace diff = {= name =}::diff;
using {= name =}::Error;
using {= name =}::ErrorCode;
using {= name =}::Result;

namespace {

constexpr const char* kProgram = "{= name =}_diff";

struct Options {
  {= name =}::LoadOptions load;
  double tolerance = {= name =}::engine_tolerance();
  bool all = false;
  bool json = false;
  bool verbose = false;
  bool help = false;
};

constexpr const char* kUsage = R"(usage: {= name =}_diff [options]

Runs network.cpp on the reference input and compares what its layers give with what they give in PyTorch, in
samples of each tensor. Names the first layer that departs.

Every layer becomes an output of the network, which keeps TensorRT from fusing it with its neighbours: these are
other kernels than those that the model itself runs, and a difference that only fusion makes does not show.
The engine is built for this and kept nowhere.

  --tolerance X  largest difference by the largest |value| of the layer (default %g)
  --all          print every layer, not only those around the first that departs
  --json         print JSON
  --device N     the GPU, counted from 0 (default 0)
  --verbose      print what TensorRT says
  --help         this text

exit codes: 0 no layer departs, 1 one departs, or something failed, 2 wrong usage, 3 there is no device to run on
)";

Result<Options> parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string_view option = argv[i];
    bool* const flag = option == "--all"
        ? &options.all
        : (option == "--json"
                  ? &options.json
                  : (option == "--verbose" ? &options.verbose
                                           : (option == "--help" || option == "-h" ? &options.help : nullptr)));
    if (flag != nullptr) {
      *flag = true;
      continue;
    }
    std::string value;
    if (const std::size_t equals = option.find('='); equals != std::string_view::npos) {
      value = option.substr(equals + 1);
      option = option.substr(0, equals);
    } else if (i + 1 < argc) {
      value = argv[++i];
    }
    if (option == "--tolerance" && !value.empty()) {
      char* end = nullptr;
      options.tolerance = std::strtod(value.c_str(), &end);
      if (*end != '\0' || !(options.tolerance >= 0.0)) {
        return Error{ErrorCode::invalid_argument,
            "--tolerance needs a number that is not negative, got '" + value + "'; see --help"};
      }
    } else if (option == "--device" && !value.empty()) {
      const Result<int> device = app::to_int(option, value, 0);
      if (!device) {
        return device.error();
      }
      options.load.device_index = *device;
    } else {
      return Error{
          ErrorCode::invalid_argument, "unknown option or missing value: " + std::string(option) + "; see --help"};
    }
  }
  return options;
}

int compare_layers(Options& options) {
  app::LoadConsole console(kProgram, options.load, options.verbose);
  const Result<diff::LayerRun> run = diff::run_layers(options.load);
  console.clear();
  if (!run) {
    return app::fail(kProgram, run.error());
  }
  const Result<diff::Report> report = diff::compare(*run, options.tolerance);
  if (!report) {
    return app::fail(kProgram, report.error());
  }
  if (options.json) {
    diff::print_json(*report, *run, options.tolerance);
  } else {
    diff::print_table(*report, *run, options.tolerance, options.all);
  }
  return app::finish(kProgram, report->first ? 1 : 0);
}

}  // namespace

int main(int argc, char** argv) {
  Result<Options> options = parse_options(argc, argv);
  if (!options) {
    return app::fail(kProgram, options.error());
  }
  if (options->help) {
    std::printf(kUsage, options->tolerance);
    return app::finish(kProgram, 0);
  }
  try {
    return compare_layers(*options);
  } catch (const std::exception& e) {
    return app::fail(kProgram, Error{ErrorCode::backend, e.what()});
  }
}
