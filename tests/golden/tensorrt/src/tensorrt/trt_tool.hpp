// What sample_build_engine and the bare benchmark take from the library. No TensorRT here.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "sample/model.hpp"

namespace sample::trt {

struct MadeEngine {
  std::filesystem::path file;  // empty: the cache could not be written
  bool built = false;          // false: it was there
  double seconds = 0.0;
  std::size_t bytes = 0;
  std::string gpu;
};

// Builds the engine that load() would build with these options, unless the cache has it and `rebuild` is
// false. `save_plan`: a file for the plain plan, as trtexec takes it; empty: none.
[[nodiscard]] Result<MadeEngine> make_engine(
    const LoadOptions& options, bool rebuild, const std::filesystem::path& save_plan);

}  // namespace sample::trt
