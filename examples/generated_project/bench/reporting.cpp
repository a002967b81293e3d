#include "reporting.hpp"

#include <cstddef>
#include <cstdio>
#include <vector>

#include "json.hpp"
#include "layers.hpp"
#include "timing.hpp"

namespace sample::bench {

void print_report(const Model& model, const Options& options, const Report& report) {
  const std::vector<double>& samples = report.runs.latencies_ms;
  double sum = 0.0;
  for (const double sample : samples) {
    sum += sample;
  }
  const long long batch = batch_of(model, options);
  const double mean = sum / static_cast<double>(samples.size());
  const double throughput = static_cast<double>(samples.size()) * static_cast<double>(batch) / report.runs.wall_s;
  const double p50 = percentile(samples, 0.50);
  const double p90 = percentile(samples, 0.90);
  const double p99 = percentile(samples, 0.99);
  const Stages& stages = report.stages;
  const StageTimes& device = report.device;
  if (options.json) {
    std::printf(
        "{\"p50_ms\": %.6g, \"p90_ms\": %.6g, \"p99_ms\": %.6g, \"mean_ms\": %.6g, \"min_ms\": %.6g, "
        "\"throughput_per_s\": %.6g, \"batch\": %lld, \"threads\": %d, \"workers\": %d, \"device\": \"%s\", "
        "\"iterations\": %zu, \"load_ms\": %.6g",
        p50, p90, p99, mean, samples.front(), throughput, batch, process_threads(), options.workers,
        to_string(model.device()), samples.size(), report.load_ms);
    if (!options.image.empty()) {
      std::printf(", \"decode_ms\": %.6g, \"preprocess_ms\": %.6g, \"infer_ms\": %.6g, \"postprocess_ms\": %.6g",
          stages.decode_ms, stages.preprocess_ms, stages.infer_ms, stages.postprocess_ms);
    }
    if (report.has_device) {
      std::printf(", \"h2d_ms\": %.6g, \"compute_ms\": %.6g, \"d2h_ms\": %.6g", device.h2d_ms, device.compute_ms,
          device.d2h_ms);
    }
    if (!report.engine.empty()) {
      std::printf(", \"engine\": %s, \"cuda_graph\": %s", app::json_string(report.engine).c_str(),
          options.load.engine.cuda_graph ? "true" : "false");
    }
    if (report.baseline_ms > 0.0) {
      std::printf(", \"baseline_p50_ms\": %.6g, \"baseline_ratio\": %.6g", report.baseline_ms, report.ratio);
    }
    if (options.dump_profile) {
      std::printf(", \"layers\": %s", layer_json(report.layers, report.layer_runs).c_str());
    }
    std::printf("}\n");
    return;
  }
  std::printf("sample on %s, %s, batch %lld, %d threads, %d workers, %zu runs\n",
      backend_version().c_str(), to_string(model.device()), batch, process_threads(),
      options.workers, samples.size());
  std::printf(
      "  latency ms   p50 %.3f   p90 %.3f   p99 %.3f   mean %.3f   min %.3f\n", p50, p90, p99, mean, samples.front());
  std::printf("  throughput   %.1f items/s\n  load         %.0f ms%s%s\n", throughput, report.load_ms,
      report.engine.empty() ? "" : ", engine ", report.engine.c_str());
  if (!options.image.empty()) {
    std::printf("  stages ms    decode %.3f   preprocess %.3f   infer %.3f   postprocess %.3f\n", stages.decode_ms,
        stages.preprocess_ms, stages.infer_ms, stages.postprocess_ms);
  }
  if (report.has_device) {
    std::printf("  device ms    h2d %.3f   compute %.3f   d2h %.3f\n", device.h2d_ms, device.compute_ms, device.d2h_ms);
  }
  if (report.baseline_ms > 0.0) {
    std::printf("  baseline     p50 %.3f ms then, now %.3f of it\n", report.baseline_ms, report.ratio);
  }
  if (options.dump_profile) {
    std::fputs(layer_table(report.layers).c_str(), stdout);
  }
}

}  // namespace sample::bench
