// With TensorRT's ONNX parser: the only file that includes it.
#include "tensorrt/trt_network.hpp"

#include <NvOnnxParser.h>

#include <algorithm>
#include <istream>
#include <string>
#include <vector>

#include "assets/input_file.hpp"
#include "assets/path_text.hpp"
#include "tensorrt/compat.hpp"
#include "tensorrt/trt_logger.hpp"
#include "tensorrt/trt_onnx.hpp"

namespace {= name =}::trt {
namespace {

constexpr std::size_t kMaxListed = 20;  // errors, operators
constexpr std::size_t kMaxNodes = 5;    // of one operator

std::vector<OnnxNode> nodes_of(const NetworkSource& source) {
  if (source.embedded.data != nullptr) {
    MemoryBuffer buffer(source.embedded);
    std::istream in(&buffer);
    return read_onnx_nodes(in);
  }
  InputFile in;
  return in.open(source.file) ? read_onnx_nodes(in) : std::vector<OnnxNode>();
}

// Each text once, in order, as a list of lines.
void add_line(std::vector<std::string>& lines, const std::string& line) {
  if (std::find(lines.begin(), lines.end(), line) == lines.end()) {
    lines.push_back(line);
  }
}

std::string list_text(const std::vector<std::string>& lines) {
  std::string text;
  for (std::size_t i = 0; i < lines.size() && i < kMaxListed; ++i) {
    text += "\n  " + lines[i];
  }
  return lines.size() > kMaxListed ? text + "\n  and " + std::to_string(lines.size() - kMaxListed) + " more" : text;
}

// Operators that the parser has no importer for, each with its nodes. It stops at the first itself (8.x), so
// they are all asked for.
std::vector<std::string> unknown_operators(const nvonnxparser::IParser& parser, const std::vector<OnnxNode>& nodes) {
  std::vector<std::string> types;
  for (const OnnxNode& node : nodes) {
    if (node.domain.empty() && !parser.supportsOperator(node.type.c_str()) && !parser_denies_wrongly(node.type)) {
      add_line(types, node.type);
    }
  }
  std::vector<std::string> lines;
  for (const std::string& type : types) {
    std::size_t count = 0;
    std::string names;
    for (const OnnxNode& node : nodes) {
      if (node.type == type && ++count <= kMaxNodes) {
        names += (names.empty() ? "" : ", ") + node.name;
      }
    }
    lines.push_back(
        type + ": " + names + (count > kMaxNodes ? " and " + std::to_string(count - kMaxNodes) + " more nodes" : ""));
  }
  return lines;
}

std::string parser_errors(const nvonnxparser::IParser& parser, const std::vector<OnnxNode>& nodes) {
  std::vector<std::string> lines;
  for (int i = 0; i < parser.getNbErrors(); ++i) {
    const nvonnxparser::IParserError& error = *parser.getError(i);
    std::string where = node_of(error);
    if (where.empty() && error.node() >= 0 && static_cast<std::size_t>(error.node()) < nodes.size()) {
      const OnnxNode& node = nodes[static_cast<std::size_t>(error.node())];
      where = node.name + " (" + node.type + ")";
    }
    add_line(lines, (where.empty() ? std::string() : "node " + where + ": ") + error.desc());
  }
  return list_text(lines);
}

Error parse_error(const nvonnxparser::IParser& parser, Logger& logger, const NetworkSource& source) {
  const std::vector<OnnxNode> nodes = nodes_of(source);
  const std::string version = std::string(kProduct) + " " + to_string(library_version());
  const std::string errors = parser_errors(parser, nodes);
  if (const std::vector<std::string> unknown = unknown_operators(parser, nodes); !unknown.empty()) {
    return Error{ErrorCode::unsupported,
        version + " has no importer for " + std::to_string(unknown.size()) +
            " operator(s) of the ONNX file, which these nodes use:" + list_text(unknown) +
            (errors.empty() ? "" : "\nwhat its parser said:" + errors)};
  }
  return Error{
      ErrorCode::backend, version + " cannot parse the ONNX file" + (errors.empty() ? logger.reasons() : ":" + errors)};
}

}  // namespace

std::string network_key() { return "none"; }

void limit_tactics(nvinfer1::IBuilderConfig& /*config*/) noexcept {}

Result<std::shared_ptr<void>> define_network(
    nvinfer1::INetworkDefinition& network, Logger& logger, const NetworkSource& source) {
  std::shared_ptr<nvonnxparser::IParser> parser(nvonnxparser::createParser(network, logger));
  if (parser == nullptr) {
    return Error{ErrorCode::backend, std::string(kProduct) + "'s ONNX parser cannot be made" + logger.reasons()};
  }
  // By its name, the parser also finds the file of weights beside it.
  const bool parsed = source.embedded.data == nullptr
      ? parser->parseFromFile(path_text(source.file).c_str(), static_cast<int>(nvinfer1::ILogger::Severity::kWARNING))
      : parser->parse(source.embedded.data, source.embedded.size);
  if (!parsed) {
    return parse_error(*parser, logger, source);
  }
  return std::shared_ptr<void>(std::move(parser));
}

}  // namespace {= name =}::trt
