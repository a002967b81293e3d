// Owners of what TensorRT and CUDA hand out. Move-only; each releases what it holds.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <memory>
#include <shared_mutex>
#include <string>
#include <type_traits>

#include "{= name =}/result.hpp"

namespace {= name =}::trt {

// TensorRT's objects are released by delete, from 8 on.
template <typename T>
using Handle = std::unique_ptr<T>;

// An Error that names the call and what CUDA says.
[[nodiscard]] Error cuda_error(cudaError_t status, const char* call);

// Success, or cuda_error(). CUDA's record of the error is cleared, so that no later call reports it.
[[nodiscard]] inline Result<void> cuda_check(cudaError_t status, const char* call) {
  if (status == cudaSuccess) {
    return {};
  }
  return cuda_error(status, call);
}

// Of the process. Work that may synchronise the device holds it shared: that breaks the captures of other threads,
// whatever their mode. A capture holds it alone.
[[nodiscard]] std::shared_mutex& capturing();

// "12.3 MiB"
[[nodiscard]] std::string bytes_text(std::size_t bytes);

// "; 1.2 GiB of 8.0 GiB are free on the device", or nothing when CUDA does not tell.
[[nodiscard]] std::string free_memory_text();

// Makes a device the calling thread's current one, and gives the thread its own back.
class DeviceGuard {
 public:
  explicit DeviceGuard(int device);
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;
  ~DeviceGuard();
  // Whether the device is current.
  [[nodiscard]] Result<void> status() const { return cuda_check(status_, "cudaSetDevice"); }

 private:
  cudaError_t status_ = cudaSuccess;
  int previous_ = -1;  // -1: nothing to restore
};

struct Release {
  void operator()(cudaStream_t stream) const noexcept { cudaStreamDestroy(stream); }
  void operator()(cudaEvent_t event) const noexcept { cudaEventDestroy(event); }
  void operator()(cudaGraph_t graph) const noexcept { cudaGraphDestroy(graph); }
  void operator()(cudaGraphExec_t graph) const noexcept { cudaGraphExecDestroy(graph); }
};

using Stream = std::unique_ptr<std::remove_pointer_t<cudaStream_t>, Release>;
using Event = std::unique_ptr<std::remove_pointer_t<cudaEvent_t>, Release>;
using Graph = std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, Release>;
using GraphExec = std::unique_ptr<std::remove_pointer_t<cudaGraphExec_t>, Release>;

// A stream that does not wait for the default stream.
[[nodiscard]] Result<Stream> make_stream();
[[nodiscard]] Result<Event> make_event();

struct DeviceMemory {
  static constexpr const char* kName = "device memory";
  static cudaError_t allocate(void** memory, std::size_t bytes) noexcept { return cudaMalloc(memory, bytes); }
  void operator()(void* memory) const noexcept { cudaFree(memory); }
};

// Host memory that the GPU copies from and to without help of the CPU.
struct PinnedMemory {
  static constexpr const char* kName = "pinned host memory";
  static cudaError_t allocate(void** memory, std::size_t bytes) noexcept { return cudaMallocHost(memory, bytes); }
  void operator()(void* memory) const noexcept { cudaFreeHost(memory); }
};

[[nodiscard]] Error out_of_memory(cudaError_t status, const char* kind, std::size_t bytes);

// Memory that grows and never shrinks.
template <typename Memory>
class Buffer {
 public:
  [[nodiscard]] void* data() const noexcept { return memory_.get(); }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

  // At least `bytes`, and never a null pointer. What it held is lost when it grows; nothing on the device
  // may still use it.
  [[nodiscard]] Result<void> reserve(std::size_t bytes) {
    if (memory_ != nullptr && bytes <= capacity_) {
      return {};
    }
    memory_.reset();
    capacity_ = 0;
    void* memory = nullptr;
    const std::size_t size = bytes == 0 ? 1 : bytes;
    if (const cudaError_t status = Memory::allocate(&memory, size); status != cudaSuccess) {
      return out_of_memory(status, Memory::kName, size);
    }
    memory_.reset(memory);
    capacity_ = size;
    return {};
  }

 private:
  std::unique_ptr<void, Memory> memory_;
  std::size_t capacity_ = 0;
};

using DeviceBuffer = Buffer<DeviceMemory>;
using PinnedBuffer = Buffer<PinnedMemory>;

}  // namespace {= name =}::trt
