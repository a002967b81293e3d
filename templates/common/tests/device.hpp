// Where the tests run the model: {= NAME =}_TEST_DEVICE is cpu or cuda; the default is the backend's.
#pragma once

#include <cstdlib>
#include <string>

#include "{= name =}/model.hpp"

namespace {= name =}::test {

inline LoadOptions load_options() {
  LoadOptions options;
  const char* device = std::getenv("{= NAME =}_TEST_DEVICE");
  if (device != nullptr && *device != '\0') {
    options.device = std::string(device) == "cuda" ? Device::cuda : Device::cpu;
  }
  return options;
}

}  // namespace {= name =}::test
