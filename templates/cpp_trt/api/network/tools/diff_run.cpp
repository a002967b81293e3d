#include "diff_run.hpp"

#include <NvInfer.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "{= name =}/assets.hpp"
#include "{= name =}/npy.hpp"

#include "facts.hpp"
#include "tensorrt/compat.hpp"
#include "tensorrt/trt_engine.hpp"
#include "tensorrt/trt_network.hpp"
#include "tensorrt/trt_startup.hpp"

namespace {= name =}::diff {
namespace {

struct IoTensor {
  trt::DeviceBuffer device;
  DType dtype = DType::float32;
  Dims dims;
  std::size_t bytes = 0;
};

Error failed(const std::string& what, trt::Logger& logger) {
  return Error{ErrorCode::backend, what + logger.reasons()};
}

Result<std::vector<Tensor>> read_inputs() {
  const std::vector<TensorInfo> infos = input_infos();
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < kReferenceInputs.size(); ++i) {
    const auto file = find_asset("goldens/" + std::string(kReferenceInputs[i]));
    if (!file) {
      return file.error();
    }
    Result<Tensor> read = read_npy(*file);
    if (!read) {
      return read.error();
    }
    if (i >= infos.size() || read->dtype() != infos[i].dtype || read->dims().size() != infos[i].dims.size()) {
      return Error{ErrorCode::bad_file,
          "'" + std::string(kReferenceInputs[i]) + "' is " + to_string(read->dtype()) + " " + to_string(read->dims()) +
              ", which is not input " + std::to_string(i)};
    }
    inputs.push_back(*std::move(read));
  }
  return inputs;
}

// The tensors of the layers that have a reference; they become outputs of the network.
std::vector<nvinfer1::ITensor*> mark_layers(nvinfer1::INetworkDefinition& network) {
  std::map<std::string, nvinfer1::ILayer*> layers;
  for (std::int32_t i = 0; i < network.getNbLayers(); ++i) {
    layers.emplace(network.getLayer(i)->getName(), network.getLayer(i));
  }
  std::vector<nvinfer1::ITensor*> marked;
  for (const LayerReference& reference : kLayerReferences) {
    const auto layer = layers.find(std::string(reference.layer));
    nvinfer1::ITensor* tensor = layer == layers.end() || reference.output >= layer->second->getNbOutputs()
        ? nullptr
        : layer->second->getOutput(reference.output);
    if (tensor != nullptr && !tensor->isNetworkOutput()) {
      tensor->setName((std::string(reference.layer) + ":" + std::to_string(reference.output)).c_str());
      network.markOutput(*tensor);
    }
    marked.push_back(tensor);
  }
  return marked;
}

// For the sizes of the inputs, and for no others.
Result<void> fix_shapes(nvinfer1::IBuilder& builder, nvinfer1::IBuilderConfig& config,
    const std::vector<Tensor>& inputs, trt::Logger& logger) {
  const std::vector<TensorInfo> infos = input_infos();
  nvinfer1::IOptimizationProfile* profile = builder.createOptimizationProfile();  // the builder's
  if (profile == nullptr) {
    return failed("an optimisation profile cannot be made", logger);
  }
  bool dynamic = false;
  for (std::size_t i = 0; i < infos.size(); ++i) {
    if (!trt::is_dynamic(infos[i].dims)) {
      continue;
    }
    dynamic = true;
    const nvinfer1::Dims dims = trt::to_trt(inputs[i].dims());
    for (const nvinfer1::OptProfileSelector which :
        {nvinfer1::OptProfileSelector::kMIN, nvinfer1::OptProfileSelector::kOPT, nvinfer1::OptProfileSelector::kMAX}) {
      if (!profile->setDimensions(infos[i].name.c_str(), which, dims)) {
        return failed("input '" + infos[i].name + "' cannot have shape " + to_string(inputs[i].dims()), logger);
      }
    }
  }
  if (dynamic && config.addOptimizationProfile(profile) < 0) {
    return failed("the optimisation profile is refused", logger);
  }
  return {};
}

// An engine, and the names of the layers' tensors in it; "" for layers that the network lacks.
class LayerEngine {
 public:
  Result<void> build(const LoadOptions& options, const std::vector<Tensor>& inputs);
  Result<std::vector<LayerValues>> run(const std::vector<Tensor>& inputs);

 private:
  Result<void> bind(const std::vector<Tensor>& inputs);
  Result<LayerValues> read(const LayerReference& reference, const std::string& tensor);

  trt::LentLogger lent_ = trt::lend_logger(nullptr);
  trt::Logger& logger_ = *lent_;
  trt::Handle<nvinfer1::IRuntime> runtime_;
  trt::Handle<nvinfer1::ICudaEngine> engine_;
  std::vector<std::string> names_;
  std::map<std::string, IoTensor> buffers_;
  trt::Stream stream_;
  trt::Handle<nvinfer1::IExecutionContext> context_;
};

Result<void> LayerEngine::build(const LoadOptions& options, const std::vector<Tensor>& inputs) {
  logger_.begin(options.log);
  const Result<trt::Artifact> artifact = trt::find_artifact(options);
  if (!artifact) {
    return artifact.error();
  }
  const trt::Handle<nvinfer1::IBuilder> builder(nvinfer1::createInferBuilder(logger_));
  const trt::Handle<nvinfer1::INetworkDefinition> network(
      builder == nullptr ? nullptr : builder->createNetworkV2(trt::network_flags()));
  if (network == nullptr) {
    return failed("a network cannot be made", logger_);
  }
  const Result<std::shared_ptr<void>> defined = trt::define_network(*network, logger_, artifact->source);
  if (!defined) {
    return defined.error();
  }
  for (const nvinfer1::ITensor* tensor : mark_layers(*network)) {
    names_.emplace_back(tensor == nullptr ? "" : tensor->getName());
  }
  const trt::Handle<nvinfer1::IBuilderConfig> config(builder->createBuilderConfig());
  if (config == nullptr) {
    return failed("a build configuration cannot be made", logger_);
  }
  if (Result<void> set = trt::set_precision(*config, engine_precision()); !set) {
    return set;
  }
  trt::limit_tactics(*config);
  if (!engine_tf32()) {
    config->clearFlag(nvinfer1::BuilderFlag::kTF32);
  }
  if (Result<void> fixed = fix_shapes(*builder, *config, inputs, logger_); !fixed) {
    return fixed;
  }
  const trt::Handle<nvinfer1::IHostMemory> plan(builder->buildSerializedNetwork(*network, *config));
  if (plan == nullptr) {
    return failed("the engine cannot be built", logger_);
  }
  runtime_.reset(nvinfer1::createInferRuntime(logger_));
  engine_.reset(runtime_ == nullptr ? nullptr : runtime_->deserializeCudaEngine(plan->data(), plan->size()));
  return engine_ == nullptr ? failed("the engine cannot be used", logger_) : Result<void>();
}

// Memory for every input and output, with the inputs in it.
Result<void> LayerEngine::bind(const std::vector<Tensor>& inputs) {
  const std::vector<TensorInfo> infos = input_infos();
  for (std::size_t i = 0; i < infos.size(); ++i) {
    if (!context_->setInputShape(infos[i].name.c_str(), trt::to_trt(inputs[i].dims()))) {
      return failed("input '" + infos[i].name + "' cannot have shape " + to_string(inputs[i].dims()), logger_);
    }
  }
  for (std::int32_t i = 0; i < engine_->getNbIOTensors(); ++i) {
    const char* name = engine_->getIOTensorName(i);
    IoTensor& buffer = buffers_[name];
    const std::optional<DType> dtype = trt::from_trt(engine_->getTensorDataType(name));
    buffer.dims = trt::from_trt(context_->getTensorShape(name));
    if (!dtype || trt::is_dynamic(buffer.dims)) {
      return Error{
          ErrorCode::unsupported, std::string("tensor '") + name + "' has a type or a size that cannot be compared"};
    }
    buffer.dtype = *dtype;
    buffer.bytes = size_of(*dtype, buffer.dims);
    if (Result<void> reserved = buffer.device.reserve(buffer.bytes); !reserved) {
      return reserved;
    }
    if (!context_->setTensorAddress(name, buffer.device.data())) {
      return failed(std::string("setTensorAddress of '") + name + "'", logger_);
    }
  }
  for (std::size_t i = 0; i < infos.size(); ++i) {
    const IoTensor& buffer = buffers_[infos[i].name];
    if (buffer.bytes != inputs[i].bytes()) {
      return Error{ErrorCode::unsupported,
          "input '" + infos[i].name + "' is " + to_string(buffer.dtype) + " " + to_string(buffer.dims) +
              " in the engine"};
    }
    if (Result<void> copied = trt::cuda_check(cudaMemcpyAsync(buffer.device.data(), inputs[i].data(), buffer.bytes,
                                                  cudaMemcpyHostToDevice, stream_.get()),
            "copying an input");
        !copied) {
      return copied;
    }
  }
  return {};
}

Result<LayerValues> LayerEngine::read(const LayerReference& reference, const std::string& tensor) {
  LayerValues values;
  values.reference = &reference;
  values.found = !tensor.empty();
  if (!values.found) {
    return values;
  }
  const IoTensor& buffer = buffers_[tensor];
  values.dims = buffer.dims;
  if (static_cast<std::uint64_t>(buffer.dims.elements()) != reference.elements) {
    return values;
  }
  std::vector<std::uint8_t> bytes(buffer.bytes);
  if (Result<void> copied = trt::cuda_check(
          cudaMemcpy(bytes.data(), buffer.device.data(), buffer.bytes, cudaMemcpyDeviceToHost), "copying an output");
      !copied) {
    return copied.error();
  }
  values.samples.reserve(static_cast<std::size_t>(reference.count));
  for (std::uint64_t i = 0; i < reference.count; ++i) {
    const std::size_t at = static_cast<std::size_t>(i * reference.stride) * size_of(buffer.dtype);
    float value = 0.0F;
    std::uint16_t narrow = 0;
    if (buffer.dtype == DType::float32) {
      std::memcpy(&value, bytes.data() + at, sizeof value);
    } else if (buffer.dtype == DType::float16 || buffer.dtype == DType::bfloat16) {
      std::memcpy(&narrow, bytes.data() + at, sizeof narrow);
      value = buffer.dtype == DType::float16 ? half_to_float(narrow) : bfloat16_to_float(narrow);
    } else {
      return Error{ErrorCode::unsupported,
          "layer '" + std::string(reference.layer) + "' gives " + to_string(buffer.dtype) +
              ", which cannot be compared"};
    }
    values.samples.push_back(value);
  }
  return values;
}

Result<std::vector<LayerValues>> LayerEngine::run(const std::vector<Tensor>& inputs) {
  context_.reset(engine_->createExecutionContext());
  if (context_ == nullptr) {
    return failed("an execution context cannot be made", logger_);
  }
  Result<trt::Stream> stream = trt::make_stream();
  if (!stream) {
    return stream.error();
  }
  stream_ = *std::move(stream);
  if (Result<void> bound = bind(inputs); !bound) {
    return bound.error();
  }
  if (!context_->enqueueV3(stream_.get())) {
    return failed("the engine cannot be run", logger_);
  }
  if (Result<void> done = trt::cuda_check(cudaStreamSynchronize(stream_.get()), "cudaStreamSynchronize"); !done) {
    return done.error();
  }
  std::vector<LayerValues> layers;
  for (std::size_t i = 0; i < kLayerReferences.size(); ++i) {
    Result<LayerValues> values = read(kLayerReferences[i], names_[i]);
    if (!values) {
      return values.error();
    }
    layers.push_back(*std::move(values));
  }
  return layers;
}

}  // namespace

Result<LayerRun> run_layers(const LoadOptions& options) {
  const Result<trt::Gpu> gpu = trt::start_up(options.device_index);
  if (!gpu) {
    return gpu.error();
  }
  const trt::DeviceGuard on_device(gpu->index);
  if (Result<void> current = on_device.status(); !current) {
    return current.error();
  }
  const Result<std::vector<Tensor>> inputs = read_inputs();
  if (!inputs) {
    return inputs.error();
  }
  LayerEngine engine;
  if (Result<void> built = engine.build(options, *inputs); !built) {
    return built.error();
  }
  Result<std::vector<LayerValues>> layers = engine.run(*inputs);
  if (!layers) {
    return layers.error();
  }
  return LayerRun{*std::move(layers), gpu->name};
}

}  // namespace {= name =}::diff
