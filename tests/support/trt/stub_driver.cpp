// A stand-in for NVIDIA's driver library libcuda.so.1, as the CUDA runtime sees it on a machine whose driver is
// too old or shows no GPU. It supports nothing else.
//
// STUB_DRIVER: the CUDA version that it supports, 11040 for 11.4. STUB_ERROR: what its functions return.
#include <cstdint>
#include <string_view>

#define STUB_API extern "C" __attribute__((visibility("default")))

STUB_API int cuDriverGetVersion(int* version) {
  *version = STUB_DRIVER;
  return 0;
}

STUB_API int cuInit(unsigned) { return STUB_ERROR; }

namespace {

int refuse() { return STUB_ERROR; }

template <typename Function>
void* address(Function* function) {
  return reinterpret_cast<void*>(function);
}

}  // namespace

STUB_API int cuGetProcAddress(const char* name, void** function, int, std::uint64_t) {
  const std::string_view wanted(name);
  *function = wanted == "cuDriverGetVersion" ? address(cuDriverGetVersion) : wanted == "cuInit" ? address(cuInit)
                                                                                                : address(refuse);
  if (wanted == "cuGetProcAddress") {
    *function = address(cuGetProcAddress);
  }
  return 0;
}

STUB_API int cuGetProcAddress_v2(const char* name, void** function, int version, std::uint64_t flags, int* status) {
  if (status != nullptr) {
    *status = 0;
  }
  return cuGetProcAddress(name, function, version, flags);
}
