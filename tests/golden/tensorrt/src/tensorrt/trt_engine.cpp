#include "tensorrt/trt_engine.hpp"

#include <algorithm>
#include <chrono>
#include <shared_mutex>
#include <system_error>
#include <utility>

#include "sample/assets.hpp"

#include "assets/integrity.hpp"
#include "assets/path_text.hpp"
#include "facts.hpp"
#include "tensorrt/compat.hpp"
#include "tensorrt/trt_build.hpp"
#include "tensorrt/trt_cache.hpp"
#include "tensorrt/trt_plan.hpp"

namespace sample::trt {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// To be raised whenever the same model would be built otherwise, here or in trt_build.cpp.
constexpr int kRecipe = 1;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::string dims_text(const ProfileShapes& shapes) {
  std::string text;
  for (const ShapeRange& range : shapes) {
    text += (text.empty() ? "" : ", ") + to_string(range.min) + ":" + to_string(range.opt) + ":" + to_string(range.max);
  }
  return text;
}

std::string this_gpu(const Gpu& gpu) {
  return gpu.name + ", " + std::to_string(gpu.multiprocessors) + " multiprocessors, compute capability " +
      std::to_string(gpu.major) + "." + std::to_string(gpu.minor);
}

std::string this_tensorrt() { return std::string(kProduct) + " " + to_string(library_version()); }

// Everything that makes another engine. What runs it (contexts, CUDA graph) or only makes the build faster
// does not belong to it.
std::string engine_key(const EngineOptions& options, const Gpu& gpu) {
  const ArtifactFacts* data = artifact_data_facts();
  std::string profiles;
  for (const ProfileShapes& shapes : engine_profiles()) {
    profiles += (profiles.empty() ? "" : " | ") + dims_text(shapes);
  }
  return key_text({
      {"artifact", artifact_facts().sha256},
      {"artifact data", data == nullptr ? "none" : data->sha256},
      {"network code", network_key()},
      {"recipe", std::to_string(kRecipe)},
      {"headers", to_string(kHeaders)},  // they decide what is asked of the library
      {"tensorrt",
          options.version_compatible
              ? std::string(kProduct) + " " + std::to_string(kHeaders.major) + ", version compatible"
              : this_tensorrt()},
      {"gpu", options.hardware_compatible ? "any from Ampere on" : this_gpu(gpu)},
      {"precision", precision_name()},
      {"tf32", engine_tf32() ? "on" : "off"},
      {"profiles", profiles},
      {"workspace", options.workspace_bytes == 0 ? "no limit" : std::to_string(options.workspace_bytes)},
      {"optimisation level", options.optimization_level < 0 ? "default" : std::to_string(options.optimization_level)},
      {"tactic sources", options.tactic_sources.empty() ? "default" : options.tactic_sources},
      {"detailed layers", options.detailed_layers ? "yes" : "no"},
  });
}

Result<Engine> start(const EngineRequest& request) {
  Engine made;
  made.logger = lend_logger(request.options.log);
  made.gpu = request.gpu;
  made.runtime.reset(nvinfer1::createInferRuntime(*made.logger));
  if (made.runtime == nullptr) {
    return Error{ErrorCode::no_device, this_tensorrt() + " cannot start" + made.logger->reasons()};
  }
  if (request.options.engine.version_compatible) {
    allow_host_code(*made.runtime);
  }
  return made;
}

// Whether what failed was an allocation, by what CUDA or TensorRT says of it.
bool was_memory(cudaError_t last, const std::string& reasons) {
  return last == cudaErrorMemoryAllocation || reasons.find("out of memory") != std::string::npos ||
      reasons.find("OutOfMemory") != std::string::npos || reasons.find("OUT_OF_MEMORY") != std::string::npos;
}

// From a plan to an engine; the plan can go afterwards. `no_memory` tells whether it failed for want of it.
Result<void> deserialise(Engine& made, const void* plan, std::size_t size, bool* no_memory = nullptr) {
  (void)cudaGetLastError();
  {
    const std::shared_lock<std::shared_mutex> no_capture(capturing());
    made.engine.reset(made.runtime->deserializeCudaEngine(plan, size));
  }
  made.logger->rethrow();
  made.plan_bytes = size;
  if (made.engine == nullptr) {
    const std::string reasons = made.logger->reasons();
    if (no_memory != nullptr) {
      *no_memory = was_memory(cudaGetLastError(), reasons);
    }
    return Error{ErrorCode::backend,
        this_tensorrt() + " on " + made.gpu.name + " cannot use the engine" + reasons + free_memory_text()};
  }
  return {};
}

Result<void> save_plan(const EngineRequest& request, const void* plan, std::size_t size) {
  return request.save_plan.empty() ? Result<void>() : write_whole_file(request.save_plan, plan, size);
}

// What a tensor of the engine has to be; the order is ours.
Result<Binding> find_binding(const nvinfer1::ICudaEngine& engine, const TensorInfo& info, nvinfer1::TensorIOMode mode) {
  const char* name = info.name.c_str();
  const auto refused = [&](const std::string& why) {
    return Error{ErrorCode::unsupported, "the engine is not that of this project: tensor '" + info.name + "' " + why};
  };
  if (engine.getTensorIOMode(name) != mode) {
    return refused(mode == nvinfer1::TensorIOMode::kINPUT ? "is no input of it" : "is no output of it");
  }
  Binding binding;
  binding.name = info.name;
  const std::optional<DType> dtype = from_trt(engine.getTensorDataType(name));
  if (dtype != info.dtype) {
    return refused(std::string("is ") + (dtype ? to_string(*dtype) : "of a type that tensors here cannot hold") +
        " in it, expected " + to_string(info.dtype));
  }
  binding.dtype = *dtype;
  if (engine.getTensorFormat(name) != nvinfer1::TensorFormat::kLINEAR) {
    return refused(std::string("is not laid out row by row: ") + engine.getTensorFormatDesc(name));
  }
  if (from_trt(engine.getTensorShape(name)).size() != info.dims.size()) {
    return refused(
        "has shape " + to_string(from_trt(engine.getTensorShape(name))) + " in it, expected " + to_string(info.dims));
  }
  binding.on_host = engine.getTensorLocation(name) == nvinfer1::TensorLocation::kHOST;
  return binding;
}

Result<void> read_bindings(Engine& made) {
  const nvinfer1::ICudaEngine& engine = *made.engine;
  const std::vector<TensorInfo> inputs = input_infos();
  const std::vector<TensorInfo> outputs = output_infos();
  if (static_cast<std::size_t>(engine.getNbIOTensors()) != inputs.size() + outputs.size()) {
    return Error{ErrorCode::unsupported,
        "the engine is not that of this project: it has " + std::to_string(engine.getNbIOTensors()) +
            " inputs and outputs, expected " + std::to_string(inputs.size() + outputs.size())};
  }
  for (const TensorInfo& info : inputs) {
    Result<Binding> binding = find_binding(engine, info, nvinfer1::TensorIOMode::kINPUT);
    if (!binding) {
      return binding.error();
    }
    made.inputs.push_back(*std::move(binding));
  }
  for (const TensorInfo& info : outputs) {
    Result<Binding> binding = find_binding(engine, info, nvinfer1::TensorIOMode::kOUTPUT);
    if (!binding) {
      return binding.error();
    }
    made.outputs.push_back(*std::move(binding));
  }
  made.dynamic = std::any_of(made.inputs.begin(), made.inputs.end(),
      [&](const Binding& input) { return is_dynamic(from_trt(engine.getTensorShape(input.name.c_str()))); });
  for (std::int32_t p = 0; p < engine.getNbOptimizationProfiles(); ++p) {
    Profile profile;
    for (const Binding& input : made.inputs) {
      const char* name = input.name.c_str();
      const Dims fixed = from_trt(engine.getTensorShape(name));
      const auto shape = [&](nvinfer1::OptProfileSelector which) {
        return is_dynamic(fixed) ? from_trt(engine.getProfileShape(name, p, which)) : fixed;
      };
      profile.inputs.push_back({shape(nvinfer1::OptProfileSelector::kMIN), shape(nvinfer1::OptProfileSelector::kOPT),
          shape(nvinfer1::OptProfileSelector::kMAX)});
    }
    made.profiles.push_back(std::move(profile));
  }
  return {};
}

Result<void> use_file(Engine& made, const EngineRequest& request) {
  const fs::path& file = request.artifact.source.file;
  const Result<Bytes> plan = read_plan_file(file, request.options.check);
  if (!plan) {
    return plan.error();
  }
  made.origin = Origin::file;
  made.file = file;
  if (Result<void> usable = deserialise(made, plan->data.get(), plan->size); !usable) {
    const std::string built_by = plan_version(*plan);
    return Error{ErrorCode::bad_file,
        usable.error().message + "\n" + path_text(file) +
            (built_by.empty() ? " does not begin as a plan of TensorRT does" : " was built by TensorRT " + built_by) +
            "; an engine runs on the version and the GPU that it was built with, unless it was built as compatible "
            "(then set EngineOptions::version_compatible). Build it on this machine: leave LoadOptions::artifact "
            "empty, or run sample_build_engine"};
  }
  return save_plan(request, plan->data.get(), plan->size);
}

// Whether the cache had an engine that works. Why one that is there does not is logged, and left in `unusable`.
Result<bool> use_cache(
    Engine& made, const EngineRequest& request, const fs::path& file, const std::string& key, std::string& unusable) {
  const auto start = Clock::now();
  const Result<Bytes> plan = read_cached(file, key, request.options.check);
  Result<void> usable;
  bool no_memory = false;
  if (!plan) {
    if (plan.error().code == ErrorCode::not_found) {
      return false;
    }
    usable = plan.error();
  } else {
    usable = deserialise(made, plan->data.get(), plan->size, &no_memory);
  }
  if (no_memory) {
    return usable.error();  // the engine is good, and another one would need as much
  }
  if (!usable) {
    unusable = "the cached engine cannot be used: " + usable.error().message;
    made.logger->say(LogLevel::warning, unusable);
    return false;
  }
  made.origin = Origin::cache;
  made.file = file;
  made.seconds = seconds_since(start);
  if (Result<void> saved = save_plan(request, plan->data.get(), plan->size); !saved) {
    return saved.error();
  }
  return true;
}

// Every file of the artifact, or its embedded bytes.
Result<void> check_source(const NetworkSource& source, Check check) {
  if (source.embedded.data != nullptr) {
    return check_integrity(source.embedded, artifact_facts(), check);
  }
  Result<void> intact = check_integrity(source.file, artifact_facts(), check);
  const ArtifactFacts* data = artifact_data_facts();
  return intact && data != nullptr ? check_integrity(source.file.parent_path() / data->file, *data, check) : intact;
}

Result<void> check_source_edges(const NetworkSource& source) {
  Result<void> intact = check_edges(source.file, artifact_facts());
  const ArtifactFacts* data = artifact_data_facts();
  return intact && data != nullptr ? check_edges(source.file.parent_path() / data->file, *data) : intact;
}

// Said before the minutes of a build that would fail at its end.
Result<void> check_gpu(const Gpu& gpu) {
  const ComputeCapability least = precision_capability();
  if (std::pair(gpu.major, gpu.minor) >= std::pair(least.major, least.minor)) {
    return {};
  }
  return Error{ErrorCode::no_device,
      std::string(precision_name()) + " needs a GPU of compute capability " + std::to_string(least.major) + "." +
          std::to_string(least.minor) + ", " + gpu.name + " has " + std::to_string(gpu.major) + "." +
          std::to_string(gpu.minor)};
}

Result<void> build(Engine& made, const EngineRequest& request, const fs::path& file, const std::string& key) {
  const LoadOptions& options = request.options;
  if (Result<void> able = check_gpu(request.gpu); !able) {
    return able;
  }
  if (Result<void> intact = check_source(request.artifact.source, Check::quick); !intact) {
    return intact;
  }
  const auto start = Clock::now();
  BuildRequest building;
  building.source = request.artifact.source;
  building.options = options.engine;
  building.timing_key = key_text({{"timing", "of " + this_tensorrt()}, {"gpu", this_gpu(request.gpu)}});
  if (options.engine.timing_cache && !file.empty()) {
    building.timing_cache = file.parent_path() / cache_file_name(building.timing_key, ".timing");
  }
  building.progress = [&](double fraction, const std::string& what) {
    if (options.progress) {
      options.progress(0.1 + 0.8 * fraction, "building the engine: " + what);
    }
  };
  building.progress(0.0, "this can take minutes");
  Result<Handle<nvinfer1::IHostMemory>> plan = [&] {
    const std::shared_lock<std::shared_mutex> no_capture(capturing());
    return build_plan(*made.logger, building);
  }();
  if (!plan) {
    return plan.error();
  }
  const nvinfer1::IHostMemory& memory = **plan;
  made.origin = Origin::build;
  made.seconds = seconds_since(start);
  if (Result<void> usable = deserialise(made, memory.data(), memory.size()); !usable) {
    return usable;
  }
  if (!file.empty()) {
    if (Result<void> written = write_cached(file, key, memory.data(), memory.size()); written) {
      made.file = file;
    } else {
      made.logger->say(
          LogLevel::warning, "the engine is used, but not kept for the next time: " + written.error().message);
    }
  }
  return save_plan(request, memory.data(), memory.size());
}

Result<void> use_cache_or_build(Engine& made, const EngineRequest& request) {
  const LoadOptions& options = request.options;
  const std::string key = engine_key(options.engine, request.gpu);
  const Result<fs::path> folder = cache_folder(options.cache_dir);
  if (!folder && options.build_engine == BuildEngine::never) {
    return folder.error();
  }
  if (!folder) {
    made.logger->say(LogLevel::warning, "the engine is built anew: " + folder.error().message);
    return build(made, request, {}, key);
  }
  const fs::path file = *folder / cache_file_name(key, ".engine");
  std::string unusable;
  if (!request.rebuild) {
    if (Result<bool> found = use_cache(made, request, file, key, unusable); !found || *found) {
      return found ? Result<void>() : found.error();
    }
  }
  const std::string nearest = unusable.empty() ? nearest_engine(*folder, key) : std::string();
  const std::string why = nearest.empty() ? std::string() : " (the nearest one there: " + nearest + ")";
  if (options.build_engine == BuildEngine::never) {
    return Error{ErrorCode::not_found,
        "there is no engine for this machine in the cache, and BuildEngine::never forbids to build one: run "
        "sample_build_engine with the same options. Looked for " +
            path_text(file) + why + (unusable.empty() ? "" : "; " + unusable)};
  }
  fs::path lock_file = file;
  lock_file += ".lock";
  const BuildLock lock(lock_file, [&] {
    made.logger->say(LogLevel::info, "somebody else is building this engine; waiting for " + path_text(lock_file));
  });
  if (lock.waited()) {
    // What the other built is as new as can be, even for a rebuild.
    if (Result<bool> found = use_cache(made, request, file, key, unusable); !found || *found) {
      return found ? Result<void>() : found.error();
    }
  }
  if (lock.held()) {
    remove_leftovers(file);
  }
  made.logger->say(LogLevel::info, "building the engine for " + path_text(file) + why);
  return build(made, request, file, key);
}

}  // namespace

Result<Artifact> find_artifact(const LoadOptions& options) {
  const ArtifactFacts& facts = artifact_facts();
  const ArtifactFacts* data = artifact_data_facts();
  Artifact artifact;
  if (options.artifact.empty() && data == nullptr) {
    artifact.source.embedded = embedded_file(facts.file);  // the parser finds a second file only beside a first
  }
  if (artifact.source.embedded.data != nullptr) {
    return artifact;
  }
  artifact.source.file = options.artifact;
  if (options.artifact.empty()) {
    Result<fs::path> found = find_asset(facts.file);
    if (!found) {
      return found.error();
    }
    artifact.source.file = *std::move(found);
  }
  if (names_plan(artifact.source.file)) {
    artifact.is_plan = true;
    std::error_code error;
    return fs::exists(artifact.source.file, error)
        ? Result<Artifact>(std::move(artifact))
        : Error{ErrorCode::not_found, "cannot read engine " + path_text(artifact.source.file)};
  }
  // With an engine in the cache the files are never read: every byte is looked at when one is built.
  if (Result<void> intact = options.check == Check::full ? check_source(artifact.source, Check::full)
                                                         : check_source_edges(artifact.source);
      !intact) {
    return intact.error();
  }
  return artifact;
}

Result<Engine> open_engine(const EngineRequest& request) {
  Result<Engine> started = start(request);
  if (!started) {
    return started;
  }
  Result<void> opened = request.artifact.is_plan ? use_file(*started, request) : use_cache_or_build(*started, request);
  if (opened) {
    opened = read_bindings(*started);
  }
  if (!opened) {
    return opened.error();
  }
  return started;
}

Result<Engine> copy_engine(const Engine& engine) {
  const Handle<nvinfer1::IHostMemory> plan(engine.engine->serialize());
  if (plan == nullptr) {
    return Error{ErrorCode::backend, this_tensorrt() + " does not give the engine's plan" + engine.logger->reasons()};
  }
  Engine made;
  made.logger = lend_logger(nullptr);
  made.gpu = engine.gpu;
  made.runtime.reset(nvinfer1::createInferRuntime(*made.logger));
  if (made.runtime == nullptr) {
    return Error{ErrorCode::backend, this_tensorrt() + " cannot start once more" + made.logger->reasons()};
  }
  allow_host_code(*made.runtime);  // this engine runs already, with what it brought along
  if (Result<void> usable = deserialise(made, plan->data(), plan->size()); !usable) {
    return usable.error();
  }
  if (Result<void> read = read_bindings(made); !read) {
    return read.error();
  }
  return made;
}

bool Engine::one_context_a_profile() const noexcept {
  return dynamic && (!kContextsShareProfiles || (kPlansDecideOnSharing && origin == Origin::file));
}

Result<std::size_t> Engine::profile_for(TensorViews views) const {
  std::optional<std::size_t> best;
  std::int64_t best_size = 0;
  for (std::size_t p = 0; p < profiles.size(); ++p) {
    bool holds = true;
    std::int64_t size = 0;
    for (std::size_t i = 0; holds && i < views.size(); ++i) {
      const ShapeRange& range = profiles[p].inputs[i];
      const Dims& dims = views[i].dims;
      holds = dims.size() == range.min.size();
      for (std::size_t d = 0; holds && d < dims.size(); ++d) {
        holds = dims[d] >= range.min[d] && dims[d] <= range.max[d];
      }
      size += range.max.elements();
    }
    if (holds && (!best || size < best_size)) {
      best = p;
      best_size = size;
    }
  }
  if (best) {
    return *best;
  }
  std::string message = "no optimisation profile of the engine holds these shapes:";
  for (std::size_t i = 0; i < views.size(); ++i) {
    message += (i == 0 ? " " : ", ") + inputs[i].name + " " + to_string(views[i].dims);
  }
  for (std::size_t p = 0; p < profiles.size(); ++p) {
    message += "\n  profile " + std::to_string(p) + ":";
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      message += (i == 0 ? " " : ", ") + inputs[i].name + " from " + to_string(profiles[p].inputs[i].min) + " to " +
          to_string(profiles[p].inputs[i].max);
    }
  }
  return Error{ErrorCode::invalid_argument, message};
}

}  // namespace sample::trt
