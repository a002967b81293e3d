#include "layers.hpp"

#include <cstdio>
#include <fstream>

#include "json.hpp"

namespace {= name =}::bench {
namespace {

double sum_of(const std::vector<LayerTime>& layers) {
  double sum = 0.0;
  for (const LayerTime& layer : layers) {
    sum += layer.ms;
  }
  return sum;
}

double percent(double part, double whole) { return whole > 0.0 ? 100.0 * part / whole : 0.0; }

}  // namespace

std::string layer_table(const std::vector<LayerTime>& layers) {
  const double sum = sum_of(layers);
  std::string text = "        ms      %  layer\n";
  char row[64];
  for (const LayerTime& layer : layers) {
    std::snprintf(row, sizeof row, "%10.4f  %5.1f  ", layer.ms, percent(layer.ms, sum));
    text += row + layer.name + "\n";
  }
  std::snprintf(row, sizeof row, "%10.4f  100.0  ", sum);
  return text + row + "sum of " + std::to_string(layers.size()) + " layers\n";
}

std::string layer_json(const std::vector<LayerTime>& layers, int runs) {
  const double sum = sum_of(layers);
  std::string text = "[\n  {\"count\": " + std::to_string(runs) + "}";
  for (const LayerTime& layer : layers) {
    text += ",\n  {\"name\": " + app::json_string(layer.name) + ", \"timeMs\": " + app::json_number(layer.ms * runs) +
        ", \"averageMs\": " + app::json_number(layer.ms) +
        ", \"percentage\": " + app::json_number(percent(layer.ms, sum)) + "}";
  }
  return text + "\n]\n";
}

Result<void> write_text(const std::string& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  return out ? Result<void>() : Error{ErrorCode::io, "cannot write " + file};
}

}  // namespace {= name =}::bench
