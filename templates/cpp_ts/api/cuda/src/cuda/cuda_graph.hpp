// CUDA graphs of LibTorch's work. They are the only part that needs CUDA's headers to build.
#pragma once

#include <c10/core/Stream.h>

#include <functional>
#include <memory>

namespace {= name =}::cuda {

// Why this build has none; empty: it has them.
[[nodiscard]] const char* graphs_missing() noexcept;

// What one caller at a time captures and replays on: a stream, and the memory that its graphs share, as no two
// of them run at the same time. The device is current whenever it is used. Its members throw.
class GraphLane {
 public:
  class Graph {
   public:
    Graph() = default;
    Graph(const Graph&) = delete;
    Graph& operator=(const Graph&) = delete;
    virtual ~Graph() = default;
    // On the lane's stream, which is current.
    virtual void replay() = 0;
  };

  GraphLane() = default;
  GraphLane(const GraphLane&) = delete;
  GraphLane& operator=(const GraphLane&) = delete;
  virtual ~GraphLane() = default;
  [[nodiscard]] virtual c10::Stream stream() const = 0;
  // What `body` puts on the lane's stream, which is current. When this throws, nothing was kept.
  [[nodiscard]] virtual std::unique_ptr<Graph> capture(const std::function<void()>& body) = 0;
};

// On this device; null where graphs_missing().
[[nodiscard]] std::unique_ptr<GraphLane> make_graph_lane(int device_index);

}  // namespace {= name =}::cuda
