// The fault double's CUDA runtime: what its parts share.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "double.hpp"

using Clock = std::chrono::steady_clock;
using Work = std::function<void()>;

struct CUstream_st {
  unsigned flags = 0;
  int device = 0;
  std::mutex queue_mutex;
  std::deque<Work> queue;
  std::mutex run_mutex;  // held by the thread that works the queue off
  std::atomic<std::uint64_t> issued{0};
  std::atomic<std::uint64_t> done{0};
  // Capture; a stream that captures belongs to one thread at a time.
  bool capture = false;
  std::atomic<bool> capture_lost{false};
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id capturer;
  std::vector<Work> nodes;
};

struct CUevent_st {
  unsigned flags = 0;
  std::mutex mutex;
  std::shared_ptr<CUstream_st> stream;  // where it was recorded last
  std::uint64_t position = 0;
  Clock::time_point time;
};

struct CUgraph_st {
  std::vector<Work> nodes;
};

struct CUgraphExec_st {
  std::shared_ptr<const std::vector<Work>> nodes;
};

namespace gencpp_double {

enum class Kind {
  device,
  pinned,
};

struct Block {
  Kind kind = Kind::device;
  std::size_t bytes = 0;
  std::size_t mapped = 0;
  int device = 0;
  std::shared_ptr<std::vector<unsigned char>> content;  // of device memory
};

// Never destroyed: programs release handles in destructors that run late.
struct World {
  std::mutex mutex;
  std::map<std::uintptr_t, Block> blocks;  // by first address
  std::size_t used = 0;
  std::map<cudaStream_t, std::shared_ptr<CUstream_st>> streams;
  std::set<cudaEvent_t> events;
  std::set<CUstream_st*> captures;
  std::shared_ptr<CUstream_st> legacy = std::make_shared<CUstream_st>();
};
World& world();

// Keeps an error for cudaGetLastError.
cudaError_t answer(cudaError_t error);
// What every call fails with before it does anything: no driver, no device, a device that has failed.
cudaError_t broken();
int current_device();

std::shared_ptr<CUstream_st> stream_of(cudaStream_t handle);
std::uint64_t push(CUstream_st& stream, Work work);
// Works the queue off up to a position; waits where another thread is at it.
void run_until(CUstream_st& stream, std::uint64_t position);
void run_all();

}  // namespace gencpp_double

#define RETURN_IF_BROKEN() \
  if (const cudaError_t b = gencpp_double::broken(); b != cudaSuccess) { \
    return gencpp_double::answer(b); \
  }
// A call that CUDA forbids while this thread, or any thread in global mode, captures.
#define RETURN_IF_CAPTURING() \
  if (gencpp_double::breaks_capture()) { \
    return gencpp_double::answer(cudaErrorStreamCaptureUnsupported); \
  }
