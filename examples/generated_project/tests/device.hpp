// Where the tests run the model: SAMPLE_TEST_DEVICE is cpu or cuda; the default is the backend's.
#pragma once

#include <cstdlib>
#include <string>

#include "sample/model.hpp"

namespace sample::test {

inline LoadOptions load_options() {
  LoadOptions options;
  const char* device = std::getenv("SAMPLE_TEST_DEVICE");
  if (device != nullptr && *device != '\0') {
    options.device = std::string(device) == "cuda" ? Device::cuda : Device::cpu;
  }
  return options;
}

}  // namespace sample::test
