// What configure_process() does with what the machine tells, and when freed memory is given back.
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <photo/model.hpp>

namespace {

int failures = 0;
int asked = 0;
int trims = 0;

void check(bool good, const std::string& what) {
  if (!good) {
    std::printf("FAILED: %s\n", what.c_str());
    ++failures;
  }
}

// Much that glibc holds and nobody uses: blocks below the size that is mapped for itself.
void free_much() {
  std::vector<void*> blocks;
  for (int i = 0; i < 2000; ++i) {
    blocks.push_back(std::malloc(64 * 1024));
  }
  for (void* block : blocks) {
    std::free(block);
  }
}

}  // namespace

extern "C" {
int __real_malloc_trim(std::size_t pad);
int __wrap_malloc_trim(std::size_t pad) {
  ++trims;
  return __real_malloc_trim(pad);
}

int __wrap__ZN5photo20available_processorsERKNSt10filesystem7__cxx114pathE(const std::filesystem::path& /*root*/) {
  return 1;
}

std::string __wrap__ZN5photo14waiting_adviceEiRKNSt10filesystem7__cxx114pathE(
    int threads, const std::filesystem::path& /*root*/) {
  asked = threads;
  return "the advice";
}
}

int main() {
  // A quota of one processor, whatever the affinity and the cores are.
  std::string logged;
  photo::ProcessOptions options;
  options.log = [&](photo::LogLevel level, const std::string& message) {
    logged += message;
    check(level == photo::LogLevel::warning, "the advice is a warning");
  };
  check(photo::configure_process(options).ok(), "configure_process");
  check(photo::process_threads() == 1, "threads: " + std::to_string(photo::process_threads()));
  check(logged == "the advice" && asked == 1, "logged: " + logged);
  options.threads = 2;
  check(photo::configure_process(options).ok() && photo::process_threads() == 2 && asked == 2, "two, as was asked for");

  auto model = photo::Model::load();
  if (!model) {
    std::printf("FAILED: %s\n", model.error().message.c_str());
    return 1;
  }
  std::vector<photo::Tensor> inputs;
  for (const std::int64_t batch : {1, 2}) {
    inputs.push_back(photo::filled(photo::DType::float32, {batch, 3, 32, 32}, 0.5));
  }
  const auto run = [&](std::size_t which) { check(model->run(inputs[which].view()).ok(), "a run"); };
  run(0);
  free_much();
  trims = 0;
  for (int i = 0; i < 100; ++i) {
    run(0);
  }
  check(trims == 0, "sizes that stay the same give memory back");
  for (std::size_t i = 1; i <= 40; ++i) {
    run(i % 2);
  }
  check(trims == 1, "releases in 40 runs of other sizes: " + std::to_string(trims));
  for (std::size_t i = 1; i <= 200; ++i) {
    run(i % 2);
  }
  check(trims <= 2, "where little is free none is given back: " + std::to_string(trims));
  std::printf("%d failed\n", failures);
  return failures == 0 ? 0 : 1;
}
