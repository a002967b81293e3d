// The nodes of an ONNX file, which messages about it name.
#include <fstream>
#include <sstream>
#include <string>

#include "sample/assets.hpp"

#include "artifact_info.hpp"
#include "check.hpp"
#include "tensorrt/trt_onnx.hpp"

namespace sample::test {
namespace {

namespace fs = std::filesystem;

// A field of a protobuf message that has a length.
std::string field(unsigned number, const std::string& content) {
  return std::string(1, static_cast<char>(number << 3U | 2U)) + static_cast<char>(content.size()) + content;
}

void test_onnx(Checker& check) {
  const std::string first = field(1, "x") + field(2, "y") + field(3, "/conv") + field(4, "Conv");
  const std::string second = field(4, "Custom") + field(7, "my.domain") + field(3, "/odd");
  const std::string model = std::string("\x08\x08", 2) + field(2, "pytorch") +
      field(7, field(1, first) + field(5, "a tensor") + field(1, second)) + field(8, std::string("\x10\x11", 2));
  std::istringstream in(model);
  const std::vector<trt::OnnxNode> nodes = trt::read_onnx_nodes(in);
  if (check.that(nodes.size() == 2, std::to_string(nodes.size()) + " nodes of 2")) {
    check.that(nodes[0].name == "/conv" && nodes[0].type == "Conv" && nodes[0].domain.empty(), "the first node");
    check.that(
        nodes[1].name == "/odd" && nodes[1].type == "Custom" && nodes[1].domain == "my.domain", "the second node");
  }
  for (std::size_t size = 0; size < model.size(); ++size) {
    std::istringstream cut(model.substr(0, size));
    check.that(trt::read_onnx_nodes(cut).size() <= 2, "a file that ends early");
  }
  const Result<fs::path> artifact = find_asset(kArtifactFile);
  if (check.that(artifact.ok(), "the project's own artifact is found")) {
    std::ifstream file(*artifact, std::ios::binary);
    check.that(!trt::read_onnx_nodes(file).empty(), "the project's own artifact has nodes");
  }
}

}  // namespace
}  // namespace sample::test

int main() {
  sample::test::Checker check;
  sample::test::test_onnx(check);
  return check.exit_code();
}
