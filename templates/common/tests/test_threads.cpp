// One model, many callers, with equal sizes and others at the same time: equal inputs give equal bits, whoever
// asks, however often, and whatever others ask meanwhile.
//
//     test_threads [THREADS ROUNDS SIZES]   more of each than the default: SIZES of every dimension that varies
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "{= name =}/model.hpp"
#include "{= name =}/npy.hpp"

#include "check.hpp"
#include "device.hpp"
#include "golden_cases.hpp"
#include "same_bits.hpp"

namespace {= name =}::test {
namespace {

struct Load {
  int threads = 8;
  int rounds = 3;  // of each case, by each thread
  int sizes = 0;   // 0: those of the goldens, the smallest, and one above the usual
};

struct Case {
  std::string name;
  std::vector<Tensor> inputs;
  std::vector<TensorView> views;
  Outputs reference;
};

void look_at(Case& made) {
  made.views.clear();
  for (const Tensor& tensor : made.inputs) {
    made.views.push_back(tensor.view());
  }
}

Result<std::vector<Case>> golden_inputs() {
  std::vector<Case> cases;
  for (const GoldenCase& golden_case : golden_cases()) {
    if (!golden_case.image.empty()) {
      continue;
    }
    Case made;
    made.name = golden_case.name;
    for (const std::string& file : golden_case.inputs) {
      Result<Tensor> tensor = read_npy(golden(file));
      if (!tensor) {
        return tensor.error();
      }
      made.inputs.push_back(std::move(tensor).value());
    }
    look_at(made);
    cases.push_back(std::move(made));
  }
  return cases;
}

// The values of `from`, again and again, in a tensor of these sizes: they are values that the model takes.
Tensor repeated(const Tensor& from, const Dims& dims) {
  Tensor made(from.dtype(), dims);
  auto* to = static_cast<unsigned char*>(made.data());
  for (std::size_t done = 0; done < made.bytes(); done += from.bytes()) {
    std::memcpy(to + done, from.data(), std::min(from.bytes(), made.bytes() - done));
  }
  return made;
}

// `step` of `steps` from the smallest size of each dimension that varies to the largest; one step more than the
// usual size where step is below 0.
Dims sized(const TensorInfo& info, int step, int steps) {
  Dims dims = info.opt;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (info.dims[i] >= 0) {
      continue;
    }
    if (step < 0) {
      dims[i] = std::min(info.opt[i] + 1, info.max[i]);
    } else {
      dims[i] = info.min[i] + (info.max[i] - info.min[i]) * step / std::max(steps - 1, 1);
    }
  }
  return dims;
}

// Cases of other sizes than `cases` have, of their values; none where no dimension varies. What the model does
// not take (some want multiples of 32) is left out.
std::vector<Case> other_sizes(const Model& model, const Case& like, int sizes) {
  const int steps = std::max(sizes, 1);
  std::vector<Case> found;
  for (int step = -1; step < steps; ++step) {
    Case made;
    bool other = false;
    for (std::size_t i = 0; i < like.inputs.size(); ++i) {
      const TensorInfo& info = model.inputs()[i];
      const Dims dims = sized(info, step, steps);
      other = other || dims != like.inputs[i].dims();
      made.inputs.push_back(repeated(like.inputs[i], dims));
      made.name += (i == 0 ? "" : ", ") + to_string(dims);
    }
    const bool again =
        std::any_of(found.begin(), found.end(), [&](const Case& known) { return known.name == made.name; });
    if (other && !again) {
      look_at(made);
      found.push_back(std::move(made));
    }
  }
  return found;
}

struct Answer {
  std::size_t index;  // of its case
  Outputs outputs;
};

// Every thread runs every case `rounds` times, in an order of its own; all begin together. The first answer of
// each thread to each case is kept in `first`, and `reference`s are compared with where there are any.
void run_together(const Model& model, const std::vector<Case>& cases, const Load& load,
    std::vector<std::vector<Answer>>& first, Checker& check) {
  const auto count = static_cast<std::size_t>(load.threads);
  std::vector<std::string> failures(count);
  first = std::vector<std::vector<Answer>>(count);
  std::promise<void> begin;
  const std::shared_future<void> begun = begin.get_future().share();
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < count; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      std::vector<std::size_t> order(cases.size());
      for (std::size_t i = 0; i < order.size(); ++i) {
        order[i] = i;
      }
      begun.wait();
      for (int round = 0; round < load.rounds; ++round) {
        std::shuffle(order.begin(), order.end(), random);
        for (const std::size_t i : order) {
          Result<Outputs> outputs = model.run(cases[i].views);
          if (!outputs) {
            failures[t] = cases[i].name + ": " + outputs.error().message;
          } else if (!cases[i].reference.empty() && !same_bits(*outputs, cases[i].reference)) {
            failures[t] = cases[i].name + ": other bits than one thread got";
          } else if (round == 0) {
            first[t].push_back({i, std::move(outputs).value()});
          }
        }
      }
    });
  }
  begin.set_value();
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (std::size_t t = 0; t < count; ++t) {
    check.that(failures[t].empty(), "thread " + std::to_string(t) + ": " + failures[t]);
  }
}

// Runs that nobody waits for; the last one when the model is gone.
void test_async(Model model, const Case& one, Checker& check) {
  Outputs buffers;
  std::vector<TensorView> views;
  for (const Tensor& tensor : one.reference) {
    buffers.emplace_back(tensor.dtype(), tensor.dims());
    views.push_back(buffers.back().view());
  }
  const auto clear = [&] {
    for (Tensor& tensor : buffers) {
      std::memset(tensor.data(), 0, tensor.bytes());
    }
  };
  const auto is_right = [&](const Result<void>& result, const std::string& what) {
    check.that(result.ok(), result.ok() ? "" : what + ": " + result.error().message);
    check.that(same_bits(buffers, one.reference), what + " gave other bits");
  };
  is_right(model.run_async(one.views, views).get(), "run_async");

  clear();
  std::promise<Result<void>> called;
  std::future<Result<void>> call = called.get_future();
  // The second is started by the thread that ran the first.
  const auto done = [&](Result<void> first) {
    const Result<void> second = first
        ? model.run_async(one.views, views, [&](Result<void> result) { called.set_value(std::move(result)); })
        : std::move(first);
    if (!second) {
      called.set_value(second);
    }
  };
  const Result<void> started = model.run_async(one.views, views, done);
  if (!check.that(started.ok(), started.ok() ? "" : started.error().message)) {
    return;
  }
  is_right(call.get(), "run_async with a callback");

  CancelFlag cancel;
  check.that(model.run_async(one.views, views, cancel).get().ok(), "a run with a flag that is not set");
  CancelFlag copy = cancel;  // which is the same flag
  copy.set();
  clear();
  check.fails(model.run_async(one.views, views, cancel).get(), ErrorCode::cancelled, "before it began",
      "a run that was cancelled");
  for (const Tensor& tensor : buffers) {
    const auto* bytes = static_cast<const unsigned char*>(tensor.data());
    check.that(std::all_of(bytes, bytes + tensor.bytes(), [](unsigned char byte) { return byte == 0; }),
        "a run that was cancelled was made");
  }

  clear();
  std::optional<Model> last(std::move(model));
  Future future = last->run_async(one.views, views);
  last.reset();  // waits
  check.that(future.ready(), "a model ended before its run did");
  is_right(future.get(), "run_async of a model that ended");
}

int run(const Load& load) {
  Checker check;
  Result<Model> model = Model::load(load_options());
  if (!check.loaded(model)) {
    return check.exit_code();
  }
  Result<std::vector<Case>> cases = golden_inputs();
  if (!check.that(cases.ok(), cases.ok() ? "" : cases.error().message)) {
    return check.exit_code();
  }
  // Nothing ran on these sizes yet: what is set up for new ones is set up under many callers.
  std::vector<std::vector<Answer>> first;
  run_together(*model, *cases, {load.threads, 1, 0}, first, check);

  for (Case& made : *cases) {
    Result<Outputs> reference = model->run(made.views);
    if (!check.that(reference.ok(), reference.ok() ? "" : made.name + ": " + reference.error().message)) {
      return check.exit_code();
    }
    made.reference = std::move(reference).value();
  }
  for (const std::vector<Answer>& answers : first) {
    for (const Answer& answer : answers) {
      const Case& mine = (*cases)[answer.index];
      check.that(same_bits(answer.outputs, mine.reference),
          mine.name + ": the first run of its sizes gave other bits than later ones");
    }
  }
  for (Case& made : other_sizes(*model, cases->front(), load.sizes)) {
    if (Result<Outputs> reference = model->run(made.views)) {
      made.reference = std::move(reference).value();
      cases->push_back(std::move(made));
    } else {
      std::printf("left out: %s: %s\n", made.name.c_str(), reference.error().message.c_str());
    }
  }
  run_together(*model, *cases, load, first, check);
  std::printf("%d threads, %d rounds of %zu cases:", load.threads, load.rounds, cases->size());
  for (const Case& made : *cases) {
    std::printf(" %s;", made.name.c_str());
  }
  std::printf("\n");

  test_async(*std::move(model), cases->front(), check);
  return check.exit_code();
}

}  // namespace
}  // namespace {= name =}::test

int main(int argc, char** argv) {
  // As the program has it: with graph fusion, where the model was made for that.
  if (const auto configured = {= name =}::configure_process({}); !configured) {
    std::printf("FAILED: %s\n", configured.error().message.c_str());
    return 1;
  }
  {= name =}::test::Load load;
  if (argc == 4) {
    load = {std::atoi(argv[1]), std::atoi(argv[2]), std::atoi(argv[3])};
  }
  return {= name =}::test::run(load);
}
