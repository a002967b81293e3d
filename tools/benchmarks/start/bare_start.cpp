// A bare LibTorch program: bare_start ARTIFACT THREADS FUSION CHANNELS_LAST RUNS BATCHxCHANNELSxHEIGHTxWIDTH
// Loads, runs on zeros, prints the first value of the answer; on standard error the seconds from main() to each step.
#include <ATen/Parallel.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/codegen/onednn/interface.h>
#include <torch/csrc/jit/serialization/import.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <sstream>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  const auto tell = [&](const char* step) { std::fprintf(stderr, "%s %.4f\n", step, std::chrono::duration<double>(Clock::now() - begin).count()); };
  if (argc != 7) {
    std::fprintf(stderr, "usage: bare_start ARTIFACT THREADS FUSION CHANNELS_LAST RUNS NxCxHxW\n");
    return 2;
  }
  try {
    at::set_num_threads(std::atoi(argv[2]));
    if (std::atoi(argv[3]) != 0) {
      torch::jit::RegisterLlgaFuseGraph::setEnabled(true);
    }
    const c10::InferenceMode no_autograd;
    torch::jit::Module module = torch::jit::load(argv[1]);
    tell("loaded");
    std::vector<std::int64_t> sizes;
    std::istringstream shape(argv[6]);
    for (std::string side; std::getline(shape, side, 'x');) {
      sizes.push_back(std::atoll(side.c_str()));
    }
    at::Tensor input = at::zeros(sizes);
    if (std::atoi(argv[4]) != 0) {
      input = input.contiguous(at::MemoryFormat::ChannelsLast);
    }
    float first = 0.0F;
    for (int i = 0; i < std::atoi(argv[5]); ++i) {
      first = module.forward({input}).toTensor().contiguous().const_data_ptr<float>()[0];
      tell("run");
    }
    std::printf("%.9g\n", static_cast<double>(first));
    std::fflush(stdout);
    tell("answered");
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
  return 0;
}
