#include "diff_compare.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "{= name =}/assets.hpp"
#include "{= name =}/npy.hpp"

#include "exact_math.hpp"
#include "json.hpp"

namespace {= name =}::diff {
namespace {

constexpr std::size_t kAround = 3;  // layers before and after the first that departs

LayerDifference compare_layer(const LayerValues& values, const float* expected, double tolerance) {
  const LayerReference& reference = *values.reference;
  LayerDifference made;
  made.layer = reference.layer;
  made.shape = to_string(values.dims);
  if (values.samples.size() != reference.count) {
    made.problem =
        "has " + std::to_string(values.dims.elements()) + " elements, expected " + std::to_string(reference.elements);
    made.departs = true;
    return made;
  }
  for (std::size_t i = 0; i < values.samples.size(); ++i) {
    const double difference = std::abs(static_cast<double>(values.samples[i]) - static_cast<double>(expected[i]));
    // what is infinite in both is equal
    const bool same = values.samples[i] == expected[i] || (std::isnan(values.samples[i]) && std::isnan(expected[i]));
    made.absolute = same
        ? made.absolute
        : std::max(made.absolute, std::isfinite(difference) ? difference : std::numeric_limits<double>::infinity());
  }
  const double largest = static_cast<double>(reference.largest);
  made.relative = made.absolute > 0.0 && !(largest > 0.0) ? std::numeric_limits<double>::infinity()
                                                          : (made.absolute > 0.0 ? made.absolute / largest : 0.0);
  made.departs = !(made.relative <= tolerance);
  return made;
}

void print_layer(const LayerDifference& layer, std::size_t width) {
  if (layer.problem.empty()) {
    std::printf("%c %-*s  %-16s %11.3g %11.3g\n", layer.departs ? '!' : ' ', static_cast<int>(width),
        layer.layer.c_str(), layer.shape.c_str(), layer.absolute, layer.relative);
  } else {
    std::printf(
        "! %-*s  %-16s %s\n", static_cast<int>(width), layer.layer.c_str(), layer.shape.c_str(), layer.problem.c_str());
  }
}

}  // namespace

Result<Report> compare(const LayerRun& run, double tolerance) {
  const auto file = find_asset("layers.npy");
  if (!file) {
    return file.error();
  }
  const Result<Tensor> samples = read_npy(*file);
  if (!samples) {
    return samples.error();
  }
  if (samples->dtype() != DType::float32) {
    return Error{ErrorCode::bad_file,
        "assets/layers.npy holds " + std::string(to_string(samples->dtype())) + ", expected float32"};
  }
  const auto count = static_cast<std::uint64_t>(samples->dims().elements());
  Report report;
  for (const LayerValues& values : run.layers) {
    const LayerReference& reference = *values.reference;
    if (reference.begin + reference.count > count) {
      return Error{ErrorCode::bad_file,
          "assets/layers.npy has " + std::to_string(count) + " values, layer '" + std::string(reference.layer) +
              "' needs those up to " + std::to_string(reference.begin + reference.count)};
    }
    if (!values.found) {
      report.missing.emplace_back(reference.layer);
      continue;
    }
    report.layers.push_back(compare_layer(values, samples->data_as<float>() + reference.begin, tolerance));
    if (report.layers.back().departs && !report.first) {
      report.first = report.layers.size() - 1;
    }
  }
  return report;
}

void print_table(const Report& report, const LayerRun& run, double tolerance, bool all) {
  const std::size_t count = report.layers.size();
  std::size_t begin = 0;
  std::size_t end = all ? count : 0;
  if (!all && report.first) {
    begin = *report.first - std::min(*report.first, kAround);
    end = std::min(count, *report.first + kAround + 1);
  }
  std::size_t width = 5;
  for (std::size_t i = begin; i < end; ++i) {
    width = std::max(width, report.layers[i].layer.size());
  }
  if (begin < end) {
    std::printf("  %-*s  %-16s %11s %11s\n", static_cast<int>(width), "layer", "shape", "absolute", "relative");
  }
  for (std::size_t i = begin; i < end; ++i) {
    print_layer(report.layers[i], width);
  }
  for (const std::string& layer : report.missing) {
    std::printf("not in network.cpp: %s\n", layer.c_str());
  }
  const auto departing = std::count_if(
      report.layers.begin(), report.layers.end(), [](const LayerDifference& layer) { return layer.departs; });
  std::printf("%zu layers on %s, relative tolerance %g\n", count, run.gpu.c_str(), tolerance);
  if (report.first) {
    std::printf(
        "%zu depart, the first: %s\n", static_cast<std::size_t>(departing), report.layers[*report.first].layer.c_str());
    return;
  }
  const auto worst = std::max_element(report.layers.begin(), report.layers.end(),
      [](const LayerDifference& a, const LayerDifference& b) { return a.relative < b.relative; });
  std::printf("none departs%s%s\n",
      worst == report.layers.end()
          ? ""
          : ("; the largest relative difference is " + app::json_number(worst->relative) + ", in ").c_str(),
      worst == report.layers.end() ? "" : worst->layer.c_str());
}

void print_json(const Report& report, const LayerRun& run, double tolerance) {
  std::printf("{\"gpu\": %s, \"tolerance\": %s, \"first\": %s, \"missing\": [", app::json_string(run.gpu).c_str(),
      app::json_number(tolerance).c_str(),
      report.first ? app::json_string(report.layers[*report.first].layer).c_str() : "null");
  for (std::size_t i = 0; i < report.missing.size(); ++i) {
    std::printf("%s%s", i == 0 ? "" : ", ", app::json_string(report.missing[i]).c_str());
  }
  std::printf("], \"layers\": [");
  for (std::size_t i = 0; i < report.layers.size(); ++i) {
    const LayerDifference& layer = report.layers[i];
    std::printf(
        "%s{\"layer\": %s, \"shape\": %s, \"absolute\": %s, \"relative\": %s, \"departs\": %s, \"problem\": %s}",
        i == 0 ? "" : ", ", app::json_string(layer.layer).c_str(), app::json_string(layer.shape).c_str(),
        app::json_number(layer.absolute).c_str(), app::json_number(layer.relative).c_str(),
        layer.departs ? "true" : "false", app::json_string(layer.problem).c_str());
  }
  std::printf("]}\n");
}

}  // namespace {= name =}::diff
