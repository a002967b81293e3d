// The boundary to LibTorch: the only file that includes torch, and the one that catches its exceptions.
#include "sample/model.hpp"

#include <ATen/Parallel.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/api/include/torch/cuda.h>
#include <torch/csrc/api/include/torch/version.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <cstring>
#include <optional>
#include <utility>

#include "sample/assets.hpp"

#include "embedded.hpp"
#include "facts.hpp"
#include "integrity.hpp"

namespace sample {
namespace {

// The executor of TorchScript profiles the first run and optimises at the second; the third is the
// first that equals all later ones.
constexpr int kWarmUpRuns = 3;

at::ScalarType to_torch(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return at::kFloat;
    case DType::float64:
      return at::kDouble;
    case DType::float16:
      return at::kHalf;
    case DType::bfloat16:
      return at::kBFloat16;
    case DType::int8:
      return at::kChar;
    case DType::uint8:
      return at::kByte;
    case DType::int16:
      return at::kShort;
    case DType::int32:
      return at::kInt;
    case DType::int64:
      return at::kLong;
    case DType::boolean:
      return at::kBool;
  }
  return at::kFloat;
}

std::optional<DType> from_torch(at::ScalarType type) {
  for (const DType dtype : {DType::float32, DType::float64, DType::float16, DType::bfloat16, DType::int8, DType::uint8, DType::int16, DType::int32, DType::int64, DType::boolean}) {
    if (to_torch(dtype) == type) {
      return dtype;
    }
  }
  return std::nullopt;
}

// Runs `body`, and turns what LibTorch throws into an Error.
template <typename Body>
auto guarded(const std::string& what, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const c10::Error& e) {
    return Error{ErrorCode::backend, what + ": " + e.what_without_backtrace()};
  } catch (const std::exception& e) {
    return Error{ErrorCode::backend, what + ": " + e.what()};
  }
}

// Appends the tensors of a result in the order of a depth-first walk; None is dropped, as in the
// reference outputs.
Result<void> flatten(const c10::IValue& value, std::vector<at::Tensor>& tensors) {
  const auto flatten_all = [&](const auto& items) -> Result<void> {
    for (const c10::IValue& item : items) {
      if (Result<void> done = flatten(item, tensors); !done) {
        return done;
      }
    }
    return {};
  };
  if (value.isTensor()) {
    tensors.push_back(value.toTensor());
    return {};
  }
  if (value.isNone()) {
    return {};
  }
  if (value.isTuple()) {
    return flatten_all(value.toTupleRef().elements());
  }
  if (value.isTensorList()) {
    for (const at::Tensor& tensor : value.toTensorVector()) {
      tensors.push_back(tensor);
    }
    return {};
  }
  if (value.isList()) {
    return flatten_all(value.toListRef());
  }
  if (value.isGenericDict()) {
    for (const auto& entry : value.toGenericDict()) {
      if (Result<void> done = flatten(entry.value(), tensors); !done) {
        return done;
      }
    }
    return {};
  }
  return Error{ErrorCode::unsupported, "the model returned a " + value.tagKind() + "; only tensors, and tuples, lists and dictionaries of them, are supported"};
}

Dims to_dims(const at::Tensor& tensor) {
  Dims dims;
  for (const std::int64_t size : tensor.sizes()) {
    dims.push_back(size);
  }
  return dims;
}

c10::Device to_torch(Device device, int index) {
  return device == Device::cpu ? c10::Device(c10::kCPU) : c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
}

at::Tensor wrap(const TensorView& view) {
  const c10::IntArrayRef sizes(view.dims.begin(), view.dims.size());
  return at::from_blob(view.data, sizes, at::TensorOptions().dtype(to_torch(view.dtype)).device(to_torch(view.device, view.device_index)));
}

}  // namespace

struct Model::Impl {
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  Device device = Device::cpu;
  int device_index = 0;
  torch::jit::Module module;
  torch::jit::Function* forward = nullptr;

  [[nodiscard]] Result<void> check_device(TensorViews views) const;
  [[nodiscard]] Result<std::vector<at::Tensor>> infer(TensorViews views) const;
  [[nodiscard]] Result<Outputs> run(TensorViews views) const;
  [[nodiscard]] Result<void> run(TensorViews views, TensorViews results) const;
  [[nodiscard]] Result<void> warm_up() const;
};

Result<void> Model::Impl::check_device(TensorViews views) const {
  for (const TensorView& view : views) {
    if (view.device != Device::cpu && view.device != device) {
      return Error{ErrorCode::unsupported, "a tensor in CUDA memory was given to a model that was loaded on the CPU"};
    }
  }
  return {};
}

// The model's outputs on its own device.
Result<std::vector<at::Tensor>> Model::Impl::infer(TensorViews views) const {
  if (Result<void> fits = check_views(views, inputs, "input"); !fits) {
    return fits.error();
  }
  if (Result<void> reachable = check_device(views); !reachable) {
    return reachable.error();
  }
  return guarded("running the model", [&]() -> Result<std::vector<at::Tensor>> {
    const c10::InferenceMode no_autograd;
    // Kept by each thread, so that its memory is allocated once.
    static thread_local torch::jit::Stack stack;
    stack.clear();
    stack.emplace_back(module._ivalue());
    for (const TensorView& view : views) {
      at::Tensor tensor = wrap(view);
      stack.emplace_back(device == Device::cpu ? std::move(tensor) : tensor.to(to_torch(device, device_index)));
    }
    forward->run(stack);

    std::vector<at::Tensor> tensors;
    tensors.reserve(outputs.size());
    const Result<void> flat = flatten(stack.back(), tensors);
    stack.clear();
    if (!flat) {
      return flat.error();
    }
    if (tensors.size() != outputs.size()) {
      return Error{ErrorCode::backend, "the model returned " + std::to_string(tensors.size()) + " tensors, expected " + std::to_string(outputs.size())};
    }
    return tensors;
  });
}

Result<Outputs> Model::Impl::run(TensorViews views) const {
  Result<std::vector<at::Tensor>> tensors = infer(views);
  if (!tensors) {
    return tensors.error();
  }
  return guarded("reading the outputs", [&]() -> Result<Outputs> {
    const c10::InferenceMode no_autograd;
    Outputs results;
    results.reserve(tensors->size());
    for (std::size_t i = 0; i < tensors->size(); ++i) {
      // A contiguous output on the CPU is handed over as it is, without a copy, unless it looks at memory
      // that the caller owns (a model that returns its input).
      auto held = std::make_shared<at::Tensor>((*tensors)[i].to(c10::kCPU).contiguous());
      for (const TensorView& view : views) {
        if (held->storage().data() == view.data) {
          *held = held->clone();
        }
      }
      const std::optional<DType> dtype = from_torch(held->scalar_type());
      if (!dtype || held->dim() > static_cast<std::int64_t>(Dims::kMaxRank)) {
        return Error{ErrorCode::unsupported, "output '" + outputs[i].name + "' has an element type or rank that tensors here cannot hold"};
      }
      void* data = held->data_ptr();
      const Dims dims = to_dims(*held);
      results.emplace_back(*dtype, dims, std::shared_ptr<void>(std::move(held), data));
    }
    return results;
  });
}

Result<void> Model::Impl::run(TensorViews views, TensorViews results) const {
  if (Result<void> fits = check_views(results, outputs, "output"); !fits) {
    return fits;
  }
  if (Result<void> reachable = check_device(results); !reachable) {
    return reachable;
  }
  Result<std::vector<at::Tensor>> tensors = infer(views);
  if (!tensors) {
    return tensors.error();
  }
  return guarded("writing the outputs", [&]() -> Result<void> {
    const c10::InferenceMode no_autograd;
    for (std::size_t i = 0; i < results.size(); ++i) {
      const at::Tensor& tensor = (*tensors)[i];
      const TensorView& target = results[i];
      if (tensor.scalar_type() != to_torch(target.dtype) || to_dims(tensor) != target.dims) {
        return Error{ErrorCode::invalid_argument, "output " + std::to_string(i) + " ('" + outputs[i].name + "'): the model gave " + to_string(to_dims(tensor)) + ", the buffer is " + to_string(target.dims)};
      }
      if (target.device == Device::cpu && tensor.is_cpu() && tensor.is_contiguous()) {
        std::memcpy(target.data, tensor.const_data_ptr(), target.bytes());
      } else {
        wrap(target).copy_(tensor);
      }
    }
    if (device == Device::cuda) {
      torch::cuda::synchronize(device_index);  // copies within the device return before they are done
    }
    return {};
  });
}

Result<void> Model::Impl::warm_up() const {
  std::vector<Tensor> zeros;
  std::vector<TensorView> views;
  for (const TensorInfo& input : inputs) {
    zeros.emplace_back(input.dtype, input.opt);
    views.push_back(zeros.back().view());
  }
  for (int i = 0; i < kWarmUpRuns; ++i) {
    if (const Result<Outputs> outputs_of_run = run(views); !outputs_of_run) {
      return outputs_of_run.error();
    }
  }
  return {};
}

Result<Model> Model::load(const LoadOptions& options) {
  const auto log = [&](LogLevel level, const std::string& message) {
    if (options.log) {
      options.log(level, message);
    }
  };
  const auto progress = [&](double fraction, const std::string& what) {
    if (options.progress) {
      options.progress(fraction, what);
    }
  };

  if (options.threads != 0 && options.threads != at::get_num_threads()) {
    return Error{ErrorCode::unsupported, "LibTorch's threads belong to the whole process (now " + std::to_string(at::get_num_threads()) + "): call configure_process() in the program, and leave LoadOptions::threads at 0"};
  }
  if (options.device == Device::cuda) {
    Result<void> usable = guarded("looking for CUDA", [&]() -> Result<void> {
      if (!torch::cuda::is_available()) {
        return Error{ErrorCode::unsupported, "CUDA is not available: this LibTorch is a CPU build, or there is no NVIDIA GPU or driver"};
      }
      if (options.device_index < 0 || static_cast<std::size_t>(options.device_index) >= static_cast<std::size_t>(torch::cuda::device_count())) {
        return Error{ErrorCode::unsupported, "there is no CUDA device " + std::to_string(options.device_index)};
      }
      return {};
    });
    if (!usable) {
      return usable.error();
    }
  }

  auto impl = std::make_shared<Impl>();
  impl->inputs = input_infos();
  impl->outputs = output_infos();
  impl->device = options.device;
  impl->device_index = options.device_index;

  const ArtifactFacts& facts = artifact_facts();
  const EmbeddedFile embedded = options.artifact.empty() ? embedded_file(facts.file) : EmbeddedFile{};
  std::filesystem::path file = options.artifact;
  if (embedded.data == nullptr) {
    if (file.empty()) {
      Result<std::filesystem::path> found = find_asset(facts.file);
      if (!found) {
        return found.error();
      }
      file = *found;
    }
    progress(0.0, "checking the artifact");
    if (Result<void> intact = check_integrity(file, facts, options.check); !intact) {
      return intact.error();
    }
  }
  log(LogLevel::info, "loading " + (embedded.data == nullptr ? file.string() : std::string("the embedded artifact")));

  progress(0.2, "loading the artifact");
  Result<void> loaded = guarded("loading the artifact", [&]() -> Result<void> {
    const c10::Device device = to_torch(options.device, options.device_index);
    if (embedded.data == nullptr) {
      impl->module = torch::jit::load(file.string(), device);
    } else {
      MemoryBuffer buffer(embedded);
      std::istream in(&buffer);
      impl->module = torch::jit::load(in, device);
    }
    impl->forward = &impl->module.get_method("forward").function();
    return {};
  });
  if (!loaded) {
    return loaded.error();
  }
  progress(0.6, "warming up");
  if (Result<void> warm = impl->warm_up(); !warm) {
    return warm.error();
  }
  progress(1.0, "ready");
  return Model(std::move(impl));
}

Model::Model(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

const std::vector<TensorInfo>& Model::inputs() const noexcept { return impl_->inputs; }
const std::vector<TensorInfo>& Model::outputs() const noexcept { return impl_->outputs; }
Device Model::device() const noexcept { return impl_->device; }

Result<Outputs> Model::run(TensorViews inputs) const { return impl_->run(inputs); }

Result<void> Model::run(TensorViews inputs, TensorViews outputs) const { return impl_->run(inputs, outputs); }

Future Model::run_async(TensorViews inputs, TensorViews outputs) const {
  return Future(std::async(std::launch::async, [impl = impl_, in = std::vector<TensorView>(inputs.begin(), inputs.end()), out = std::vector<TensorView>(outputs.begin(), outputs.end())]() -> Result<void> { return impl->run(in, out); }));
}

Result<void> configure_process(const ProcessOptions& options) {
  if (options.threads < 0) {
    return Error{ErrorCode::invalid_argument, "threads must be 0 or more, got " + std::to_string(options.threads)};
  }
  return guarded("configuring the process", [&]() -> Result<void> {
    if (options.threads > 0) {
      at::set_num_threads(options.threads);
    }
    return {};
  });
}

int process_threads() { return at::get_num_threads(); }

std::string backend_version() { return std::string("LibTorch ") + TORCH_VERSION; }

}  // namespace sample
