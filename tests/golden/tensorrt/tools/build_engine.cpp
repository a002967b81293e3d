// Builds the engine for this machine ahead of the first load.
#include <cstdio>
#include <string>
#include <string_view>

#include "sample/model.hpp"

#include "assets/path_text.hpp"
#include "console.hpp"
#include "finish.hpp"
#include "load_flags.hpp"
#include "tensorrt/trt_tool.hpp"
#include "whole_number.hpp"

namespace app = sample::app;
using sample::Error;
using sample::ErrorCode;
using sample::Result;

namespace {

constexpr const char* kProgram = "sample_build_engine";

struct Options {
  sample::LoadOptions load;
  std::string save_engine;
  bool force = false;
  bool verbose = false;
  bool help = false;
};

constexpr const char* kUsage = R"(usage: sample_build_engine [options]

Builds the TensorRT engine of sample for the GPU of this machine and keeps it where a load with the same
options finds it. What is there already is not built again.

  --device N         the GPU, counted from 0 (default 0)
  --force            build it anew
  --saveEngine FILE  write the plain plan too, for trtexec and other programs
  --verbose          print what TensorRT says
  --help             this text
)";

Result<Options> parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string_view option = argv[i];
    if (option == "--help" || option == "-h") {
      options.help = true;
      continue;
    }
    if (option == "--force") {
      options.force = true;
      continue;
    }
    if (option == "--verbose") {
      options.verbose = true;
      continue;
    }
    const Result<bool> taken = app::take_load_flag(argc, argv, i, options.load);
    if (!taken) {
      return taken.error();
    }
    if (*taken) {
      continue;
    }
    std::string_view value;
    if (const std::size_t equals = option.find('='); equals != std::string_view::npos) {
      value = option.substr(equals + 1);
      option = option.substr(0, equals);
    } else if (i + 1 < argc) {
      value = argv[++i];
    }
    if (option == "--saveEngine" && !value.empty()) {
      options.save_engine = value;
    } else if (option == "--device") {
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

}  // namespace

int main(int argc, char** argv) {
  Result<Options> parsed = parse_options(argc, argv);
  if (!parsed) {
    return app::fail(kProgram, parsed.error());
  }
  Options& options = *parsed;
  if (options.help) {
    std::printf("%s%s\nexit codes: 0 done, 1 failed, 2 wrong usage, 3 there is no device to run on\n", kUsage,
        app::load_usage().c_str());
    return app::finish(kProgram, 0);
  }
  app::LoadConsole console(kProgram, options.load, options.verbose);
  const auto made = sample::trt::make_engine(options.load, options.force, options.save_engine);
  console.clear();
  if (!made) {
    return app::fail(kProgram, made.error());
  }
  const double mib = static_cast<double>(made->bytes) / (1024.0 * 1024.0);
  std::printf("%s in %.1f s for %s, %.1f MiB\n", made->built ? "built" : "there already, read", made->seconds,
      made->gpu.c_str(), mib);
  if (!made->file.empty()) {
    std::printf("%s\n", sample::path_text(made->file).c_str());
  }
  if (!options.save_engine.empty()) {
    std::printf("plain plan: %s\n", options.save_engine.c_str());
  }
  return app::finish(kProgram, made->file.empty() && options.save_engine.empty() ? 1 : 0);
}
