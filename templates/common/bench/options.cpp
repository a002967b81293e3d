#include "options.hpp"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <type_traits>

#include "{= name =}/processors.hpp"

#include "load_flags.hpp"
#include "whole_number.hpp"

namespace {= name =}::bench {
namespace {

constexpr const char* kUsage = R"(usage: {= name =}_bench [options] [PICTURE]

With a PICTURE, decode, preprocess, infer and postprocess are timed, too.

  --iterations N     timed runs of each worker (default: as many as fit into
                     --seconds)
  --seconds S        time to measure for (default 5)
  --warmup N         runs before the first timed one (default 10)
  --batch N          items of a run (default: what the artifact is tuned for)
  --threads N        threads for one run (default: the backend's choice, at most
                     one for each processor that it may use)
  --workers N        callers at the same time, each with an execution context of
                     its own (default 1)
  --device D         cpu, cuda or cuda:N (default: where the backend runs best);
                     a run ends when its outputs are in host memory
  --profile          the time of each layer (LibTorch: operator)
  --exportProfile FILE
                     the same as JSON
  --exportTimes FILE every latency in ms, sorted, as a JSON array
  --baseline FILE    compares the p50 with that of an earlier run, which is what
                     --json printed then
  --max-regression SHARE
                     with --baseline: exit code 1 beyond it (default 0.10: a
                     tenth slower)
  --memory-loads N   loads the model N times, each with a run, and tells the
                     resident memory as JSON; nothing else
  --memory-runs N    the same of N runs of one model
  --memory-sizes N   the same of N runs, each with inputs of other sizes
  --fast-jpeg        decode the PICTURE, a JPEG, at an eighth, a quarter or half
                     of its size where the model takes no more
  --json             one JSON object on standard output
  -h, --help         this text
)";

constexpr const char* kExitCodes = R"(
exit codes: 0 done, 1 failed, or slower than the baseline allows, 2 wrong usage,
            3 there is no device to run on
)";

template <typename Number>
bool parse(std::string_view text, Number least, Number& number) {
  if constexpr (std::is_integral_v<Number>) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() && number >= least;
  } else {
    char* end = nullptr;
    const std::string copy(text);
    number = std::strtod(copy.c_str(), &end);
    return !copy.empty() && *end == '\0' && number >= least && std::isfinite(number);
  }
}

bool parse_device(std::string_view text, LoadOptions& load) {
  constexpr std::string_view kIndexed = "cuda:";
  if (text == "cpu" || text == "cuda") {
    load.device = text == "cpu" ? Device::cpu : Device::cuda;
    return true;
  }
  load.device = Device::cuda;
  return text.substr(0, kIndexed.size()) == kIndexed && parse(text.substr(kIndexed.size()), 0, load.device_index);
}

// False: a bad value. An option that is not known is an Error.
Result<bool> set_value(std::string_view option, std::string_view value, Options& options) {
  if (option == "--iterations") {
    return parse(value, 1, options.iterations);
  }
  if (option == "--seconds") {
    return parse(value, 0.001, options.seconds);
  }
  if (option == "--warmup") {
    return parse(value, 0, options.warmup);
  }
  if (option == "--batch") {
    return parse(value, 1, options.batch);
  }
  if (option == "--threads") {
    return parse(value, 1, options.threads) && options.threads <= kMaxThreads;
  }
  if (option == "--workers") {
    return parse(value, 1, options.workers) && options.workers <= kMaxThreads;
  }
  if (option == "--device") {
    return parse_device(value, options.load);
  }
  if (option == "--exportProfile") {
    options.export_profile = value;
    return !value.empty();
  }
  if (option == "--exportTimes") {
    options.export_times = value;
    return !value.empty();
  }
  if (option == "--baseline") {
    options.baseline = value;
    return !value.empty();
  }
  if (option == "--max-regression") {
    return parse(value, 0.0, options.max_regression);
  }
  if (option == "--memory-loads") {
    return parse(value, 1, options.memory_loads);
  }
  if (option == "--memory-runs") {
    return parse(value, 1, options.memory_runs);
  }
  if (option == "--memory-sizes") {
    return parse(value, 1, options.memory_sizes);
  }
  if (std::string* const file = backend_file(option, options); file != nullptr) {
    *file = value;
    return !value.empty();
  }
  return Error{ErrorCode::invalid_argument, "unknown option " + std::string(option) + "; see --help"};
}

bool set_plain(std::string_view option, Options& options) {
  if (option == "--fast-jpeg") {
    options.fast_jpeg = true;
  } else if (option == "--json") {
    options.json = true;
  } else if (option == "--help" || option == "-h") {
    options.help = true;
  } else if (option == "--profile") {
    options.dump_profile = true;
  } else {
    return false;
  }
  return true;
}

}  // namespace

Result<Options> parse_options(int argc, const char* const* argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string_view option = argv[i];
    if (set_plain(own_name(option), options)) {
      continue;
    }
    if (option.substr(0, 1) != "-") {
      if (!options.image.empty()) {
        return Error{ErrorCode::invalid_argument, "one picture at a time; see --help"};
      }
      options.image = option;
      continue;
    }
    if (const Result<bool> taken = app::take_load_flag(argc, argv, i, options.load); !taken) {
      return taken.error();
    } else if (*taken) {
      continue;
    }
    std::string_view value;
    if (const std::size_t equals = option.find('='); equals != std::string_view::npos) {
      value = option.substr(equals + 1);
      option = option.substr(0, equals);
    } else if (i + 1 < argc) {
      value = argv[++i];
    }
    const Result<bool> good = set_value(own_name(option), value, options);
    if (!good) {
      return good.error();
    }
    if (!*good) {
      return Error{ErrorCode::invalid_argument, std::string(option) + ": bad value '" + std::string(value) + "'; see --help"};
    }
  }
  options.load.engine.contexts = options.workers;
  return options;
}

std::string usage() { return std::string(kUsage) + kBackendUsage + app::load_usage() + kExitCodes; }

}  // namespace {= name =}::bench
