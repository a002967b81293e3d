#include "tensorrt/trt_handles.hpp"

#include <cstdio>

namespace {= name =}::trt {

Error cuda_error(cudaError_t status, const char* call) {
  (void)cudaGetLastError();  // clears it
  return Error{ErrorCode::backend,
      std::string(call) + " failed: " + cudaGetErrorString(status) + " (CUDA error " +
          std::to_string(static_cast<int>(status)) + ")"};
}

std::shared_mutex& capturing() {
  static auto* const mutex = new std::shared_mutex;  // never destroyed: a model may outlive what is static
  return *mutex;
}

std::string bytes_text(std::size_t bytes) {
  static constexpr const char* kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024.0 && unit < 4) {
    value /= 1024.0;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string free_memory_text() {
  std::size_t free = 0;
  std::size_t total = 0;
  if (cudaMemGetInfo(&free, &total) != cudaSuccess) {
    (void)cudaGetLastError();
    return {};
  }
  return "; " + bytes_text(free) + " of " + bytes_text(total) + " are free on the device";
}

Error out_of_memory(cudaError_t status, const char* kind, std::size_t bytes) {
  (void)cudaGetLastError();
  return Error{ErrorCode::backend,
      "cannot allocate " + bytes_text(bytes) + " of " + kind + ": " + cudaGetErrorString(status) + free_memory_text()};
}

DeviceGuard::DeviceGuard(int device) {
  int current = 0;
  status_ = cudaGetDevice(&current);
  if (status_ == cudaSuccess && current != device) {
    status_ = cudaSetDevice(device);
    previous_ = current;
  }
}

DeviceGuard::~DeviceGuard() {
  if (previous_ >= 0) {
    cudaSetDevice(previous_);
  }
}

Result<Stream> make_stream() {
  cudaStream_t stream = nullptr;
  if (Result<void> made =
          cuda_check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
      !made) {
    return made.error();
  }
  return Stream(stream);
}

Result<Event> make_event() {
  cudaEvent_t event = nullptr;
  if (Result<void> made = cuda_check(cudaEventCreate(&event), "cudaEventCreate"); !made) {
    return made.error();
  }
  return Event(event);
}

}  // namespace {= name =}::trt
