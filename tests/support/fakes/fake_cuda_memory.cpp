// The fault double's CUDA runtime: devices, errors and memory. Device memory is kept aside, so that a
// program which touches it crashes as it would.
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "fake_cuda.hpp"

namespace gencpp_double {
namespace {

std::atomic<int> sticky{cudaSuccess};
thread_local int device_of_thread = 0;
thread_local cudaError_t last_error = cudaSuccess;

std::size_t capacity() { return std::stoull(environment("GENCPP_DOUBLE_MEMORY", "8589934592")); }
int devices() { return std::stoi(environment("GENCPP_DOUBLE_DEVICES", "1")); }

std::map<std::uintptr_t, Block>::iterator block_at(const void* address) {
  auto& blocks = world().blocks;
  const auto p = reinterpret_cast<std::uintptr_t>(address);
  auto next = blocks.upper_bound(p);
  if (next == blocks.begin()) {
    return blocks.end();
  }
  --next;
  return p < next->first + next->second.bytes ? next : blocks.end();
}

bool is_device(const void* address) {
  const std::lock_guard lock(world().mutex);
  const auto found = block_at(address);
  return found != world().blocks.end() && found->second.kind == Kind::device;
}

// The bytes to copy from or to: device memory by its content, host memory as it is.
unsigned char* copy_bytes(const void* address, std::size_t bytes, const char* what) {
  return reachable(address) ? device_bytes(address, bytes, what) : static_cast<unsigned char*>(const_cast<void*>(address));
}

void copy(void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) {
    std::memmove(copy_bytes(to, bytes, "the target of a copy"), copy_bytes(from, bytes, "the source of a copy"), bytes);
  }
}

void check_kind(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (bytes > 0 && kind != cudaMemcpyDefault && (to_device != is_device(to) || from_device != is_device(from))) {
    violation("a copy whose direction is not that of its addresses");
  }
}

cudaError_t allocate(void** address, std::size_t bytes, Kind kind) {
  const std::lock_guard lock(world().mutex);
  Block block;
  block.kind = kind;
  block.bytes = std::max<std::size_t>(bytes, 1);
  block.device = device_of_thread;
  if (kind == Kind::device) {
    if (world().used + bytes > capacity()) {
      return answer(cudaErrorMemoryAllocation);
    }
    block.mapped = (block.bytes + 4095) / 4096 * 4096;
    *address = ::mmap(nullptr, block.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    block.content = std::make_shared<std::vector<unsigned char>>(block.bytes, 0xCD);  // not zeros: nobody wrote it yet
    world().used += bytes;
  } else {
    *address = std::aligned_alloc(4096, (block.bytes + 4095) / 4096 * 4096);
    std::memset(*address, 0xCD, block.bytes);
  }
  born(kind == Kind::device ? "cudaMalloc" : "cudaHostAlloc");
  world().blocks.emplace(reinterpret_cast<std::uintptr_t>(*address), std::move(block));
  return cudaSuccess;
}

cudaError_t release(void* address, Kind kind) {
  if (address == nullptr) {
    return cudaSuccess;
  }
  run_all();  // as the real one: it waits for the device
  const std::lock_guard lock(world().mutex);
  const auto found = world().blocks.find(reinterpret_cast<std::uintptr_t>(address));
  if (found == world().blocks.end() || found->second.kind != kind) {
    violation("memory was released that is not allocated (any more)");
  }
  if (kind == Kind::device) {
    ::munmap(address, found->second.mapped);
    world().used -= found->second.bytes;
  } else {
    std::memset(address, 0xDD, found->second.bytes);
    std::free(address);
  }
  world().blocks.erase(found);
  died(kind == Kind::device ? "cudaMalloc" : "cudaHostAlloc");
  return cudaSuccess;
}

}  // namespace

World& world() {
  static World* all = new World;
  return *all;
}

int current_device() { return device_of_thread; }

cudaError_t answer(cudaError_t error) {
  if (error != cudaSuccess && error != cudaErrorNotReady) {
    last_error = error;
  }
  return error;
}

cudaError_t broken() {
  static const std::string fault = environment("GENCPP_DOUBLE_FAULT", "");
  if (fault == "no_driver" || fault == "driver_too_old") {
    return cudaErrorInsufficientDriver;
  }
  if (fault == "no_device") {
    return cudaErrorNoDevice;
  }
  return static_cast<cudaError_t>(sticky.load());
}

bool reachable(const void* address) {
  const std::lock_guard lock(world().mutex);
  return block_at(address) != world().blocks.end();
}

unsigned char* device_bytes(const void* address, std::size_t bytes, const std::string& what) {
  const std::lock_guard lock(world().mutex);
  const auto found = block_at(address);
  if (found == world().blocks.end()) {
    violation(what + ": the GPU cannot reach this address (host memory that is not pinned, or memory that was released)");
  }
  const std::size_t offset = reinterpret_cast<std::uintptr_t>(address) - found->first;
  if (offset + bytes > found->second.bytes) {
    violation(what + ": " + std::to_string(bytes) + " bytes at an address that has " + std::to_string(found->second.bytes - offset));
  }
  return found->second.kind == Kind::device ? found->second.content->data() + offset : reinterpret_cast<unsigned char*>(found->first) + offset;
}

void fail_device(cudaError_t error) { sticky = error; }

}  // namespace gencpp_double

using namespace gencpp_double;

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 0;
  RETURN_IF_BROKEN();
  *count = devices();
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  RETURN_IF_BROKEN();
  *device = current_device();
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  RETURN_IF_BROKEN();
  if (device < 0 || device >= devices()) {
    return answer(cudaErrorInvalidDevice);
  }
  device_of_thread = device;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  RETURN_IF_BROKEN();
  if (device < 0 || device >= devices()) {
    return answer(cudaErrorInvalidDevice);
  }
  *properties = cudaDeviceProp{};
  const Gpu card = gpu();
  std::strncpy(properties->name, card.name.c_str(), sizeof(properties->name) - 1);
  properties->major = card.major;
  properties->minor = card.minor;
  properties->totalGlobalMem = capacity();
  properties->multiProcessorCount = 28;
  properties->uuid.bytes[0] = static_cast<char>(device + 1);
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  RETURN_IF_BROKEN();
  if (device < 0 || device >= devices()) {
    return answer(cudaErrorInvalidDevice);
  }
  const Gpu card = gpu();
  switch (attribute) {
    case cudaDevAttrComputeCapabilityMajor:
      *value = card.major;
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor:
      *value = card.minor;
      return cudaSuccess;
    case cudaDevAttrMultiProcessorCount:
      *value = 28;
      return cudaSuccess;
    default:
      *value = 0;
      return cudaSuccess;
  }
}

cudaError_t cudaDriverGetVersion(int* version) {
  static const std::string fault = environment("GENCPP_DOUBLE_FAULT", "");
  *version = fault == "no_driver" ? 0 : fault == "driver_too_old" ? 11040
                                                                  : CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorInsufficientDriver:
      return "cudaErrorInsufficientDriver";
    case cudaErrorNoDevice:
      return "cudaErrorNoDevice";
    case cudaErrorInvalidDevice:
      return "cudaErrorInvalidDevice";
    case cudaErrorIllegalAddress:
      return "cudaErrorIllegalAddress";
    case cudaErrorNotReady:
      return "cudaErrorNotReady";
    default:
      return "cudaErrorOfTheDouble";
  }
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInsufficientDriver:
      return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorIllegalAddress:
      return "an illegal memory access was encountered";
    case cudaErrorStreamCaptureUnsupported:
      return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated:
      return "operation failed due to a previous error during capture";
    default:
      return "an error of the double";
  }
}

cudaError_t cudaGetLastError() {
  const cudaError_t error = last_error;
  last_error = cudaSuccess;
  return sticky.load() != cudaSuccess ? static_cast<cudaError_t>(sticky.load()) : error;
}

cudaError_t cudaPeekAtLastError() { return sticky.load() != cudaSuccess ? static_cast<cudaError_t>(sticky.load()) : last_error; }

cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total) {
  RETURN_IF_BROKEN();
  const std::lock_guard lock(world().mutex);
  *total = capacity();
  *free_bytes = *total - world().used;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** address, size_t bytes) {
  RETURN_IF_BROKEN();
  RETURN_IF_CAPTURING();
  note("cudaMalloc");
  return faulty("cuda_malloc") ? answer(cudaErrorMemoryAllocation) : allocate(address, bytes, Kind::device);
}

cudaError_t cudaFree(void* address) {
  if (address == nullptr) {
    return answer(broken());
  }
  RETURN_IF_CAPTURING();
  const cudaError_t released = release(address, Kind::device);
  return broken() != cudaSuccess ? answer(broken()) : released;
}

cudaError_t cudaHostAlloc(void** address, size_t bytes, unsigned int) {
  RETURN_IF_BROKEN();
  RETURN_IF_CAPTURING();
  note("cudaHostAlloc");
  return faulty("host_alloc") ? answer(cudaErrorMemoryAllocation) : allocate(address, bytes, Kind::pinned);
}

cudaError_t cudaMallocHost(void** address, size_t bytes) { return cudaHostAlloc(address, bytes, 0); }

cudaError_t cudaFreeHost(void* address) {
  RETURN_IF_CAPTURING();
  const cudaError_t released = release(address, Kind::pinned);
  return broken() != cudaSuccess ? answer(broken()) : released;
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* address) {
  RETURN_IF_BROKEN();
  const std::lock_guard lock(world().mutex);
  const auto found = block_at(address);
  *attributes = cudaPointerAttributes{};
  attributes->type = cudaMemoryTypeUnregistered;
  attributes->device = cudaInvalidDeviceId;
  if (found != world().blocks.end()) {
    attributes->type = found->second.kind == Kind::device ? cudaMemoryTypeDevice : cudaMemoryTypeHost;
    attributes->device = found->second.device;
    attributes->devicePointer = const_cast<void*>(address);
  }
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t handle) {
  RETURN_IF_BROKEN();
  if (faulty("memcpy_async")) {
    return answer(cudaErrorInvalidValue);
  }
  check_kind(to, from, bytes, kind);
  const auto stream = stream_of(handle);
  const bool pageable_source = !reachable(from);
  if (pageable_source || !reachable(to)) {
    note("pageable copy");
  }
  if (pageable_source && !stream->capture) {
    // The real one copies memory that is not pinned to a buffer of its own before it returns.
    const auto* p = static_cast<const unsigned char*>(from);
    push(*stream, [to, held = std::make_shared<std::vector<unsigned char>>(p, p + bytes)] { copy(to, held->data(), held->size()); });
  } else {
    push(*stream, [to, from, bytes] { copy(to, from, bytes); });
  }
  if (!reachable(to) && !stream->capture) {
    run_until(*stream, stream->issued.load());  // and returns when such a target is written
  }
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  RETURN_IF_BROKEN();
  RETURN_IF_CAPTURING();
  check_kind(to, from, bytes, kind);
  copy(to, from, bytes);
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  RETURN_IF_BROKEN();
  submit(stream, [=] { std::memset(device_bytes(to, bytes, "cudaMemsetAsync"), value, bytes); });
  return cudaSuccess;
}

cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  RETURN_IF_BROKEN();
  std::memset(device_bytes(to, bytes, "cudaMemset"), value, bytes);
  return cudaSuccess;
}

}  // extern "C"
