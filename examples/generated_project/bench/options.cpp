#include "options.hpp"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>

#include "sample/processors.hpp"

#include "load_flags.hpp"
#include "whole_number.hpp"

namespace sample::bench {
namespace {

constexpr const char* kUsage = R"(usage: sample_bench [options] [PICTURE]

With a PICTURE, decode, preprocess, infer and postprocess are timed, too.

  --iterations N     timed runs of each worker (default: as many as fit into
                     --seconds)
  --seconds S        time to measure for (default 5)
  --warmup N         runs before the first timed one (default 10)
  --batch N          items of a run (default: what the artifact is tuned for)
  --threads N        threads for one run (default: the backend's choice, at most
                     one for each processor that it may use)
  --workers N        callers at the same time (default 1)
  --device D         cpu, cuda or cuda:N (default: where the backend runs best);
                     a run ends when its outputs are in host memory
  --profile          the time of each layer or operator
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

Error bad_value(std::string_view option, const std::string& wanted, std::string_view value) {
  return Error{ErrorCode::invalid_argument,
      std::string(option) + " needs " + wanted + ", got '" + std::string(value) + "'; see --help"};
}

Result<void> set_count(std::string_view option, std::string_view value, int least, int& count,
    int most = std::numeric_limits<int>::max()) {
  const Result<int> number = app::to_int(option, value, least, most);
  if (!number) {
    return number.error();
  }
  count = *number;
  return {};
}

constexpr double kLeastSeconds = 0.001;

Result<void> set_number(std::string_view option, std::string_view value, double least, double& number) {
  char* end = nullptr;
  const std::string copy(value);
  const double parsed = std::strtod(copy.c_str(), &end);
  if (copy.empty() || *end != '\0' || !(parsed >= least) || !std::isfinite(parsed)) {
    return bad_value(option, least > 0.0 ? "a number of 0.001 or more" : "a number of 0 or more", value);
  }
  number = parsed;
  return {};
}

Result<void> set_file(std::string_view option, std::string_view value, std::string& file) {
  if (value.empty()) {
    return bad_value(option, "a file", value);
  }
  file = value;
  return {};
}

Result<void> set_device(std::string_view option, std::string_view value, LoadOptions& load) {
  constexpr std::string_view kIndexed = "cuda:";
  const bool indexed = value.substr(0, kIndexed.size()) == kIndexed;
  if (indexed ? !set_count(option, value.substr(kIndexed.size()), 0, load.device_index)
              : value != "cpu" && value != "cuda") {
    return bad_value(option, "cpu, cuda or cuda:N", value);
  }
  load.device = value == "cpu" ? Device::cpu : Device::cuda;
  return {};
}

Result<void> set_value(std::string_view option, std::string_view value, Options& options) {
  if (option == "--iterations") {
    return set_count(option, value, 1, options.iterations);
  }
  if (option == "--seconds") {
    return set_number(option, value, kLeastSeconds, options.seconds);
  }
  if (option == "--warmup") {
    return set_count(option, value, 0, options.warmup);
  }
  if (option == "--batch") {
    return set_count(option, value, 1, options.batch);
  }
  if (option == "--threads") {
    return set_count(option, value, 0, options.threads, kMaxThreads);
  }
  if (option == "--workers") {
    return set_count(option, value, 1, options.workers, kMaxThreads);
  }
  if (option == "--device") {
    return set_device(option, value, options.load);
  }
  if (option == "--exportProfile") {
    return set_file(option, value, options.export_profile);
  }
  if (option == "--exportTimes") {
    return set_file(option, value, options.export_times);
  }
  if (option == "--baseline") {
    return set_file(option, value, options.baseline);
  }
  if (option == "--max-regression") {
    return set_number(option, value, 0.0, options.max_regression);
  }
  if (option == "--memory-loads") {
    return set_count(option, value, 1, options.memory_loads);
  }
  if (option == "--memory-runs") {
    return set_count(option, value, 1, options.memory_runs);
  }
  if (option == "--memory-sizes") {
    return set_count(option, value, 1, options.memory_sizes);
  }
  if (std::string* const file = backend_file(option, options); file != nullptr) {
    return set_file(option, value, *file);
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
    if (const Result<void> set = set_value(own_name(option), value, options); !set) {
      return set.error();
    }
  }
  options.load.engine.contexts = options.workers;
  return options;
}

std::string usage() { return std::string(kUsage) + kBackendUsage + app::load_usage() + kExitCodes; }

}  // namespace sample::bench
