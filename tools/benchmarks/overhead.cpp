// Measures a generated library against LibTorch itself, in one process and on the same artifact. Prints raw
// figures as JSON; overhead.py makes statistics of them.
#include <ATen/Parallel.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/from_blob.h>
#include <ATen/record_function.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/InferenceMode.h>
#include <malloc.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "allocations.hpp"
#include "subject.hpp"

namespace {

constexpr const char* kUsage = R"(usage: overhead MODE ARTIFACT COUNT THREADS

  run          COUNT pairs of times: bare, and the library's run(inputs)
  run-into     COUNT pairs of times: bare, and the library's run(inputs, outputs)
  control      COUNT pairs of times: bare, and bare of a second load
  allocations  what COUNT runs of each kind allocate, and which operators read the caller's input
  loads        memory over COUNT loads of the library, each with one run
  bare-loads   the same of torch::jit::load, with the library's number of runs
  runs         memory over COUNT runs, both forms of run() in turn
)";

constexpr int kWarmUpRuns = 10;
constexpr int kRunsOfLoad = 4;  // three of load()'s warm-up, and one
constexpr int kPoints = 50;     // of a curve of memory, at most

using Clock = std::chrono::steady_clock;

template <typename T>
T must(subject::Result<T> result) {
  if (!result) {
    throw std::runtime_error(result.error().message);
  }
  return std::move(result).value();
}

void must(const subject::Result<void>& result) {
  if (!result) {
    throw std::runtime_error(result.error().message);
  }
}

// The input ---------------------------------------------------------------------------------------------

at::ScalarType to_torch(subject::DType dtype) {
  switch (dtype) {
    case subject::DType::float32:
      return at::kFloat;
    case subject::DType::float64:
      return at::kDouble;
    case subject::DType::float16:
      return at::kHalf;
    case subject::DType::bfloat16:
      return at::kBFloat16;
    case subject::DType::int8:
      return at::kChar;
    case subject::DType::uint8:
      return at::kByte;
    case subject::DType::int16:
      return at::kShort;
    case subject::DType::int32:
      return at::kInt;
    case subject::DType::int64:
      return at::kLong;
    case subject::DType::boolean:
      return at::kBool;
  }
  throw std::runtime_error("an element type that this program does not know");
}

// Both sides read this memory: standard normal for float32 and float64, zeros for other types.
struct Input {
  std::vector<subject::Tensor> tensors;
  std::vector<subject::TensorView> views;

  explicit Input(const std::vector<subject::TensorInfo>& infos) {
    std::mt19937 random(7);  // NOLINT: the same in every run
    std::normal_distribution<double> normal;
    for (const subject::TensorInfo& info : infos) {
      subject::Tensor tensor(info.dtype, info.opt);
      const auto count = static_cast<std::size_t>(info.opt.elements());
      for (std::size_t i = 0; i < count; ++i) {
        if (info.dtype == subject::DType::float32) {
          tensor.data_as<float>()[i] = static_cast<float>(normal(random));
        } else if (info.dtype == subject::DType::float64) {
          tensor.data_as<double>()[i] = normal(random);
        }
      }
      tensors.push_back(std::move(tensor));
      views.push_back(tensors.back().view());
    }
  }
};

// The two sides -----------------------------------------------------------------------------------------

// What a program without the library would write.
class Bare {
 public:
  explicit Bare(const std::string& artifact) : module_(torch::jit::load(artifact)) {}

  c10::IValue run(const Input& input) {
    const c10::InferenceMode no_autograd;
    std::vector<c10::IValue> arguments;
    arguments.reserve(input.views.size());
    for (const subject::TensorView& view : input.views) {
      arguments.emplace_back(at::from_blob(view.data, c10::IntArrayRef(view.dims.begin(), view.dims.size()), to_torch(view.dtype)));
    }
    return module_.forward(std::move(arguments));
  }

 private:
  torch::jit::Module module_;
};

class Library {
 public:
  explicit Library(const std::string& artifact) : model_(must(load(artifact))) {}

  [[nodiscard]] const subject::Model& model() const { return model_; }

  [[nodiscard]] subject::Outputs run(const Input& input) const { return must(model_.run(input.views)); }

  // Into the same buffers at every call; the first one makes them.
  void run_into(const Input& input) {
    if (buffers_.empty()) {
      for (const subject::Tensor& tensor : run(input)) {
        buffers_.emplace_back(tensor.dtype(), tensor.dims());
        views_.push_back(buffers_.back().view());
      }
    }
    must(model_.run(input.views, views_));
  }

  [[nodiscard]] const subject::Outputs& buffers() const { return buffers_; }

 private:
  static subject::Result<subject::Model> load(const std::string& artifact) {
    subject::LoadOptions options;
    options.artifact = artifact;
    return subject::Model::load(options);
  }

  subject::Model model_;
  subject::Outputs buffers_;
  std::vector<subject::TensorView> views_;
};

// The tensors of a plain result, in order; nullopt where it is nested.
std::optional<std::vector<at::Tensor>> tensors_of(const c10::IValue& value) {
  if (value.isTensor()) {
    return std::vector<at::Tensor>{value.toTensor()};
  }
  if (!value.isTuple()) {
    return std::nullopt;
  }
  std::vector<at::Tensor> tensors;
  for (const c10::IValue& item : value.toTupleRef().elements()) {
    if (item.isTensor()) {
      tensors.push_back(item.toTensor());
    } else if (!item.isNone()) {
      return std::nullopt;
    }
  }
  return tensors;
}

// Whether both sides compute the same bits; the times of two different things would say nothing.
const char* equal_bits(const c10::IValue& bare, const subject::Outputs& ours) {
  const auto tensors = tensors_of(bare);
  if (!tensors) {
    return "null";
  }
  bool equal = tensors->size() == ours.size();
  for (std::size_t i = 0; equal && i < ours.size(); ++i) {
    const at::Tensor tensor = (*tensors)[i].contiguous();
    equal = tensor.nbytes() == ours[i].bytes() && std::memcmp(tensor.const_data_ptr(), ours[i].data(), ours[i].bytes()) == 0;
  }
  return equal ? "true" : "false";
}

// Printing ----------------------------------------------------------------------------------------------

template <typename Items, typename Print>
void print_list(const Items& items, Print&& print) {
  std::printf("[");
  const char* separator = "";
  for (const auto& item : items) {
    std::fputs(separator, stdout);
    print(item);
    separator = ", ";
  }
  std::printf("]");
}

void print_sizes(const std::vector<std::size_t>& sizes) {
  print_list(sizes, [](std::size_t size) { std::printf("%zu", size); });
}

// Pairs -------------------------------------------------------------------------------------------------

template <typename Body>
double microseconds(Body&& body) {
  const Clock::time_point start = Clock::now();
  body();
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

// Pairs of (bare, other), where each side goes first in every second pair.
template <typename First, typename Second>
void print_pairs(int count, First&& bare, Second&& other) {
  for (int i = 0; i < kWarmUpRuns; ++i) {
    bare();
    other();
  }
  std::vector<std::pair<double, double>> pairs;
  for (int i = 0; i < count; ++i) {
    std::pair<double, double> pair;
    if (i % 2 == 0) {
      pair.first = microseconds(bare);
      pair.second = microseconds(other);
    } else {
      pair.second = microseconds(other);
      pair.first = microseconds(bare);
    }
    pairs.push_back(pair);
  }
  print_list(pairs, [](const auto& pair) { std::printf("[%.3f, %.3f]", pair.first, pair.second); });
}

enum class Other {
  run,
  run_into,
  control,
};

template <Other other>
void pairs(const std::string& artifact, int count) {
  Library library(artifact);
  Bare bare(artifact);
  const Input input(library.model().inputs());
  for (int i = 0; i < kWarmUpRuns; ++i) {
    (void)bare.run(input);
  }
  library.run_into(input);
  std::printf("{\"threads\": %d, \"equal_bits\": %s, \"pairs_us\": ", at::get_num_threads(), equal_bits(bare.run(input), library.buffers()));
  // The result is released within the time, on both sides.
  const auto run_bare = [&] { (void)bare.run(input); };
  if constexpr (other == Other::run) {
    print_pairs(count, run_bare, [&] { (void)library.run(input); });
  } else if constexpr (other == Other::run_into) {
    print_pairs(count, run_bare, [&] { library.run_into(input); });
  } else {
    Bare second(artifact);
    print_pairs(count, run_bare, [&] { (void)second.run(input); });
  }
  std::printf("}\n");
}

// Allocations -------------------------------------------------------------------------------------------

// LibTorch's own allocator, counted.
class CountingAllocator final : public c10::Allocator {
 public:
  explicit CountingAllocator(c10::Allocator* inner) : inner_(inner) {}

  c10::DataPtr allocate(std::size_t size) override {
    ++calls;
    bytes += size;
    return inner_->allocate(size);
  }
  void copy_data(void* target, const void* source, std::size_t count) const override { default_copy_data(target, source, count); }
  [[nodiscard]] c10::DeleterFnPtr raw_deleter() const override { return inner_->raw_deleter(); }

  std::size_t calls = 0;
  std::size_t bytes = 0;

 private:
  c10::Allocator* inner_;
};

// What LibTorch's operators do with the memory of the input, seen at the dispatcher.
struct Operators {
  const Input* input = nullptr;
  std::size_t all = 0;
  std::map<std::string, std::size_t> reading;  // those that were given a tensor in the caller's memory
};

Operators watched;

bool is_callers(const at::Tensor& tensor) {
  if (!tensor.defined() || !tensor.has_storage()) {
    return false;
  }
  const auto* data = static_cast<const char*>(tensor.const_data_ptr());
  return std::any_of(watched.input->views.begin(), watched.input->views.end(), [&](const subject::TensorView& view) {
    const auto* begin = static_cast<const char*>(view.data);
    return data >= begin && data < begin + view.bytes();
  });
}

std::unique_ptr<at::ObserverContext> on_operator(const at::RecordFunction& call) {
  ++watched.all;
  for (const c10::IValue& value : call.inputs()) {
    if (value.isTensor() && is_callers(value.toTensor())) {
      ++watched.reading[call.name()];
      break;
    }
  }
  return nullptr;
}

// The figures of one kind of run, of `count` runs after the warm-up.
template <typename Run>
void print_allocations(const char* name, int count, const Input& input, CountingAllocator& tensors, Run&& run) {
  for (int i = 0; i < kWarmUpRuns; ++i) {
    run();
  }
  const std::size_t calls_before = tensors.calls;
  const std::size_t bytes_before = tensors.bytes;
  const NewCalls calls = watch_new([&] {
    for (int i = 0; i < count; ++i) {
      run();
    }
  });
  const NewCalls one = watch_new(run);
  const std::size_t tensor_calls = tensors.calls - calls_before;
  const std::size_t tensor_bytes = tensors.bytes - bytes_before;

  watched = Operators{&input, 0, {}};
  const at::CallbackHandle handle = at::addThreadLocalCallback(at::RecordFunctionCallback(&on_operator).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
  run();
  at::removeCallback(handle);

  std::size_t our_bytes = 0;
  for (const std::size_t size : calls.our_sizes) {
    our_bytes += size;
  }
  std::printf("\"%s\": {\"runs\": %d, \"new_calls\": %zu, \"our_new_calls\": %zu, \"our_new_bytes\": %zu, \"our_new_sizes_of_one\": ", name, count, calls.all, calls.our_sizes.size(), our_bytes);
  print_sizes(one.our_sizes);
  // The tensors of `one` were counted too.
  std::printf(", \"tensor_runs\": %d, \"tensor_calls\": %zu, \"tensor_bytes\": %zu, \"operators\": %zu, \"reading_input\": {", count + 1, tensor_calls, tensor_bytes, watched.all);
  const char* separator = "";
  for (const auto& [operation, times] : watched.reading) {
    std::printf("%s\"%s\": %zu", separator, operation.c_str(), times);
    separator = ", ";
  }
  std::printf("}}");
}

void allocations(const std::string& artifact, int count) {
  CountingAllocator* const tensors = new CountingAllocator(c10::GetCPUAllocator());  // LibTorch keeps it for good
  c10::SetCPUAllocator(tensors, 255);
  Library library(artifact);
  Bare bare(artifact);
  const Input input(library.model().inputs());
  std::size_t input_bytes = 0;
  for (const subject::TensorView& view : input.views) {
    input_bytes += view.bytes();
  }
  std::printf("{\"input_bytes\": %zu, ", input_bytes);
  print_allocations("bare", count, input, *tensors, [&] { (void)bare.run(input); });
  std::printf(", ");
  print_allocations("run", count, input, *tensors, [&] { (void)library.run(input); });
  std::printf(", ");
  print_allocations("run-into", count, input, *tensors, [&] { library.run_into(input); });
  std::printf("}\n");
}

// Memory ------------------------------------------------------------------------------------------------

struct Memory {
  long long resident = 0;  // bytes of the process in main memory
  long long in_use = 0;    // bytes that malloc has given out and not got back
};

Memory memory_now() {
  std::ifstream statm("/proc/self/statm");
  long long total = 0;
  long long pages = 0;
  if (!(statm >> total >> pages)) {
    throw std::runtime_error("/proc/self/statm cannot be read: memory is measured on Linux only");
  }
  const struct mallinfo2 heap = mallinfo2();
  return {pages * sysconf(_SC_PAGESIZE), static_cast<long long>(heap.uordblks + heap.hblkhd)};
}

// The curve of memory over `count` calls: at each point the most and the last since the point before. What is
// resident goes up and down by what malloc keeps for later; of a leak the most grows.
void print_curve(int count, const std::function<void(int)>& body) {
  struct Point {
    int done;
    long long most_resident;
    Memory last;
  };
  std::vector<Point> points;
  points.reserve(kPoints);
  long long most = 0;
  for (int i = 0; i < count; ++i) {
    body(i);
    const Memory now = memory_now();
    most = std::max(most, now.resident);
    const long long done = i + 1;
    if (done * kPoints / count > (done - 1) * kPoints / count) {
      points.push_back({i + 1, most, now});
      most = 0;
    }
  }
  std::printf("{\"count\": %d, \"points\": ", count);
  print_list(points, [](const Point& p) { std::printf("[%d, %lld, %lld, %lld]", p.done, p.most_resident, p.last.resident, p.last.in_use); });
  std::printf("}\n");
}

void loads(const std::string& artifact, int count) {
  const Input input(Library(artifact).model().inputs());
  print_curve(count, [&](int) { (void)Library(artifact).run(input); });
}

void bare_loads(const std::string& artifact, int count) {
  const Input input(Library(artifact).model().inputs());
  print_curve(count, [&](int) {
    Bare bare(artifact);
    for (int run = 0; run < kRunsOfLoad; ++run) {
      (void)bare.run(input);
    }
  });
}

void runs(const std::string& artifact, int count) {
  Library library(artifact);
  const Input input(library.model().inputs());
  print_curve(count, [&](int i) {
    if (i % 2 == 0) {
      (void)library.run(input);
    } else {
      library.run_into(input);
    }
  });
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, void (*)(const std::string&, int)> modes{{"run", pairs<Other::run>}, {"run-into", pairs<Other::run_into>}, {"control", pairs<Other::control>}, {"allocations", allocations}, {"loads", loads}, {"bare-loads", bare_loads}, {"runs", runs}};
  const auto mode = argc == 5 ? modes.find(argv[1]) : modes.end();
  if (mode == modes.end()) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  try {
    if (const int threads = std::atoi(argv[4]); threads > 0) {
      must(subject::configure_process({threads}));
    }
    mode->second(argv[2], std::atoi(argv[3]));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "overhead: %s\n", error.what());
    return 1;
  }
}
