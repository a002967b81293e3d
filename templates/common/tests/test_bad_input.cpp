// Everything that the model must refuse, with the reason in the message.
#include <fstream>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "{= name =}/assets.hpp"
#include "{= name =}/labels.hpp"
#include "{= name =}/model.hpp"
#include "{= name =}/model_info.hpp"

#include "artifact_info.hpp"
#include "assets/embedded.hpp"
#include "assets/integrity.hpp"
#include "check.hpp"
#include "facts.hpp"

namespace {= name =}::test {
namespace {

namespace fs = std::filesystem;

LoadOptions with_artifact(const fs::path& file, Check check = Check::quick) {
  LoadOptions options;
  options.artifact = file;
  options.check = check;
  return options;
}

// Changes one bit of the byte at `offset`; once more: back.
void flip(const fs::path& path, std::uint64_t offset) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(offset));
  const int byte = file.get();
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(static_cast<char>(byte ^ 1));
}

void test_artifacts(const fs::path& folder, Checker& check) {
  const std::string suffix = fs::path(kArtifactFile).extension().string();
  check.fails(Model::load(with_artifact(folder / ("missing" + suffix))), ErrorCode::not_found, "missing" + suffix,
      "an artifact that is not there");

  const Result<fs::path> artifact = find_asset(kArtifactFile);
  if (!artifact) {  // it is in this binary, or nowhere
    check.that(embedded_file(kArtifactFile).data != nullptr, "the project's own artifact is found");
    return;
  }
  const fs::path truncated = folder / ("truncated" + suffix);
  fs::copy_file(*artifact, truncated);
  fs::resize_file(truncated, kArtifactSize / 2);
  check.fails(Model::load(with_artifact(truncated)), ErrorCode::integrity, kArtifactSha256, "a truncated artifact");
  fs::remove(truncated);

  const fs::path swapped = folder / ("swapped" + suffix);
  std::ofstream(swapped, std::ios::binary) << "another model";
  check.fails(Model::load(with_artifact(swapped)), ErrorCode::integrity, kArtifactSha256, "a swapped artifact");

  // One bit of one byte, anywhere.
  const fs::path edited = folder / ("edited" + suffix);
  fs::copy_file(*artifact, edited);
  for (const std::uint64_t offset : {std::uint64_t{0}, kArtifactSize / 3, kArtifactSize / 2, kArtifactSize - 1}) {
    flip(edited, offset);
    const std::string what = "byte " + std::to_string(offset) + " of the artifact changed";
    check.fails(
        check_integrity(edited, artifact_facts(), Check::quick), ErrorCode::integrity, kArtifactFletcher4, what);
    check.fails(Model::load(with_artifact(edited, Check::full)), ErrorCode::integrity, kArtifactSha256,
        what + ", looked at in full");
    flip(edited, offset);
  }
  fs::remove(edited);
}

void test_labels(const fs::path& folder, Checker& check) {
  const Result<std::vector<std::string>> own = load_labels();
  check.that(own.ok() && own->size() == kLabelCount, "the project's own labels are read");
  const fs::path other = folder / "other_labels.txt";
  std::ofstream(other, std::ios::binary) << "b\r\na\n";
  const Result<std::vector<std::string>> named = load_labels(other);
  check.that(
      named.ok() && *named == std::vector<std::string>{"b", "a"}, "labels that the caller names are taken as they are");
}

// `views` with one of them changed.
template <typename Change>
std::vector<TensorView> changed(std::vector<TensorView> views, Change change) {
  change(views[0]);
  return views;
}

// All inputs with a batch that varies have to have the same one.
void test_batches(const Model& model, const std::vector<TensorView>& views, Checker& check) {
  const TensorInfo* first = nullptr;
  for (std::size_t i = 0; i < views.size(); ++i) {
    const TensorInfo& info = model.inputs()[i];
    if (!info.batch_varies()) {
      continue;
    }
    if (first == nullptr) {
      first = &info;
      continue;
    }
    const std::size_t at = *info.batch;
    Dims dims = views[i].dims;
    dims[at] = info.max[at] == dims[at] ? info.min[at] : info.max[at];
    const Tensor other = filled(info.dtype, dims, info.fill);
    std::vector<TensorView> all = views;
    all[i] = other.view();
    check.fails(model.run(all), ErrorCode::invalid_argument,
        "its batch is " + std::to_string(dims[at]) + ", that of '" + first->name + "'",
        info.name + " of another batch than " + first->name);
  }
}

// Inputs in another order, by their names.
void test_names(const Model& model, const std::vector<TensorView>& views, Checker& check) {
  std::vector<NamedView> named;
  for (std::size_t i = views.size(); i-- > 0;) {
    named.push_back({model.inputs()[i].name, views[i]});
    const Result<std::size_t> index = model.input_index(model.inputs()[i].name);
    check.that(index.ok() && *index == i, "input_index of " + model.inputs()[i].name);
  }
  const Result<std::vector<TensorView>> ordered = model.order_inputs(named);
  if (check.that(ordered.ok() && ordered->size() == views.size(), "inputs by name")) {
    for (std::size_t i = 0; i < views.size(); ++i) {
      check.that((*ordered)[i].data == views[i].data, "input " + std::to_string(i) + " by name is another one");
    }
  }
  const std::size_t last = model.outputs().size() - 1;
  const Result<std::size_t> output = model.output_index(model.outputs()[last].name);
  check.that(output.ok() && *output == last, "output_index");
  const std::string first = model.inputs()[0].name;
  check.fails(model.output_index("no such name"), ErrorCode::invalid_argument, "'no such name'", "an unknown output");
  check.fails(model.input_index("no such name"), ErrorCode::invalid_argument, "'" + first + "'", "an unknown input");
  check.fails(model.order_inputs({}), ErrorCode::invalid_argument, "'" + first + "' is missing", "no named input");
  named.push_back(named.back());
  check.fails(model.order_inputs(named), ErrorCode::invalid_argument, "more than once", "an input that is named twice");
  named.back().name = "no such name";
  check.fails(model.order_inputs(named), ErrorCode::invalid_argument, "'no such name'", "an unknown name");
}

void test_tensors(const Model& model, Checker& check) {
  std::vector<Tensor> tensors;
  std::vector<TensorView> views;
  for (const TensorInfo& info : model.inputs()) {
    tensors.push_back(filled(info.dtype, info.opt, info.fill));
    views.push_back(tensors.back().view());
  }
  const std::string name = model.inputs()[0].name;
  check.that(model.run(views).ok(), "plain values of the right shape are accepted");
  test_names(model, views, check);

  check.fails(model.run(std::vector<TensorView>{}), ErrorCode::invalid_argument,
      "expected " + std::to_string(views.size()), "no input");
  std::vector<TensorView> more = views;
  more.push_back(views[0]);
  check.fails(model.run(more), ErrorCode::invalid_argument, "got " + std::to_string(more.size()), "one input too many");
  check.fails(
      model.run(changed(views,
          [](TensorView& view) { view.dtype = view.dtype == DType::float64 ? DType::float32 : DType::float64; })),
      ErrorCode::invalid_argument, name, "a wrong dtype");
  check.fails(
      model.run(changed(views, [](TensorView& view) { view.dims = view.dims.size() == 1 ? Dims{1, 1} : Dims{1}; })),
      ErrorCode::invalid_argument, name, "a wrong rank");
  check.fails(model.run(changed(views, [](TensorView& view) { view.dims = Dims{}; })),
      model.inputs()[0].dims.empty() ? ErrorCode::backend : ErrorCode::invalid_argument, name, "a scalar");
  if (!model.inputs()[0].dims.empty()) {
    const std::size_t last = model.inputs()[0].dims.size() - 1;
    const std::int64_t beyond = model.inputs()[0].max[last] + 1;
    check.fails(model.run(changed(views, [&](TensorView& view) { view.dims[last] = beyond; })),
        ErrorCode::invalid_argument, std::to_string(beyond), "a wrong size");
    check.fails(model.run(changed(views, [&](TensorView& view) { view.dims[0] = 0; })), ErrorCode::invalid_argument,
        name, "an empty batch");
  }
  check.fails(model.run(changed(views, [](TensorView& view) { view.data = nullptr; })), ErrorCode::invalid_argument,
      "null", "a null pointer");
  if (model.device() == Device::cpu) {
    check.fails(model.run(changed(views, [](TensorView& view) { view.device = Device::cuda; })), ErrorCode::unsupported,
        "CUDA", "CUDA memory for a model on the CPU");
  }
  check.fails(model.run(views, std::vector<TensorView>{}), ErrorCode::invalid_argument, "output", "no output buffer");
  test_batches(model, views, check);
}

// The model in the hands of a caller who does everything wrong: an Error each time, and nothing thrown.
void test_hostile(Model model, Checker& check) {
  std::vector<Tensor> tensors;
  std::vector<TensorView> views;
  for (const TensorInfo& info : model.inputs()) {
    tensors.push_back(filled(info.dtype, info.opt, info.fill));
    views.push_back(tensors.back().view());
  }
  const TensorViews null(nullptr, views.size());
  const auto never = [&](const Result<void>& /*ran*/) {
    check.that(false, "run_async called back after it had failed");
  };
  check.fails(model.run(null), ErrorCode::invalid_argument, "got 0", "inputs at a null pointer");
  check.fails(model.run(views, null), ErrorCode::invalid_argument, "output", "outputs at a null pointer");
  check.fails(
      model.run_async(null, null).get(), ErrorCode::invalid_argument, "got 0", "a null pointer on another thread");
  check.fails(model.run_async(views, views, std::function<void(Result<void>)>()), ErrorCode::invalid_argument,
      "nothing to call", "nobody to call back");
  check.fails(model.run(changed(views, [](TensorView& view) { view = Tensor().view(); })), ErrorCode::invalid_argument,
      model.inputs()[0].name, "a tensor that holds nothing");
  if (!model.inputs()[0].dims.empty()) {
    for (const std::int64_t wrong :
        {std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min(), std::int64_t{-1}}) {
      check.fails(model.run(changed(views, [&](TensorView& view) { view.dims[0] = wrong; })),
          ErrorCode::invalid_argument, model.inputs()[0].name, "a size of " + std::to_string(wrong));
    }
  }
  for (const int runs : {0, -1, std::numeric_limits<int>::min()}) {
    check.that(!model.profile(views, runs).ok(), "a profile of " + std::to_string(runs) + " runs");
  }
  for (const int threads : {-1, 100000, std::numeric_limits<int>::max()}) {
    check.fails(configure_process({threads, false, std::nullopt}), ErrorCode::invalid_argument, std::to_string(threads),
        "threads of the process");
  }
  LoadOptions contexts;
  contexts.engine.contexts = -1;
  check.fails(Model::load(contexts), ErrorCode::invalid_argument, "contexts", "a negative number of contexts");
  LoadOptions throwing;
  throwing.progress = [](double /*fraction*/, const std::string& /*what*/) { throw 7; };
  check.that(!Model::load(throwing).ok(), "a callback that throws what is no exception");

  const Model taken = std::move(model);
  check.that(
      model.inputs().empty() && model.outputs().empty(), "what was moved from has inputs");  // NOLINT: on purpose
  check.fails(model.run(views), ErrorCode::invalid_argument, "moved from", "a model that was moved from");
  check.fails(model.run(views, views), ErrorCode::invalid_argument, "moved from", "its run into buffers");
  check.fails(
      model.run_async(views, views).get(), ErrorCode::invalid_argument, "moved from", "its run on another thread");
  check.fails(
      model.run_async(views, views, never), ErrorCode::invalid_argument, "moved from", "its run that calls back");
  check.fails(model.run_timed(views, views), ErrorCode::invalid_argument, "moved from", "its timed run");
  check.fails(model.profile(views, 1), ErrorCode::invalid_argument, "moved from", "its profile");
  check.that(!model.describe().empty(), "what it tells of itself");
  check.that(taken.run(views).ok(), "the model that it was moved to");
}

}  // namespace
}  // namespace {= name =}::test

int main() {
  {= name =}::test::Checker check;
  {= name =}::test::test_artifacts({= name =}::test::Scratch("bad_input").folder(), check);
  {= name =}::test::test_labels({= name =}::test::Scratch("bad_labels").folder(), check);
  auto model = {= name =}::Model::load();
  if (check.loaded(model)) {
    {= name =}::test::test_tensors(*model, check);
    {= name =}::test::test_hostile(*std::move(model), check);
  }
  {= name =}::LoadOptions threads;
  threads.threads = {= name =}::process_threads() + 1;
  check.fails({= name =}::Model::load(threads), {= name =}::ErrorCode::unsupported, "configure_process",
      "another thread count than the process's");
  return check.exit_code();
}
