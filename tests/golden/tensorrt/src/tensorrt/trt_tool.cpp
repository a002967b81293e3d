#include "tensorrt/trt_tool.hpp"

#include <exception>

#include "tensorrt/trt_engine.hpp"

namespace sample::trt {
namespace {

Result<MadeEngine> make(const LoadOptions& options, bool rebuild, const std::filesystem::path& save_plan) {
  const Result<Artifact> artifact = find_artifact(options);
  if (!artifact) {
    return artifact.error();
  }
  const Result<Gpu> gpu = start_up(options.device_index);
  if (!gpu) {
    return gpu.error();
  }
  const DeviceGuard on_device(gpu->index);
  if (Result<void> current = on_device.status(); !current) {
    return current.error();
  }
  const Result<Engine> engine = open_engine({options, *artifact, *gpu, rebuild, save_plan});
  if (!engine) {
    return engine.error();
  }
  return MadeEngine{engine->file, engine->origin == Origin::build, engine->seconds, engine->plan_bytes, gpu->name};
}

}  // namespace

Result<MadeEngine> make_engine(const LoadOptions& options, bool rebuild, const std::filesystem::path& save_plan) {
  try {
    return make(options, rebuild, save_plan);
  } catch (const std::exception& e) {
    return Error{ErrorCode::backend, std::string("making the engine: ") + e.what()};
  }
}

}  // namespace sample::trt
