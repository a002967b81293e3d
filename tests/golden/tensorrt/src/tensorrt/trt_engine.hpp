// The engine: read from the cache, from a file, or built; and what it takes and gives.
#pragma once

#include <NvInfer.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sample/model.hpp"

#include "tensorrt/engine_facts.hpp"
#include "tensorrt/trt_handles.hpp"
#include "tensorrt/trt_logger.hpp"
#include "tensorrt/trt_network.hpp"
#include "tensorrt/trt_startup.hpp"

namespace sample::trt {

// What load() was asked to load, found and checked.
struct Artifact {
  NetworkSource source;
  bool is_plan = false;  // an engine, taken as it is
};

// Needs no GPU: what is wrong with the files is said on every machine.
[[nodiscard]] Result<Artifact> find_artifact(const LoadOptions& options);

struct EngineRequest {
  const LoadOptions& options;
  const Artifact& artifact;
  const Gpu& gpu;
  bool rebuild = false;             // whatever the cache holds
  std::filesystem::path save_plan;  // where to write the plain plan, too; empty: nowhere
};

enum class Origin {
  cache,
  build,
  file,  // the caller's own
};

struct Binding {
  std::string name;
  DType dtype = DType::float32;
  bool on_host = false;  // TensorRT reads or writes it in host memory
};

struct Profile {
  ProfileShapes inputs;
};

struct Engine {
  LentLogger logger;  // the first: the others talk to it to their end
  Handle<nvinfer1::IRuntime> runtime;
  Handle<nvinfer1::ICudaEngine> engine;
  std::unique_ptr<std::mutex> creating = std::make_unique<std::mutex>();  // one execution context at a time
  Gpu gpu;
  std::vector<Binding> inputs;   // in the order of input_infos()
  std::vector<Binding> outputs;  // in the order of output_infos()
  std::vector<Profile> profiles;
  bool dynamic = false;  // sizes of an input vary, even where each profile holds one
  Origin origin = Origin::cache;
  std::filesystem::path file;  // empty: kept nowhere
  double seconds = 0.0;        // to read or to build it
  std::size_t plan_bytes = 0;

  // The tightest profile that holds these shapes: always the same for the same shapes, because another one may
  // run other kernels.
  [[nodiscard]] Result<std::size_t> profile_for(TensorViews views) const;
  // A second context cannot use a profile that another one has chosen.
  [[nodiscard]] bool one_context_a_profile() const noexcept;
};

// On the current device, which is that of `request.gpu`.
[[nodiscard]] Result<Engine> open_engine(const EngineRequest& request);

// The same engine once more, with weights in device memory and execution contexts of its own.
[[nodiscard]] Result<Engine> copy_engine(const Engine& engine);

}  // namespace sample::trt
