#include "tensorrt/trt_startup.hpp"

#include <cuda_runtime_api.h>

#include "tensorrt/compat.hpp"

#if defined(_WIN32)
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace {= name =}::trt {
namespace {

Error no_device(const std::string& message) { return Error{ErrorCode::no_device, message}; }

// Whether the driver's library is there. CUDA reports a missing driver and an old one by the same number.
bool has_driver_library() {
#if defined(_WIN32)
  const HMODULE library = LoadLibraryA("nvcuda.dll");
  if (library != nullptr) {
    FreeLibrary(library);
  }
#else
  void* const library = dlopen("libcuda.so.1", RTLD_LAZY);
  if (library != nullptr) {
    dlclose(library);
  }
#endif
  return library != nullptr;
}

// "12.4" of 12040.
std::string cuda_version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

Error no_devices(cudaError_t status) {
  if (status == cudaErrorInsufficientDriver) {
    if (!has_driver_library()) {
      return no_device(
          "there is no NVIDIA driver on this machine (libcuda.so.1 cannot be loaded): TensorRT needs an NVIDIA GPU "
          "with its driver; in a container, start it with the GPUs handed in (docker run --gpus all)");
    }
    int driver = 0;
    int runtime = 0;
    (void)cudaDriverGetVersion(&driver);
    (void)cudaRuntimeGetVersion(&runtime);
    return no_device("the NVIDIA driver is too old: it supports CUDA " +
        (driver > 0 ? cuda_version_text(driver) : std::string("(of a version that it does not tell)")) +
        ", this program was built with the runtime of CUDA " + cuda_version_text(runtime) +
        ": update the driver, or build with an older CUDA runtime");
  }
  if (status == cudaSuccess || status == cudaErrorNoDevice) {
    return no_device(
        "there is no CUDA device: the NVIDIA driver is there, but it shows no GPU (see nvidia-smi; "
        "CUDA_VISIBLE_DEVICES may hide it)");
  }
  return no_device(std::string("CUDA cannot start: ") + cudaGetErrorString(status) + " (CUDA error " +
      std::to_string(static_cast<int>(status)) + " of cudaGetDeviceCount)");
}

// Headers of another major version crash inside of the library; of a newer minor one, call what it lacks.
Result<void> check_library() {
  const Version library = library_version();
  if (library.major == kHeaders.major && library.minor >= kHeaders.minor) {
    return {};
  }
  return no_device(std::string("the ") + kProduct + " library that was loaded is " + to_string(library) +
      ", this program was built with the headers of " + to_string(kHeaders) + ": " +
      (library.major != kHeaders.major ? "another major version does not fit"
                                       : "an older library lacks what newer headers call") +
      ". Put the folder of the right library first in LD_LIBRARY_PATH, or build the project anew with headers that fit "
      "this one");
}

}  // namespace

Result<Gpu> start_up(int device_index) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    (void)cudaGetLastError();
    return no_devices(status);
  }
  if (device_index < 0 || device_index >= count) {
    return no_device("there is no CUDA device " + std::to_string(device_index) + ": this machine has " +
        std::to_string(count) + ", counted from 0");
  }
  cudaDeviceProp properties{};
  if (const cudaError_t told = cudaGetDeviceProperties(&properties, device_index); told != cudaSuccess) {
    (void)cudaGetLastError();
    return no_device("CUDA device " + std::to_string(device_index) + " cannot be used: " + cudaGetErrorString(told));
  }
  if (Result<void> fits = check_library(); !fits) {
    return fits.error();
  }
  Gpu gpu;
  gpu.index = device_index;
  gpu.name = properties.name;
  gpu.major = properties.major;
  gpu.minor = properties.minor;
  gpu.multiprocessors = properties.multiProcessorCount;
  return gpu;
}

}  // namespace {= name =}::trt
