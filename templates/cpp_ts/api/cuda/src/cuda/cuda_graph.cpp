#include "cuda/cuda_graph.hpp"

#if defined({= NAME =}_HAVE_CUDA_GRAPHS)
#include <cuda.h>  // first: the next one's classes are of another size without it

#include <ATen/cuda/CUDAGraph.h>

#include <mutex>
#include <unordered_map>
#include <vector>

#include "cuda/cuda_driver.hpp"
#endif

namespace {= name =}::cuda {

#if defined({= NAME =}_HAVE_CUDA_GRAPHS)
namespace {

// Streams of our own, because those of LibTorch's pool are shared with everybody in the process: a capture could
// catch work of others. They are handed on and never destroyed, as LibTorch keeps memory for each that it has
// seen.
class OwnStream {
 public:
  explicit OwnStream(c10::DeviceIndex device) : device_(device) {
    {
      const std::lock_guard<std::mutex> lock(kept().mutex);
      std::vector<void*>& free = kept().free[device];
      if (!free.empty()) {
        handle_ = free.back();
        free.pop_back();
        return;
      }
    }
    handle_ = create_stream();
  }
  OwnStream(const OwnStream&) = delete;
  OwnStream& operator=(const OwnStream&) = delete;
  ~OwnStream() {
    const std::lock_guard<std::mutex> lock(kept().mutex);
    kept().free[device_].push_back(handle_);
  }
  [[nodiscard]] c10::Stream get() const {
    return c10::cuda::getStreamFromExternal(static_cast<cudaStream_t>(handle_), device_).unwrap();
  }

 private:
  struct Kept {
    std::mutex mutex;
    std::unordered_map<int, std::vector<void*>> free;
  };
  static Kept& kept() {
    static Kept* const all = new Kept;  // models may be released after static objects are
    return *all;
  }
  c10::DeviceIndex device_;
  void* handle_ = nullptr;
};

class CapturedGraph final : public GraphLane::Graph {
 public:
  void replay() override { graph.replay(); }
  at::cuda::CUDAGraph graph;
};

class Lane final : public GraphLane {
 public:
  explicit Lane(c10::DeviceIndex device) : device_(device), stream_(device), pool_(at::cuda::graph_pool_handle()) {}

  [[nodiscard]] c10::Stream stream() const override { return stream_.get(); }

  [[nodiscard]] std::unique_ptr<Graph> capture(const std::function<void()>& body) override {
    auto made = std::make_unique<CapturedGraph>();
    // Calls of other threads neither enter the capture nor break it.
    made->graph.capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
    try {
      body();
    } catch (...) {
      abandon(made->graph);
      throw;
    }
    try {
      made->graph.capture_end();
    } catch (...) {
      abandon(made->graph);
      throw;
    }
    return made;
  }

 private:
  // Ends a capture that has failed, so that the stream and LibTorch's allocator work as before.
  void abandon(at::cuda::CUDAGraph& graph) noexcept {
    quietly([&] { graph.capture_end(); });
    quietly([&] { graph.reset(); });
    // Older ones go on taking memory from the graphs' pool; where it has ended, this throws.
    quietly([&] { c10::cuda::CUDACachingAllocator::endAllocateToPool(device_, pool_); });
  }

  template <typename Call>
  static void quietly(Call&& call) noexcept {
    try {
      call();
    } catch (...) {  // the first failure is the one that is told
    }
  }

  c10::DeviceIndex device_;
  OwnStream stream_;
  decltype(at::cuda::graph_pool_handle()) pool_;
};

}  // namespace

const char* graphs_missing() noexcept { return ""; }

std::unique_ptr<GraphLane> make_graph_lane(int device_index) {
  return std::make_unique<Lane>(static_cast<c10::DeviceIndex>(device_index));
}
#else
const char* graphs_missing() noexcept { return "built without CUDA's headers: see {= NAME =}_CUDA"; }

std::unique_ptr<GraphLane> make_graph_lane(int /*device_index*/) { return nullptr; }
#endif

}  // namespace {= name =}::cuda
