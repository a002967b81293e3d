#include "tensorrt/trt_inspect.hpp"

#include <cstdio>
#include <optional>
#include <utility>

#include "assets/path_text.hpp"
#include "facts.hpp"

namespace {= name =}::trt {
namespace {

std::string origin_text(const Engine& engine) {
  char text[64];
  std::snprintf(text, sizeof text, engine.seconds < 1.0 ? "%.0f ms" : "%.1f s",
      engine.seconds < 1.0 ? 1000.0 * engine.seconds : engine.seconds);
  switch (engine.origin) {
    case Origin::build:
      return std::string("built in ") + text +
          (engine.file.empty() ? ", kept nowhere" : ", kept in " + path_text(engine.file));
    case Origin::cache:
      return std::string("read in ") + text + " from " + path_text(engine.file);
    case Origin::file:
      return "as given in " + path_text(engine.file);
  }
  return {};
}

std::string binding_text(const Engine& engine, const Binding& binding, const char* direction, const TensorInfo& info) {
  const nvinfer1::ICudaEngine& plan = *engine.engine;
  return std::string("  ") + direction + " " + binding.name + ": " + to_string(binding.dtype) + " " +
      to_string(info.dims) + ", " + plan.getTensorFormatDesc(binding.name.c_str()) + ", in " +
      (binding.on_host ? "host" : "device") + " memory\n";
}

std::string profile_text(const Engine& engine, std::size_t index) {
  std::string text = "  profile " + std::to_string(index) + ":";
  for (std::size_t i = 0; i < engine.inputs.size(); ++i) {
    const ShapeRange& range = engine.profiles[index].inputs[i];
    text += (i == 0 ? " " : ", ") + engine.inputs[i].name + " from " + to_string(range.min) + " to " +
        to_string(range.max) + ", tuned for " + to_string(range.opt);
  }
  return text + "\n";
}

// Sums what TensorRT reports, layer by layer, in the order of the first run.
class LayerTimes final : public nvinfer1::IProfiler {
 public:
  void reportLayerTime(const char* name, float ms) noexcept override {
    if (!counting) {
      return;
    }
    try {
      // Layers come in the same order in every run; names may repeat.
      if (next_ == layers.size()) {
        layers.push_back({name, 0.0});
      }
      layers[next_].ms += static_cast<double>(ms);
      ++next_;
    } catch (...) {  // no memory: the layer is missing
    }
  }
  void begin_run() noexcept { next_ = 0; }

  bool counting = false;
  std::vector<LayerTime> layers;

 private:
  std::size_t next_ = 0;
};

}  // namespace

std::string describe(const Engine& engine, const GraphSwitch& graphs, const Pool& pool) {
  const std::vector<TensorInfo> inputs = input_infos();
  const std::vector<TensorInfo> outputs = output_infos();
  std::string text = "engine: " + origin_text(engine) + ", " + bytes_text(engine.plan_bytes) + "\n";
  text += std::string("backend: ") + kProduct + " " + to_string(library_version()) + ", built with the headers of " +
      to_string(kHeaders) + "\n";
  text += std::string("precision: ") + precision_name() + (kStronglyTyped ? ", strongly typed" : "") + ", TF32 " +
      (engine_tf32() ? "on" : "off") + "\n";
  text += "GPU " + std::to_string(engine.gpu.index) + ": " + engine.gpu.name + ", compute capability " +
      std::to_string(engine.gpu.major) + "." + std::to_string(engine.gpu.minor) + "\n";
  text += "bindings:\n";
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    text += binding_text(engine, engine.inputs[i], "input", inputs[i]);
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    text += binding_text(engine, engine.outputs[i], "output", outputs[i]);
  }
  text += "optimisation profiles:\n";
  for (std::size_t p = 0; p < engine.profiles.size(); ++p) {
    text += profile_text(engine, p);
  }
  text += "device memory for activations: " + bytes_text(activation_bytes(*engine.engine)) + " a context\n";
  const std::string lowered = pool.lowered();
  text += "contexts: " + std::to_string(pool.size()) + " of at most " + std::to_string(pool.limit()) +
      (lowered.empty() ? "" : " (" + lowered + ")") + "\n";
  const std::string why = graphs.why();
  text += std::string("CUDA graph: ") +
      (graphs.on() ? "on" : "off" + (why.empty() ? std::string() : " (" + why + ")")) + "\n";
  return text;
}

Result<std::string> layers_json(const Engine& engine) {
  const Handle<nvinfer1::IEngineInspector> inspector(engine.engine->createEngineInspector());
  const char* json =
      inspector == nullptr ? nullptr : inspector->getEngineInformation(nvinfer1::LayerInformationFormat::kJSON);
  if (json == nullptr) {
    return Error{ErrorCode::backend, "TensorRT does not tell the engine's layers" + engine.logger->reasons()};
  }
  return std::string(json);
}

Result<std::vector<LayerTime>> profile_layers(const Engine& engine, TensorViews inputs, int runs) {
  std::optional<Engine> own;
  if (engine.one_context_a_profile()) {  // which run() has
    Result<Engine> copied = copy_engine(engine);
    if (!copied) {
      return copied.error();
    }
    own = *std::move(copied);
  }
  GraphSwitch no_graphs(false, "a profile times each layer");
  LayerTimes times;  // outlives the slot's contexts
  Result<std::unique_ptr<Slot>> made = Slot::make(own ? *own : engine, no_graphs);
  if (!made) {
    return made.error();
  }
  Slot& slot = **made;
  slot.set_profiler(times);
  for (int i = -1; i < runs; ++i) {  // the first sets things up
    times.counting = i >= 0;
    times.begin_run();
    if (Result<Outputs> ran = slot.run(inputs); !ran) {
      return ran.error();
    }
  }
  std::vector<LayerTime> layers = std::move(times.layers);
  for (LayerTime& layer : layers) {
    layer.ms /= static_cast<double>(runs);
  }
  return layers;
}

}  // namespace {= name =}::trt
