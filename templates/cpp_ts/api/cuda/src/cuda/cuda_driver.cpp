#include "cuda/cuda_driver.hpp"

#include <stdexcept>

#if defined(_WIN32)
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include "libtorch/gpu.hpp"

namespace {= name =} {
namespace cuda {
namespace {

// From cuda.h, whose binary interface is fixed.
constexpr int kSuccess = 0;
constexpr int kCapabilityMajor = 75;
constexpr int kCapabilityMinor = 76;
constexpr unsigned kNonBlocking = 1;

struct Driver {
  int (*init)(unsigned) = nullptr;
  int (*device)(int*, int) = nullptr;
  int (*attribute)(int*, int, int) = nullptr;
  int (*name)(char*, int, int) = nullptr;
  int (*create_stream)(void**, unsigned) = nullptr;
  std::string missing;  // empty: all of it is there
};

void* symbol(const char* name) {
#if defined(_WIN32)
  static const HMODULE library = LoadLibraryA("nvcuda.dll");
  return library == nullptr ? nullptr : reinterpret_cast<void*>(GetProcAddress(library, name));
#else
  static void* const library = dlopen("libcuda.so.1", RTLD_NOW);
  return library == nullptr ? nullptr : dlsym(library, name);
#endif
}

template <typename Function>
void find(const char* name, Function& function, std::string& missing) {
  function = reinterpret_cast<Function>(symbol(name));
  if (function == nullptr && missing.empty()) {
    missing = std::string("NVIDIA's driver cannot be loaded, or lacks ") + name;
  }
}

// Never unloaded.
const Driver& driver() {
  static const Driver found = [] {
    Driver d;
    find("cuInit", d.init, d.missing);
    find("cuDeviceGet", d.device, d.missing);
    find("cuDeviceGetAttribute", d.attribute, d.missing);
    find("cuDeviceGetName", d.name, d.missing);
    find("cuStreamCreate", d.create_stream, d.missing);
    return d;
  }();
  return found;
}

std::string failed(const char* call, int status) {
  return std::string(call) + " failed (CUDA driver error " + std::to_string(status) + ")";
}

}  // namespace

Result<Gpu> gpu_named(int device_index) {
  const Driver& d = driver();
  if (!d.missing.empty()) {
    return Error{ErrorCode::no_device, d.missing};
  }
  if (const int status = d.init(0); status != kSuccess) {
    return Error{ErrorCode::no_device, failed("cuInit", status)};
  }
  int device = 0;
  Gpu gpu;
  char name[256] = {};
  int status = d.device(&device, device_index);
  status = status == kSuccess ? d.attribute(&gpu.major, kCapabilityMajor, device) : status;
  status = status == kSuccess ? d.attribute(&gpu.minor, kCapabilityMinor, device) : status;
  status = status == kSuccess ? d.name(name, static_cast<int>(sizeof name) - 1, device) : status;
  if (status != kSuccess) {
    return Error{ErrorCode::no_device,
        "CUDA device " + std::to_string(device_index) + " cannot be asked: " + failed("cuDeviceGet...", status)};
  }
  gpu.name = name;
  return gpu;
}

void* create_stream() {
  const Driver& d = driver();
  if (!d.missing.empty()) {
    throw std::runtime_error(d.missing);
  }
  void* stream = nullptr;
  if (const int status = d.create_stream(&stream, kNonBlocking); status != kSuccess) {
    throw std::runtime_error(failed("cuStreamCreate", status));
  }
  return stream;
}

}  // namespace cuda

Result<void> check_compiled_for_gpu(const CompiledFor& wanted, int index, const LoadOptions& options) {
  const Result<cuda::Gpu> here = cuda::gpu_named(index);
  if (!here) {
    return here.error();
  }
  const std::string capability = std::to_string(here->major) + "." + std::to_string(here->minor);
  if (capability != wanted.capability) {
    return Error{ErrorCode::unsupported,
        "the artifact holds code for a GPU of compute capability " + std::string(wanted.capability) + " (" +
            wanted.gpu + "), this one is " + here->name + " with " + capability +
            ": run gencpp on this machine, or without --artifact aoti"};
  }
  if (options.log && here->name != wanted.gpu) {
    options.log(LogLevel::warning,
        "the artifact was compiled on " + std::string(wanted.gpu) + ", this GPU is " + here->name);
  }
  return {};
}

}  // namespace {= name =}
