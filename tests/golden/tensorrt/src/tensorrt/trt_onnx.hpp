// The nodes of an ONNX file: TensorRT's parser stops at the first one that it does not know, or does not
// tell its name. No TensorRT here.
#pragma once

#include <istream>
#include <string>
#include <vector>

namespace sample::trt {

struct OnnxNode {
  std::string name;
  std::string type;
  std::string domain;  // empty: ONNX's own operators
};

// The nodes of the main graph in their order, read without the weights. What is not ONNX gives fewer nodes or
// none, which is the parser's to report.
[[nodiscard]] std::vector<OnnxNode> read_onnx_nodes(std::istream& in);

}  // namespace sample::trt
