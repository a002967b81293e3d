#include "arguments.hpp"

#include <string_view>

#include "sample/processors.hpp"

#include "load_flags.hpp"
#include "whole_number.hpp"

namespace sample::app {
namespace {

Error bad(const std::string& message) {
  return Error{ErrorCode::invalid_argument, message + "; see --help"};
}

Result<void> set_device(std::string_view text, Arguments& arguments) {
  const std::size_t colon = text.find(':');
  const std::string_view kind = text.substr(0, colon);
  if (kind == "cpu" && colon == std::string_view::npos) {
    arguments.load.device = Device::cpu;
    return {};
  }
  if (kind != "cuda") {
    return bad("--device is cpu, cuda or cuda:N, got '" + std::string(text) + "'");
  }
  arguments.load.device = Device::cuda;
  if (colon != std::string_view::npos) {
    const Result<int> index = to_int("--device", text.substr(colon + 1), 0);
    if (!index) {
      return index.error();
    }
    arguments.load.device_index = *index;
  }
  return {};
}

Result<void> set_value(std::string_view option, const std::string& value, Arguments& arguments) {
  if (option == "--input") {
    arguments.inputs.push_back(value);
  } else if (option == "--output") {
    arguments.outputs.push_back(value);
  } else if (option == "--save-input") {
    arguments.save_input = value;
  } else if (option == "--device") {
    return set_device(value, arguments);
  } else if (is_task_option(option)) {
    return set_task_option(option, value, arguments.task);
  } else {
    const bool threads = option == "--threads";
    const Result<int> number = threads ? to_int(option, value, 0, kMaxThreads) : to_int(option, value, 1);
    if (!number) {
      return number.error();
    }
    (threads ? arguments.threads : arguments.max_pixels) = *number;
  }
  return {};
}

bool takes_value(std::string_view option) {
  for (const std::string_view known :
      {"--input", "--output", "--save-input", "--device", "--threads", "--max-pixels"}) {
    if (option == known) {
      return true;
    }
  }
  return is_task_option(option);
}

}  // namespace

Result<Arguments> parse_arguments(int argc, const char* const* argv) {
  Arguments arguments;
  bool only_images = false;
  for (int i = 1; i < argc; ++i) {
    std::string option = argv[i];
    if (only_images || option.size() < 2 || option[0] != '-') {
      arguments.images.push_back(option);
      continue;
    }
    if (option == "--") {
      only_images = true;
    } else if (option == "--help" || option == "-h") {
      arguments.help = true;
    } else if (option == "--json") {
      arguments.json = true;
    } else if (option == "--fast-jpeg") {
      arguments.fast_jpeg = true;
    } else if (option == "--info") {
      arguments.info = true;
    } else if (option == "--verbose") {
      arguments.verbose = true;
    } else if (const Result<bool> taken = take_load_flag(argc, argv, i, arguments.load); !taken || *taken) {
      if (!taken) {
        return taken.error();
      }
    } else {
      std::string value;
      const std::size_t equals = option.find('=');
      const bool attached = equals != std::string::npos;
      if (attached) {
        value = option.substr(equals + 1);
        option.resize(equals);
      }
      if (!takes_value(option)) {
        return bad("unknown option " + option);
      }
      if (!attached) {
        if (i + 1 == argc) {
          return bad(option + " needs a value");
        }
        value = argv[++i];
      }
      if (Result<void> set = set_value(option, value, arguments); !set) {
        return set.error();
      }
    }
  }
  if (arguments.help || arguments.info) {
    return arguments;
  }
  if (arguments.images.empty() == arguments.inputs.empty()) {
    return bad(arguments.images.empty() ? "give one or more pictures, or --input"
                                        : "give either pictures or --input, not both");
  }
  return arguments;
}

std::string usage() {
  return std::string(R"(usage: sample [options] PICTURE...
       sample [options] --input x.npy ... [--output o.npy ...]

PICTURE is a JPEG, PNG, PPM, or .npy (uint8, height x width x 3).

  --input FILE       a raw input tensor, once for each input of the model, in
                     their order: .npy, or any other name for a headerless file
                     of little-endian elements
  --output FILE      write an output tensor, in the order of the outputs: .npy
                     or headerless
  --save-input FILE  write the tensor that the model was fed
)") + kTaskUsage +
      R"(  --device DEVICE    cpu, cuda or cuda:N (default: where the backend runs best)
  --threads N        threads for the run on one picture (default: the backend's
                     choice, at most one for each processor that this process
                     may use); of several pictures N are worked on at the same
                     time (default: one for each such processor), each by one
                     thread
  --fast-jpeg        decode JPEG files at an eighth, a quarter or half of their
                     size where the model takes no more: faster for large ones,
                     and other pixels, so that answers differ in their digits
  --max-pixels N     refuse pictures of more than N pixels, width x height
                     (default 178956970, Pillow's limit): a small file can claim
                     any size
  --json             results as JSON on standard output
  --info             print what the model takes and gives and what was loaded,
                     and stop
  --verbose          print what the backend says while it loads
  -h, --help         this text
)" + load_usage() +
      R"(
exit codes: 0 done, 1 failed, 2 wrong usage, 3 there is no device to run on
)";
}

}  // namespace sample::app
