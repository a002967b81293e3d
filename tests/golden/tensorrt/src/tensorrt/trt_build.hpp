// From a network to a plan: the engine as bytes.
#pragma once

#include <NvInfer.h>

#include <filesystem>
#include <functional>
#include <string>

#include "sample/model.hpp"

#include "tensorrt/trt_handles.hpp"
#include "tensorrt/trt_network.hpp"

namespace sample::trt {

class Logger;

struct BuildRequest {
  NetworkSource source;
  EngineOptions options;
  std::filesystem::path timing_cache;  // empty: none
  std::string timing_key;              // what the kernels' times depend on
  std::function<void(double fraction, const std::string& what)> progress;
};

// Takes seconds to minutes, on the current device. What `progress` throws stops the build.
[[nodiscard]] Result<Handle<nvinfer1::IHostMemory>> build_plan(Logger& logger, const BuildRequest& request);

}  // namespace sample::trt
