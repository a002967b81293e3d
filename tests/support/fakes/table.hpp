// What the double "computes": a table from input bytes to output bytes, written by the tests from a
// project's goldens (tests/support/fakes/table.py). It stands for the network and goes into the plan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gencpp_double {

using Sizes = std::vector<std::int64_t>;
using Bytes = std::vector<unsigned char>;

struct Dimension {
  std::int64_t size = -1;  // -1: varies
  int input = -1;          // an output's dimension that equals dimension `of` of this input
  int of = 0;
  std::int64_t runtime = 0;  // an output's dimension that only a run tells: at most this
};

struct TensorRow {
  std::string name;
  int dtype = 0;  // nvinfer1::DataType
  std::vector<Dimension> dims;
  [[nodiscard]] Sizes sizes() const;
};

// One item of a batch; the whole input where the inputs have no batch dimension.
struct Item {
  std::uint32_t crc = 0;
  std::size_t input_bytes = 0;
  std::vector<Sizes> dims;  // of each output
  std::vector<Bytes> outputs;
};

struct Table {
  std::string name;
  std::size_t onnx_bytes = 0;
  std::uint32_t onnx_crc = 0;
  std::vector<TensorRow> inputs;
  std::vector<TensorRow> outputs;
  std::vector<std::string> layers;
  // By the oldest version that it holds for, as 100 * major + minor: the tensors that each layer of a network
  // makes which a program defines.
  std::map<int, std::vector<std::vector<TensorRow>>> made;
  std::vector<Item> items;
  std::string text;  // the file as it was read

  // Null when the text is not a table.
  static std::shared_ptr<const Table> read(const std::string& text);
  // Those of GENCPP_DOUBLE_MODEL.
  static std::vector<std::shared_ptr<const Table>> all();
  // The one of them for this ONNX file; null when there is none.
  static std::shared_ptr<const Table> of_onnx(const void* data, std::size_t bytes);

  // Null when no program defines the network.
  [[nodiscard]] const std::vector<std::vector<TensorRow>>* made_for(int api) const;
  [[nodiscard]] bool batched() const;
  [[nodiscard]] bool runtime_shapes() const;
  // An output's dims for these input dims; -1 where only a run tells.
  [[nodiscard]] Sizes output_sizes(std::size_t output, const std::vector<Sizes>& inputs) const;
  // Fills the outputs and, where only a run tells them, their dims.
  void compute(const std::vector<const unsigned char*>& data, const std::vector<Sizes>& input_sizes, std::vector<Bytes>& results, std::vector<Sizes>& result_sizes) const;
};

std::size_t size_of_dtype(int dtype);
std::int64_t elements(const Sizes& sizes);

}  // namespace gencpp_double
