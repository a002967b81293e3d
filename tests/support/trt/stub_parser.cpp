// A stand-in for TensorRT's ONNX parser: enough to link, not to parse.
#include <cstdint>

extern "C" __attribute__((visibility("default"))) void* createNvOnnxParser_INTERNAL(void*, void*, std::int32_t) noexcept {
  return nullptr;
}
