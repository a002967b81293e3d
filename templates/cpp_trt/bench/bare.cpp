// What the library costs: the same engine and inputs in a bare loop of TensorRT calls, and through Model::run().
// The loop is the least that a caller can do whose data is in ordinary memory: copy it into pinned memory, from
// there to the device, run, and all the way back. The same is timed without the copies on the host.
#include <NvInfer.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "{= name =}/model.hpp"

#include "console.hpp"
#include "finish.hpp"
#include "inputs.hpp"
#include "load_flags.hpp"
#include "options.hpp"
#include "tensorrt/compat.hpp"
#include "tensorrt/trt_engine.hpp"
#include "tensorrt/trt_plan.hpp"
#include "tensorrt/trt_tool.hpp"
#include "timing.hpp"

namespace app = {= name =}::app;
namespace bench = {= name =}::bench;
namespace trt = {= name =}::trt;
using {= name =}::Error;
using {= name =}::ErrorCode;
using {= name =}::Model;
using {= name =}::Result;
using {= name =}::TensorView;

namespace {

constexpr const char* kProgram = "{= name =}_bench_bare";

constexpr int kRounds = 10;  // of each, in turns: a clock that drifts strikes both alike

struct BareTensor {
  std::string name;
  trt::PinnedBuffer pinned;
  trt::DeviceBuffer device;
  std::size_t bytes = 0;
  void* data = nullptr;  // the caller's
};

// An engine with one context and nothing around it.
class Bare {
 public:
  Result<void> open(const std::filesystem::path& file, const bench::Buffers& buffers, const Model& model, bool graph);
  // `host_copies`: between the caller's memory and pinned memory.
  Result<void> run(bool host_copies);

 private:
  Result<void> add(const std::string& name, const TensorView& view, std::vector<BareTensor>& into);
  Result<void> capture();

  trt::LentLogger lent_ = trt::lend_logger(nullptr);
  trt::Logger& logger_ = *lent_;
  trt::Handle<nvinfer1::IRuntime> runtime_;
  trt::Handle<nvinfer1::ICudaEngine> engine_;
  trt::Stream stream_;
  std::vector<BareTensor> inputs_;
  std::vector<BareTensor> outputs_;
  trt::Handle<nvinfer1::IExecutionContext> context_;
  trt::GraphExec graph_;
};

Error failed(const std::string& what, trt::Logger& logger) {
  return Error{ErrorCode::backend, what + logger.reasons()};
}

Result<void> Bare::add(const std::string& name, const TensorView& view, std::vector<BareTensor>& into) {
  BareTensor tensor;
  tensor.name = name;
  tensor.bytes = view.bytes();
  tensor.data = view.data;
  if (Result<void> reserved = tensor.device.reserve(tensor.bytes); !reserved) {
    return reserved;
  }
  if (Result<void> reserved = tensor.pinned.reserve(tensor.bytes); !reserved) {
    return reserved;
  }
  std::memcpy(tensor.pinned.data(), view.data, tensor.bytes);
  if (!context_->setTensorAddress(name.c_str(), tensor.device.data())) {
    return failed("setTensorAddress of '" + name + "'", logger_);
  }
  into.push_back(std::move(tensor));
  return {};
}

Result<void> Bare::open(
    const std::filesystem::path& file, const bench::Buffers& buffers, const Model& model, bool graph) {
  const Result<trt::Bytes> plan = trt::read_plan_file(file, {= name =}::Check::quick);
  if (!plan) {
    return plan.error();
  }
  runtime_.reset(nvinfer1::createInferRuntime(logger_));
  if (runtime_ == nullptr) {
    return failed("createInferRuntime", logger_);
  }
  trt::allow_host_code(*runtime_);
  engine_.reset(runtime_->deserializeCudaEngine(plan->data.get(), plan->size));
  context_.reset(engine_ == nullptr ? nullptr : engine_->createExecutionContext());
  if (context_ == nullptr) {
    return failed("the engine", logger_);
  }
  Result<trt::Stream> stream = trt::make_stream();
  if (!stream) {
    return stream.error();
  }
  stream_ = *std::move(stream);
  for (std::size_t i = 0; i < buffers.input_views.size(); ++i) {
    const std::string& name = model.inputs()[i].name;
    if (!context_->setInputShape(name.c_str(), trt::to_trt(buffers.input_views[i].dims))) {
      return Error{ErrorCode::unsupported,
          "the bare loop knows optimisation profile 0 only, which does not hold these shapes" + logger_.reasons()};
    }
    if (Result<void> added = add(name, buffers.input_views[i], inputs_); !added) {
      return added;
    }
  }
  for (std::size_t i = 0; i < buffers.output_views.size(); ++i) {
    const std::string& name = model.outputs()[i].name;
    if (trt::is_dynamic(trt::from_trt(context_->getTensorShape(name.c_str())))) {
      return Error{
          ErrorCode::unsupported, "the bare loop cannot run output '" + name + "', whose size only a run tells"};
    }
    if (Result<void> added = add(name, buffers.output_views[i], outputs_); !added) {
      return added;
    }
  }
  if (Result<void> first = run(true); !first || !graph) {
    return first;
  }
  return capture();
}

// Where the model cannot be captured, its runs are plain, as those of Model::run().
Result<void> Bare::capture() {
  cudaGraph_t captured = nullptr;
  bool enqueued = false;
  cudaError_t status = cudaStreamBeginCapture(stream_.get(), cudaStreamCaptureModeThreadLocal);
  if (status == cudaSuccess) {
    enqueued = context_->enqueueV3(stream_.get());
    status = cudaStreamEndCapture(stream_.get(), &captured);
  }
  const trt::Graph graph(captured);
  cudaGraphExec_t made = nullptr;
  if (enqueued && status == cudaSuccess && cudaGraphInstantiateWithFlags(&made, captured, 0) == cudaSuccess) {
    graph_.reset(made);
  }
  (void)cudaGetLastError();
  return {};
}

Result<void> Bare::run(bool host_copies) {
  for (const BareTensor& tensor : inputs_) {
    if (host_copies) {
      std::memcpy(tensor.pinned.data(), tensor.data, tensor.bytes);
    }
    if (Result<void> copied = trt::cuda_check(cudaMemcpyAsync(tensor.device.data(), tensor.pinned.data(), tensor.bytes,
                                                  cudaMemcpyHostToDevice, stream_.get()),
            "copying an input");
        !copied) {
      return copied;
    }
  }
  if (graph_ != nullptr) {
    if (Result<void> launched = trt::cuda_check(cudaGraphLaunch(graph_.get(), stream_.get()), "cudaGraphLaunch");
        !launched) {
      return launched;
    }
  } else if (!context_->enqueueV3(stream_.get())) {
    return failed("enqueueV3", logger_);
  }
  for (const BareTensor& tensor : outputs_) {
    if (Result<void> copied = trt::cuda_check(cudaMemcpyAsync(tensor.pinned.data(), tensor.device.data(), tensor.bytes,
                                                  cudaMemcpyDeviceToHost, stream_.get()),
            "copying an output");
        !copied) {
      return copied;
    }
  }
  Result<void> done = trt::cuda_check(cudaStreamSynchronize(stream_.get()), "cudaStreamSynchronize");
  for (const BareTensor& tensor : outputs_) {
    if (host_copies && done) {
      std::memcpy(tensor.data, tensor.pinned.data(), tensor.bytes);
    }
  }
  return done;
}

// Appends the milliseconds of `runs` calls.
template <typename Run>
Result<void> time_runs(int runs, Run run, std::vector<double>& samples) {
  for (int i = 0; i < runs; ++i) {
    const bench::Clock::time_point start = bench::Clock::now();
    if (Result<void> ran = run(); !ran) {
      return ran;
    }
    samples.push_back(bench::milliseconds(bench::Clock::now() - start));
  }
  return {};
}

// Medians in milliseconds.
struct Comparison {
  double pinned = 0.0;  // the loop on data that is in pinned memory
  double bare = 0.0;
  double model = 0.0;
};

Result<Comparison> compare(const bench::Options& options) {
  {= name =}::LoadOptions load = options.load;
  app::LoadConsole console(kProgram, load);
  const Result<Model> model = Model::load(load);
  if (!model) {
    return model.error();
  }
  const Result<trt::MadeEngine> engine = trt::make_engine(load, false, {});
  console.clear();
  if (!engine) {
    return engine.error();
  }
  const Result<bench::Buffers> buffers = bench::make_buffers(*model, options.batch, 0);
  if (!buffers) {
    return buffers.error();
  }
  const trt::DeviceGuard on_device(load.device_index);
  if (Result<void> current = on_device.status(); !current) {
    return current.error();
  }
  Bare bare;
  if (Result<void> opened = bare.open(engine->file, *buffers, *model, load.engine.cuda_graph); !opened) {
    return opened.error();
  }
  const auto run_pinned = [&] { return bare.run(false); };
  const auto run_bare = [&] { return bare.run(true); };
  const auto run_model = [&] { return model->run(buffers->input_views, buffers->output_views); };
  std::vector<double> warm;
  std::vector<double> pinned_samples;
  std::vector<double> bare_samples;
  std::vector<double> model_samples;
  const int runs = std::max(1, (options.iterations > 0 ? options.iterations : 1000) / kRounds);
  for (int round = -1; round < kRounds; ++round) {
    if (Result<void> timed = time_runs(runs, run_pinned, round < 0 ? warm : pinned_samples); !timed) {
      return timed.error();
    }
    if (Result<void> timed = time_runs(runs, run_bare, round < 0 ? warm : bare_samples); !timed) {
      return timed.error();
    }
    if (Result<void> timed = time_runs(runs, run_model, round < 0 ? warm : model_samples); !timed) {
      return timed.error();
    }
  }
  return Comparison{bench::median(pinned_samples), bench::median(bare_samples), bench::median(model_samples)};
}

}  // namespace

int main(int argc, char** argv) {
  const Result<bench::Options> options = bench::parse_options(argc, argv);
  if (!options) {
    return app::fail(kProgram, options.error());
  }
  if (options->help) {
    std::printf(
        "usage: {= name =}_bench_bare [--iterations N] [--batch N] [--device cuda:N] [--json]\n\nTimes Model::run() "
        "against a bare loop of TensorRT calls.\n%s",
        app::load_usage().c_str());
    return app::finish(kProgram, 0);
  }
  const Result<Comparison> compared = compare(*options);
  if (!compared) {
    return app::fail(kProgram, compared.error());
  }
  const double overhead = 100.0 * (compared->model / compared->bare - 1.0);
  if (options->json) {
    std::printf("{\"pinned_p50_ms\": %.6g, \"bare_p50_ms\": %.6g, \"run_p50_ms\": %.6g, \"overhead_percent\": %.3g}\n",
        compared->pinned, compared->bare, compared->model, overhead);
  } else {
    std::printf(
        "bare loop        p50 %.4f ms (%.4f ms without the copies on the host)\nModel::run       p50 %.4f ms\noverhead "
        "        %.2f %%\n",
        compared->bare, compared->pinned, compared->model, overhead);
  }
  return app::finish(kProgram, 0);
}
