#include "tensorrt/trt_onnx.hpp"

#include <cstdint>
#include <optional>

namespace sample::trt {
namespace {

// Field numbers of onnx.proto.
constexpr std::uint64_t kModelGraph = 7;
constexpr std::uint64_t kGraphNode = 1;
constexpr std::uint64_t kNodeName = 3;
constexpr std::uint64_t kNodeType = 4;
constexpr std::uint64_t kNodeDomain = 7;
constexpr std::uint64_t kMaxText = 4096;

std::optional<std::uint64_t> read_varint(std::istream& in) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const int byte = in.get();
    if (byte < 0) {
      return std::nullopt;
    }
    value |= (static_cast<std::uint64_t>(byte) & 0x7FU) << shift;
    if ((byte & 0x80) == 0) {
      return value;
    }
  }
  return std::nullopt;
}

// Calls `visit(field, size)` for each field that has a length; it may read the content. Ends at `end`, or
// where the bytes are no message.
template <typename Visit>
void for_each_field(std::istream& in, std::streamoff end, Visit visit) {
  while (in && in.tellg() < end) {
    const std::optional<std::uint64_t> key = read_varint(in);
    if (!key) {
      return;
    }
    std::uint64_t size = 0;
    switch (*key & 7U) {
      case 0:
        if (!read_varint(in)) {
          return;
        }
        continue;
      case 1:
        size = 8;
        break;
      case 2: {
        const std::optional<std::uint64_t> length = read_varint(in);
        if (!length) {
          return;
        }
        size = *length;
        break;
      }
      case 5:
        size = 4;
        break;
      default:
        return;
    }
    const std::streamoff begin = in.tellg();
    if (begin < 0 || size > static_cast<std::uint64_t>(end - begin)) {
      return;
    }
    if ((*key & 7U) == 2) {
      visit(*key >> 3U, size);
    }
    in.seekg(begin + static_cast<std::streamoff>(size));
  }
}

std::string read_text(std::istream& in, std::uint64_t size) {
  std::string text(static_cast<std::size_t>(size < kMaxText ? size : kMaxText), '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  return text;
}

OnnxNode read_node(std::istream& in, std::streamoff end) {
  OnnxNode node;
  for_each_field(in, end, [&](std::uint64_t field, std::uint64_t size) {
    if (field == kNodeName) {
      node.name = read_text(in, size);
    } else if (field == kNodeType) {
      node.type = read_text(in, size);
    } else if (field == kNodeDomain) {
      node.domain = read_text(in, size);
    }
  });
  return node;
}

}  // namespace

std::vector<OnnxNode> read_onnx_nodes(std::istream& in) {
  std::vector<OnnxNode> nodes;
  in.seekg(0, std::ios::end);
  const std::streamoff file_end = in.tellg();
  in.seekg(0);
  const auto end_of = [&](std::uint64_t size) {
    return static_cast<std::streamoff>(in.tellg()) + static_cast<std::streamoff>(size);
  };
  for_each_field(in, file_end, [&](std::uint64_t model_field, std::uint64_t graph_size) {
    if (model_field != kModelGraph) {
      return;
    }
    for_each_field(in, end_of(graph_size), [&](std::uint64_t graph_field, std::uint64_t node_size) {
      if (graph_field == kGraphNode) {
        nodes.push_back(read_node(in, end_of(node_size)));
      }
    });
  });
  return nodes;
}

}  // namespace sample::trt
