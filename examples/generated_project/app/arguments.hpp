// The command line of the program.
#pragma once

#include <string>
#include <vector>

#include "sample/model.hpp"

#include "task.hpp"

namespace sample::app {

struct Arguments {
  std::vector<std::string> images;
  std::vector<std::string> inputs;   // one .npy or .dat an input of the model
  std::vector<std::string> outputs;  // one .npy or .dat an output, as many as wanted
  std::string save_input;
  TaskOptions task;
  LoadOptions load;
  int threads = 0;
  int max_pixels = 0;  // 0: the library's limit
  bool fast_jpeg = false;
  bool json = false;
  bool info = false;
  bool verbose = false;
  bool help = false;
};

[[nodiscard]] Result<Arguments> parse_arguments(int argc, const char* const* argv);
[[nodiscard]] std::string usage();

}  // namespace sample::app
