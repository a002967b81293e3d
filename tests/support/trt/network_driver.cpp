// Builds the engine of a generated project whose network is C++, as its own programs do.
//   driver WEIGHTS_FILE
#include <cstdio>
#include <string>

#include "sample/model.hpp"

#include "tensorrt/trt_build.hpp"
#include "tensorrt/trt_logger.hpp"

int main(int argc, char** argv) {
  const sample::trt::LentLogger logger = sample::trt::lend_logger([](sample::LogLevel level, const std::string& message) {
    if (level == sample::LogLevel::warning) {
      std::printf("log: %s\n", message.c_str());
    }
  });
  sample::trt::BuildRequest request;
  request.source.file = argc > 1 ? argv[1] : "";
  request.progress = [](double /*fraction*/, const std::string& /*what*/) {};
  const auto plan = sample::trt::build_plan(*logger, request);
  if (!plan) {
    std::printf("error %s: %s\n", sample::to_string(plan.error().code), plan.error().message.c_str());
    return 1;
  }
  std::printf("built\n");
  return 0;
}
