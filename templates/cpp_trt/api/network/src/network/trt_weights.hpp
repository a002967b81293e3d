// assets/weights.bin: the arrays that layers are made with.
#pragma once

#include <NvInfer.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "{= name =}/result.hpp"
#include "{= name =}/tensor.hpp"

#include "tensorrt/trt_network.hpp"

namespace {= name =}::trt {

// TensorRT reads the arrays where they lie: this lives until the engine is built. Move-only.
class Weights {
 public:
  struct Array {
    std::string name;
    Dims dims;
    nvinfer1::Weights values{};  // int64 has become int32 on 8.x
    bool used = false;
  };

  // Maps the file, or takes the embedded bytes, and compares the size and the sha256 of every array with
  // weights_info.hpp.
  [[nodiscard]] static Result<Weights> open(const NetworkSource& source);

  [[nodiscard]] bool has(std::string_view name) const { return position(name) < arrays_.size(); }
  // Null where there is none of this name. It counts as used from here on.
  [[nodiscard]] const Array* use(std::string_view name);
  // Names that read alike, the nearest first.
  [[nodiscard]] std::vector<std::string> near(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> unused() const;

 private:
  Weights() = default;
  [[nodiscard]] std::size_t position(std::string_view name) const;

  std::shared_ptr<const void> memory_;           // of the file
  std::list<std::vector<std::int32_t>> narrow_;  // what was int64
  std::vector<Array> arrays_;                    // by name
};

}  // namespace {= name =}::trt
