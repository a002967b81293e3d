// Builds the engine for this machine ahead of the first load.
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>

#include "{= name =}/model.hpp"

#include "console.hpp"
#include "load_flags.hpp"
#include "path_text.hpp"
#include "trt_tool.hpp"

using {= name =}::Error;
using {= name =}::ErrorCode;
using {= name =}::Result;

namespace {

struct Options {
  {= name =}::LoadOptions load;
  std::string save_engine;
  bool force = false;
  bool verbose = false;
  bool help = false;
};

constexpr const char* kUsage = R"(usage: {= name =}_build_engine [options]

Builds the TensorRT engine of {= name =} for the GPU of this machine and keeps it where a load with the same
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
    const Result<bool> taken = {= name =}::app::take_load_flag(argc, argv, i, options.load);
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
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), options.load.device_index);
      if (error != std::errc() || end != value.data() + value.size()) {
        return Error{ErrorCode::invalid_argument, "--device needs a whole number, got '" + std::string(value) + "'; see --help"};
      }
    } else {
      return Error{ErrorCode::invalid_argument, "unknown option or missing value: " + std::string(option) + "; see --help"};
    }
  }
  return options;
}

int fail(const Error& error) {
  std::fprintf(stderr, "{= name =}_build_engine: %s\n", error.message.c_str());
  return error.code == ErrorCode::invalid_argument ? 2 : (error.code == ErrorCode::no_device ? 3 : 1);
}

}  // namespace

int main(int argc, char** argv) {
  Result<Options> parsed = parse_options(argc, argv);
  if (!parsed) {
    return fail(parsed.error());
  }
  Options& options = *parsed;
  if (options.help) {
    std::printf("%s%s\nexit codes: 0 done, 1 failed, 2 wrong usage, 3 there is no device to run on\n", kUsage, {= name =}::app::load_usage().c_str());
    return 0;
  }
  {= name =}::app::LoadConsole console("{= name =}_build_engine", options.load, options.verbose);
  const auto made = {= name =}::trt::make_engine(options.load, options.force, options.save_engine);
  console.clear();
  if (!made) {
    return fail(made.error());
  }
  const double mib = static_cast<double>(made->bytes) / (1024.0 * 1024.0);
  std::printf("%s in %.1f s for %s, %.1f MiB\n", made->built ? "built" : "there already, read", made->seconds, made->gpu.c_str(), mib);
  if (!made->file.empty()) {
    std::printf("%s\n", {= name =}::path_text(made->file).c_str());
  }
  if (!options.save_engine.empty()) {
    std::printf("plain plan: %s\n", options.save_engine.c_str());
  }
  return made->file.empty() && options.save_engine.empty() ? 1 : 0;
}
