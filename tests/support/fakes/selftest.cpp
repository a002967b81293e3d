// Uses TensorRT's own API as a generated program does, or wrongly in one way: what the double notices.
//   selftest ONNX_FILE SCENARIO
#include <NvInfer.h>
#include <NvOnnxParser.h>
#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

class Logger final : public nvinfer1::ILogger {
 public:
  void log(Severity severity, char const* message) noexcept override {
    if (severity <= Severity::kWARNING) {
      std::printf("log: %s\n", message);
    }
  }
};

template <typename T>
T must(T value, const char* what) {
  if (!value) {
    std::printf("failed: %s\n", what);
    std::exit(1);
  }
  return value;
}

void must_cuda(cudaError_t error, const char* what) { must(error == cudaSuccess, what); }

std::string scenario;
bool is(const char* name) { return scenario == name; }

nvinfer1::Dims image_dims(int batch) {
  nvinfer1::Dims dims{};
  dims.nbDims = 2;
  dims.d[0] = batch;
  dims.d[1] = 4;
  return dims;
}

std::unique_ptr<nvinfer1::IHostMemory> build(Logger& logger, const std::string& onnx) {
  std::unique_ptr<nvinfer1::IBuilder> builder(must(nvinfer1::createInferBuilder(logger), "builder"));
  std::uint32_t flags = 0;
#if NV_TENSORRT_MAJOR < 10
  flags = is("implicit_batch") ? 0U : 1U << static_cast<unsigned>(nvinfer1::NetworkDefinitionCreationFlag::kEXPLICIT_BATCH);
#endif
  std::unique_ptr<nvinfer1::INetworkDefinition> network(must(builder->createNetworkV2(flags), "network"));
  if (is("late_layer") || is("foreign_tensor")) {
    std::unique_ptr<nvinfer1::INetworkDefinition> other(must(builder->createNetworkV2(flags), "network"));
    nvinfer1::ITensor* x = must(other->addInput("x", nvinfer1::DataType::kFLOAT, image_dims(1)), "input");
    nvinfer1::ILayer* layer = must(other->addUnary(*x, nvinfer1::UnaryOperation::kEXP), "layer");
    if (is("foreign_tensor")) {
      network->addIdentity(*x);
    }
    other.reset();
    layer->setName("late");
  }
  std::unique_ptr<nvonnxparser::IParser> parser(must(nvonnxparser::createParser(*network, logger), "parser"));
  must(parser->parse(onnx.data(), onnx.size()), "parse");
  std::unique_ptr<nvinfer1::IBuilderConfig> config(must(builder->createBuilderConfig(), "config"));
  auto* profile = builder->createOptimizationProfile();
  profile->setDimensions("x", nvinfer1::OptProfileSelector::kMIN, image_dims(1));
  profile->setDimensions("x", nvinfer1::OptProfileSelector::kOPT, image_dims(1));
  profile->setDimensions("x", nvinfer1::OptProfileSelector::kMAX, image_dims(8));
  if (!is("no_profile")) {
    config->addOptimizationProfile(profile);
  }
  if (is("parser_gone")) {
    parser.reset();
  }
  if (is("not_implemented")) {
    config->reset();
  }
  auto plan = std::unique_ptr<nvinfer1::IHostMemory>(must(builder->buildSerializedNetwork(*network, *config), "build"));
  if (is("builder_first")) {
    builder.reset();
  }
  return plan;
}

int run(const std::string& onnx) {
  Logger logger;
  const auto plan = build(logger, onnx);
  std::vector<char> bytes(static_cast<const char*>(plan->data()), static_cast<const char*>(plan->data()) + plan->size());
  if (is("damaged_plan")) {
    bytes[bytes.size() / 2] ^= 1;
  }
  std::unique_ptr<nvinfer1::IRuntime> runtime(must(nvinfer1::createInferRuntime(logger), "runtime"));
  std::unique_ptr<nvinfer1::ICudaEngine> engine(must(runtime->deserializeCudaEngine(bytes.data(), bytes.size()), "deserialize"));
  std::unique_ptr<nvinfer1::IExecutionContext> context(must(engine->createExecutionContext(), "context"));
  if (is("second_context")) {  // before 10, contexts do not share a profile
    std::unique_ptr<nvinfer1::IExecutionContext> second(must(engine->createExecutionContext(), "context"));
    must(second->setOptimizationProfileAsync(0, nullptr), "profile");
  }
  if (is("runtime_first")) {
    runtime.reset();
  }

  cudaStream_t stream = nullptr;
  must_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
  void *input = nullptr, *output = nullptr, *pinned = nullptr;
  must_cuda(cudaMalloc(&input, 2 * 16), "cudaMalloc");
  must_cuda(cudaMalloc(&output, is("small_buffer") ? 8 : 2 * 12), "cudaMalloc");
  must_cuda(cudaHostAlloc(&pinned, 256, cudaHostAllocDefault), "cudaHostAlloc");
  auto* values = static_cast<float*>(pinned);
  alignas(256) const float items[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  std::memcpy(values, items, sizeof(items));
  if (is("touch_device")) {
    *static_cast<float*>(input) = 1.0F;
  }
  must(context->setOptimizationProfileAsync(0, stream), "profile");
  must(context->setInputShape("x", image_dims(is("outside_profile") ? 9 : 2)), "setInputShape");
  must(context->setTensorAddress("x", is("host_pointer") ? const_cast<float*>(items) : is("misaligned") ? static_cast<char*>(input) + 4
                                                                                                        : input),
      "setTensorAddress");
  if (!is("no_address")) {
    must(context->setTensorAddress("y", output), "setTensorAddress");
  }
  const auto enqueue = [&] {
    must_cuda(cudaMemcpyAsync(input, values, 32, cudaMemcpyHostToDevice, stream), "h2d");
    must(context->enqueueV3(stream), "enqueueV3");
    must_cuda(cudaMemcpyAsync(values + 8, output, 24, cudaMemcpyDeviceToHost, stream), "d2h");
  };
  if (!is("capture_first")) {
    enqueue();
  }
  if (is("second_stream")) {
    cudaStream_t other = nullptr;
    must_cuda(cudaStreamCreate(&other), "stream");
    context->enqueueV3(other);
  }
  if (is("two_threads")) {
    const auto hammer = [&] {
      for (int i = 0; i < 20000; ++i) {
        context->setInputShape("x", image_dims(2));
      }
    };
    std::thread other(hammer);
    hammer();
    other.join();
  }
  if (is("context_under_way")) {
    context.reset();
  }
  if (is("reused_early")) {
    values[0] = 0.0F;  // the copy has not read it yet
  }
  if (!is("no_sync")) {
    must_cuda(cudaStreamSynchronize(stream), "synchronize");
  }
  if (is("graph") || is("capture_first") || is("malloc_in_capture") || is("graph_of_dead_context")) {
    for (int i = 8; i < 14; ++i) {
      values[i] = 0.0F;
    }
    must_cuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "begin");
    enqueue();
    void* more = nullptr;
    if (is("malloc_in_capture")) {
      must(cudaMalloc(&more, 4) != cudaSuccess, "cudaMalloc is refused");
    }
    cudaGraph_t graph = nullptr;
    must_cuda(cudaStreamEndCapture(stream, &graph), "end capture");
    cudaGraphExec_t exec = nullptr;
#if CUDART_VERSION >= 12000
    must_cuda(cudaGraphInstantiate(&exec, graph, 0), "instantiate");
#else
    must_cuda(cudaGraphInstantiate(&exec, graph, nullptr, nullptr, 0), "instantiate");
#endif
    must_cuda(cudaGraphDestroy(graph), "graph");
    must(values[8] == 0.0F, "a capture runs nothing");
    if (is("graph_of_dead_context")) {
      context.reset();
    }
    must_cuda(cudaGraphLaunch(exec, stream), "launch");
    must_cuda(cudaStreamSynchronize(stream), "synchronize");
    must_cuda(cudaGraphExecDestroy(exec), "exec");
  }
  for (int i = 8; i < 14; ++i) {
    std::printf("%g ", static_cast<double>(values[i]));
  }
  std::printf("\n");
  if (!is("leak")) {
    must_cuda(cudaFree(input), "cudaFree");
  }
  if (is("freed_twice")) {
    (void)cudaFree(input);
  }
  must_cuda(cudaFree(output), "cudaFree");
  must_cuda(cudaFreeHost(pinned), "cudaFreeHost");
  must_cuda(cudaStreamDestroy(stream), "stream");
  if (is("engine_first")) {
    engine.reset();
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  scenario = argc > 2 ? argv[2] : "";
  std::ifstream in(argv[1], std::ios::binary);
  return run({std::istreambuf_iterator<char>(in), {}});
}
