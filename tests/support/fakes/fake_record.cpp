// The fault double: what a program made of a network, one JSON object a line: inputs, layers in the order in
// which they were made, outputs. The bytes of all weights, as they are when the engine is built, are in a
// second file, GENCPP_DOUBLE_RECORD.weights.
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>

#include "fake_network.hpp"

namespace gencpp_double {
namespace {

std::string source_of(const ITensor* tensor) {
  if (tensor == nullptr) {
    return "null";
  }
  const auto* fake = static_cast<const FakeTensor*>(tensor);
  return fake->maker == nullptr ? json_text(fake->getName()) : "[" + std::to_string(fake->maker->place) + "," + std::to_string(fake->index) + "]";
}

std::string weights_of(const LayerCore& layer, std::ofstream& bytes) {
  std::string text;
  for (const auto& [role, weights] : layer.weights) {
    if (weights.count < 0 || (weights.count > 0) != (weights.values != nullptr)) {
      violation(std::string(layer.getName()) + ": " + role + " has " + std::to_string(weights.count) + " values at an address that is " + (weights.values == nullptr ? "null" : "not null"));
    }
    const std::size_t size = static_cast<std::size_t>(weights.count) * size_of_dtype(static_cast<int>(weights.type));
    text += (text.empty() ? "" : ",") + json_text(role) + ":{\"dtype\":" + json(weights.type) + ",\"count\":" + json(weights.count) + ",\"begin\":" + std::to_string(bytes.tellp()) + ",\"bytes\":" + std::to_string(size) + "}";
    bytes.write(static_cast<const char*>(weights.values), static_cast<std::streamsize>(size));
  }
  return "{" + text + "}";
}

std::string line_of(const LayerCore& layer, std::ofstream* bytes) {
  std::string inputs;
  for (std::int32_t i = 0; i < layer.getNbInputs(); ++i) {
    inputs += (i == 0 ? "" : ",") + source_of(layer.getInput(i));
  }
  std::string attributes;
  for (const auto& [name, value] : layer.attributes) {
    attributes += (attributes.empty() ? "" : ",") + json_text(name) + ":" + value;
  }
  return "{\"layer\":" + json_text(layer.getName()) + ",\"method\":" + json_text(layer.method) + ",\"inputs\":[" + inputs + "],\"outputs\":" + json(layer.getNbOutputs()) + ",\"attributes\":{" + attributes + "},\"weights\":" + (bytes == nullptr ? "null" : weights_of(layer, *bytes)) + "}";
}

}  // namespace

std::string json_text(const std::string& text) {
  std::string made = "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> code{};
      (void)std::snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned>(c));
      made += code.data();
    } else {
      made += (c == '"' || c == '\\' ? std::string("\\") : std::string()) + c;
    }
  }
  return made + "\"";
}

std::string json_float(float value) {
  if (!std::isfinite(value)) {
    return std::isnan(value) ? "NaN" : value > 0 ? "Infinity"
                                                 : "-Infinity";
  }
  std::array<char, 32> digits{};
  (void)std::snprintf(digits.data(), digits.size(), "%.8e", static_cast<double>(value));  // never reads as an integer
  return digits.data();
}

void FakeNetwork::record(bool with_weights) {
  recorded_ = true;
  const std::string path = environment("GENCPP_DOUBLE_RECORD", "");
  if (path.empty()) {
    return;
  }
  std::ofstream lines(path + ".part");
  std::ofstream bytes(path + ".weights", std::ios::binary);
  for (const FakeTensor* input : inputs) {
    lines << "{\"input\":" << json_text(input->getName()) << ",\"dtype\":" << json(input->getType()) << ",\"dims\":" << json(input->getDimensions()) << "}\n";
  }
  for (const auto& layer : layers) {
    lines << line_of(layer->core, with_weights ? &bytes : nullptr) << '\n';
  }
  for (const FakeTensor* output : outputs) {
    lines << "{\"output\":" << json_text(output->getName()) << ",\"of\":" << source_of(output) << "}\n";
  }
  if (!lines.flush() || !bytes.flush() || std::rename((path + ".part").c_str(), path.c_str()) != 0) {
    violation("cannot write the record " + path);
  }
}

}  // namespace gencpp_double
