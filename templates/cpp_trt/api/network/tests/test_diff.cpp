// How {= name =}_diff compares, with what it would have read from a GPU.
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "{= name =}/assets.hpp"
#include "{= name =}/npy.hpp"

#include "check.hpp"
#include "diff_compare.hpp"
#include "exact_math.hpp"

namespace {= name =}::test {
namespace {

constexpr double kTolerance = 1e-3;

// Every layer as the reference has it.
diff::LayerRun same_as(const Tensor& samples) {
  diff::LayerRun run;
  run.gpu = "none";
  for (const LayerReference& reference : kLayerReferences) {
    diff::LayerValues values;
    values.reference = &reference;
    values.found = true;
    values.dims = Dims{static_cast<std::int64_t>(reference.elements)};
    const float* begin = samples.data_as<float>() + reference.begin;
    values.samples.assign(begin, begin + reference.count);
    run.layers.push_back(std::move(values));
  }
  return run;
}

// A layer in the middle, changed.
template <typename Change>
void test_departure(Checker& check, const Tensor& samples, const std::string& what, bool departs, Change change) {
  diff::LayerRun run = same_as(samples);
  std::size_t middle = run.layers.size() / 2;
  while (middle > 0 && !(run.layers[middle].reference->largest > 0.0F)) {
    --middle;  // a layer of zeros has no relative difference
  }
  change(run.layers[middle]);
  const Result<diff::Report> report = diff::compare(run, kTolerance);
  if (check.that(report.ok(), report.ok() ? "" : what + ": " + report.error().message)) {
    check.that(report->first.has_value() == departs && (!departs || *report->first == middle),
        what + (departs ? " departs" : " does not depart"));
  }
}

void test_compare(Checker& check, const Tensor& samples) {
  const Result<diff::Report> report = diff::compare(same_as(samples), 0.0);
  if (check.that(report.ok(), report.ok() ? "" : report.error().message)) {
    check.that(!report->first && report->missing.empty() && report->layers.size() == kLayerReferences.size(),
        "the references are equal to themselves");
  }
  // The last sample: every one counts.
  const auto moved = [](double relative) {
    return [relative](diff::LayerValues& values) {
      values.samples.back() += static_cast<float>(relative * static_cast<double>(values.reference->largest));
    };
  };
  test_departure(check, samples, "twice the tolerance", true, moved(2.0 * kTolerance));
  test_departure(check, samples, "half of the tolerance", false, moved(0.5 * kTolerance));
  test_departure(check, samples, "what is no number", true,
      [](diff::LayerValues& values) { values.samples.front() = std::numeric_limits<float>::quiet_NaN(); });
  test_departure(check, samples, "another size", true, [](diff::LayerValues& values) {
    values.dims = {1};
    values.samples.clear();
  });
  diff::LayerRun lacking = same_as(samples);
  lacking.layers.front().found = false;
  const Result<diff::Report> without = diff::compare(lacking, kTolerance);
  check.that(without.ok() &&
          without->missing == std::vector<std::string>{std::string(kLayerReferences.front().layer)} && !without->first,
      "a layer that network.cpp lacks is listed");
}

}  // namespace
}  // namespace {= name =}::test

int main() {
  {= name =}::test::Checker check;
  const auto file = {= name =}::find_asset("layers.npy");
  if (check.that(file.ok(), "the references are found")) {
    const auto samples = {= name =}::read_npy(*file);
    if (check.that(samples.ok(), "the references are read")) {
      {= name =}::test::test_compare(check, *samples);
    }
  }
  return check.exit_code();
}
