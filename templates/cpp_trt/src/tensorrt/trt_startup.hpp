// Whether this machine can run the model at all, asked in the order in which wrong answers do not crash.
#pragma once

#include <string>

#include "{= name =}/result.hpp"

namespace {= name =}::trt {

struct Gpu {
  int index = 0;
  std::string name;
  int major = 0;  // compute capability
  int minor = 0;
  int multiprocessors = 0;  // tells parts of one GPU (MIG) apart
};

// The GPU of this index, after the driver and the TensorRT library were found to fit. Errors are
// ErrorCode::no_device and say what to do.
[[nodiscard]] Result<Gpu> start_up(int device_index);

}  // namespace {= name =}::trt
