// The command line of the program.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "{= name =}/result.hpp"
#include "{= name =}/tensor.hpp"

namespace {= name =}::app {

struct Arguments {
  std::vector<std::string> images;
  std::vector<std::string> inputs;   // one .npy or .dat an input of the model
  std::vector<std::string> outputs;  // one .npy or .dat an output, as many as wanted
  std::string save_input;
  std::optional<Device> device;  // empty: the backend's own
  int device_index = 0;
  int threads = 0;
  std::size_t topk = 5;
  bool json = false;
  bool info = false;
  bool help = false;
};

[[nodiscard]] Result<Arguments> parse_arguments(int argc, const char* const* argv);
[[nodiscard]] const char* usage() noexcept;

}  // namespace {= name =}::app
