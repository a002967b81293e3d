// What one caller needs for a run on a GPU.
#pragma once

#include <c10/core/Event.h>
#include <c10/core/Stream.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cuda/cuda_graph.hpp"
#include "cuda/cuda_runner.hpp"

namespace {= name =}::cuda {

// Serves one caller at a time; Runner lends it. Its members throw what LibTorch throws.
class Slot {
 public:
  explicit Slot(Runner& runner);
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() = default;

  // Whether it has run inputs of these sizes.
  [[nodiscard]] bool knows(TensorViews inputs) const noexcept;

  [[nodiscard]] Result<Outputs> run(TensorViews inputs);
  [[nodiscard]] Result<void> run(TensorViews inputs, TensorViews outputs, StageTimes* times);

 private:
  // What stays from run to run for inputs of one size. Graphs read and write this memory.
  struct Shape {
    std::vector<Dims> dims;  // of the inputs; empty: none yet
    std::vector<at::Tensor> inputs;
    std::vector<at::Tensor> pinned_inputs;   // undefined where the caller's were in device memory
    std::vector<at::Tensor> pinned_outputs;  // likewise
    std::vector<at::Tensor> outputs;
    std::unique_ptr<GraphLane::Graph> graph;
    bool ran = false;
    std::uint64_t last_used = 0;
  };

  std::unique_ptr<GraphLane> make_lane();
  [[nodiscard]] c10::Stream make_stream() const;
  void no_graphs(const std::string& reason);
  Result<void> infer(TensorViews inputs, const TensorViews* outputs, StageTimes* times, Shape*& used);
  Result<void> enqueue(Shape& shape, TensorViews inputs, const TensorViews* outputs, StageTimes* times);
  Shape& shape_for(TensorViews inputs);
  void copy_in(Shape& shape, TensorViews inputs);
  Result<void> compute(Shape& shape, TensorViews inputs);
  Result<void> forward(Shape& shape, TensorViews inputs);
  bool capture(Shape& shape, TensorViews inputs);
  Result<void> copy_out(Shape& shape, const TensorViews* outputs);
  void mark(StageTimes* times, std::size_t stage);

  Runner* runner_;
  c10::Device device_;
  std::unique_ptr<GraphLane> lane_;  // null: no graphs
  c10::Stream stream_;
  std::vector<c10::Event> events_;
  std::vector<Shape> shapes_;
  std::uint64_t runs_ = 0;
  int captures_ = 0;
};

}  // namespace {= name =}::cuda
