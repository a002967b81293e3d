// A stand-in for TensorRT's library: enough to link and start a program, not to run a model. Its factories
// return null, as the real ones do without a driver.
//
// STUB_VERSION: what getInferLibVersion says, 8503 for 8.5.3 and 101303 for 10.13.3.
#include <cstdint>

#define STUB_API extern "C" __attribute__((visibility("default")))

STUB_API void* createInferBuilder_INTERNAL(void*, std::int32_t) noexcept { return nullptr; }
STUB_API void* createInferRuntime_INTERNAL(void*, std::int32_t) noexcept { return nullptr; }
STUB_API std::int32_t getInferLibVersion() noexcept { return STUB_VERSION; }
