// Files that a user names as an engine. No TensorRT here.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "tensorrt/trt_cache.hpp"

namespace sample::trt {

// Whether a file is to be taken as it is, not as the ONNX artifact: by its suffix or by how it begins.
[[nodiscard]] bool names_plan(const std::filesystem::path& file);

// The plan in a file: a plain one (trtexec --saveEngine) or one of the cache. What is known to be something
// else is refused with what it is and what to do.
[[nodiscard]] Result<Bytes> read_plan_file(const std::filesystem::path& file, Check check);

// Which TensorRT built a plan: "10.13.3.9"; empty when the plan does not say.
[[nodiscard]] std::string plan_version(const Bytes& plan);

}  // namespace sample::trt
