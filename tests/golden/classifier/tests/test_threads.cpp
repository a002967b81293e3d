// One model, many callers: equal inputs give equal bits, whoever asks and however often.
#include <cstring>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "sample/model.hpp"
#include "sample/npy.hpp"

#include "check.hpp"
#include "device.hpp"
#include "golden_cases.hpp"
#include "same_bits.hpp"

namespace sample::test {
namespace {

constexpr int kThreads = 8;
constexpr int kRuns = 3;

struct Case {
  std::vector<Tensor> inputs;
  std::vector<TensorView> views;
  Outputs reference;
};

Result<std::vector<Case>> read_cases(const Model& model) {
  std::vector<Case> cases;
  for (const GoldenCase& golden_case : golden_cases()) {
    if (!golden_case.image.empty()) {
      continue;
    }
    Case made;
    for (const std::string& file : golden_case.inputs) {
      Result<Tensor> tensor = read_npy(golden(file));
      if (!tensor) {
        return tensor.error();
      }
      made.inputs.push_back(std::move(tensor).value());
      made.views.push_back(made.inputs.back().view());
    }
    Result<Outputs> reference = model.run(made.views);
    if (!reference) {
      return reference.error();
    }
    made.reference = std::move(reference).value();
    cases.push_back(std::move(made));
  }
  return cases;
}

int run() {
  Checker check;
  const Result<Model> model = Model::load(load_options());
  if (!check.loaded(model)) {
    return check.exit_code();
  }
  const Result<std::vector<Case>> cases = read_cases(*model);
  if (!check.that(cases.ok(), cases.ok() ? "" : cases.error().message)) {
    return check.exit_code();
  }

  std::vector<std::string> failures(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRuns; ++i) {
        // Each thread starts with another case, so that different inputs are under way together.
        const Case& mine = (*cases)[static_cast<std::size_t>(t + i) % cases->size()];
        const Result<Outputs> outputs = model->run(mine.views);
        if (!outputs) {
          failures[static_cast<std::size_t>(t)] = outputs.error().message;
        } else if (!same_bits(*outputs, mine.reference)) {
          failures[static_cast<std::size_t>(t)] = "other bits than the first run gave";
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (int t = 0; t < kThreads; ++t) {
    const std::string& failure = failures[static_cast<std::size_t>(t)];
    check.that(failure.empty(), "thread " + std::to_string(t) + ": " + failure);
  }

  const Case& first = (*cases)[0];
  Outputs buffers;
  std::vector<TensorView> views;
  for (const Tensor& tensor : first.reference) {
    buffers.emplace_back(tensor.dtype(), tensor.dims());
    views.push_back(buffers.back().view());
  }
  Future future = model->run_async(first.views, views);
  const Result<void> done = future.get();
  check.that(done.ok(), done.ok() ? "" : done.error().message);
  check.that(same_bits(buffers, first.reference), "run_async gave other bits");

  std::promise<Result<void>> called;
  std::future<Result<void>> call = called.get_future();
  for (Tensor& tensor : buffers) {
    std::memset(tensor.data(), 0, tensor.bytes());
  }
  const Result<void> started = model->run_async(first.views, views, [&](Result<void> result) { called.set_value(std::move(result)); });
  if (check.that(started.ok(), started.ok() ? "" : started.error().message)) {
    const Result<void> result = call.get();
    check.that(result.ok(), result.ok() ? "" : result.error().message);
    check.that(same_bits(buffers, first.reference), "run_async with a callback gave other bits");
  }
  return check.exit_code();
}

}  // namespace
}  // namespace sample::test

int main() { return sample::test::run(); }
