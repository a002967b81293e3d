// The model as callers see it: whatever runs it, arguments are checked and exceptions end here.
#include "sample/model.hpp"

#include <utility>

#include "backend.hpp"
#include "check_views.hpp"
#include "facts.hpp"
#include "guarded.hpp"
#include "run_queue.hpp"

namespace sample {
namespace {

constexpr int kMaxContexts = 1024;

Result<void> check_options(const LoadOptions& options) {
  if (options.engine.contexts < 0 || options.engine.contexts > kMaxContexts) {
    return Error{ErrorCode::invalid_argument,
        "contexts must be from 0 to " + std::to_string(kMaxContexts) + ", got " +
            std::to_string(options.engine.contexts)};
  }
  return {};
}

}  // namespace

struct Model::Impl {
  explicit Impl(std::unique_ptr<Backend> opened)
      : backend(std::move(opened)),
        queue([this](TensorViews views, TensorViews results) { return run_into(views, results, nullptr); },
            backend->callers()) {}

  [[nodiscard]] Result<void> check_inputs(TensorViews views) const;
  [[nodiscard]] Result<Outputs> run(TensorViews views) const;
  [[nodiscard]] Result<void> run_into(TensorViews views, TensorViews results, StageTimes* times) const;
  [[nodiscard]] Result<void> warm_up();

  std::vector<TensorInfo> inputs = input_infos();
  std::vector<TensorInfo> outputs = output_infos();
  std::unique_ptr<Backend> backend;
  mutable RunQueue queue;  // ends before what it runs on
};

Result<void> Model::Impl::check_inputs(TensorViews views) const {
  Result<void> fits = check_views(views, inputs, "input");
  return fits ? backend->check_memory(views, "input") : fits;
}

Result<Outputs> Model::Impl::run(TensorViews views) const {
  return guarded("running the model", [&]() -> Result<Outputs> {
    if (Result<void> fits = check_inputs(views); !fits) {
      return fits.error();
    }
    return backend->run(views);
  });
}

Result<void> Model::Impl::run_into(TensorViews views, TensorViews results, StageTimes* times) const {
  return guarded("running the model", [&]() -> Result<void> {
    if (Result<void> fits = check_inputs(views); !fits) {
      return fits;
    }
    if (Result<void> fits = check_views(results, outputs, "output"); !fits) {
      return fits;
    }
    if (Result<void> reachable = backend->check_memory(results, "output"); !reachable) {
      return reachable;
    }
    return backend->run_into(views, results, times);
  });
}

Result<void> Model::Impl::warm_up() {
  std::vector<Tensor> tensors;
  std::vector<TensorView> views;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    tensors.push_back(filled(inputs[i].dtype, backend->warm_up_dims(i, inputs[i]), inputs[i].fill));
    views.push_back(tensors.back().view());
  }
  return guarded("running the model", [&] { return backend->warm_up(views); });
}

Result<Model> Model::load(const LoadOptions& options) {
  // Nothing leaves as an exception, not even what a callback of the caller throws.
  return guarded("loading the model", [&]() -> Result<Model> {
    if (Result<void> possible = check_options(options); !possible) {
      return possible.error();
    }
    std::optional<Result<Model>> loaded;
    run_load([&] { loaded.emplace(guarded("loading the model", [&] { return load_here(options); })); });
    return *std::move(loaded);
  });
}

Result<Model> Model::load_here(const LoadOptions& options) {
  constexpr double kArtifactLoaded = 0.9;
  Result<std::unique_ptr<Backend>> opened = open_backend(options);
  if (!opened) {
    return opened.error();
  }
  auto impl = std::make_unique<Impl>(*std::move(opened));
  if (const std::string warning = weights_warning(); options.log && !warning.empty()) {
    options.log(LogLevel::warning, warning);
  }
  if (options.progress) {
    options.progress(kArtifactLoaded, "warming up");
  }
  if (Result<void> warm = impl->warm_up(); !warm) {
    return warm.error();
  }
  impl->backend->end_of_load();
  if (options.progress) {
    options.progress(1.0, "ready");
  }
  return Model(std::move(impl));
}

Model::Model(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

const std::vector<TensorInfo>& Model::inputs() const noexcept {
  return impl_ == nullptr ? no_tensors() : impl_->inputs;
}

const std::vector<TensorInfo>& Model::outputs() const noexcept {
  return impl_ == nullptr ? no_tensors() : impl_->outputs;
}

Device Model::device() const noexcept { return impl_ == nullptr ? Device::cpu : impl_->backend->device(); }

Result<std::size_t> Model::input_index(std::string_view name) const {
  return guarded("looking for an input", [&] { return index_of(name, inputs(), "input"); });
}

Result<std::size_t> Model::output_index(std::string_view name) const {
  return guarded("looking for an output", [&] { return index_of(name, outputs(), "output"); });
}

Result<std::vector<TensorView>> Model::order_inputs(Span<const NamedView> named) const {
  return guarded("ordering the inputs", [&] { return in_order(named, inputs(), "input"); });
}

Result<std::vector<TensorView>> Model::order_outputs(Span<const NamedView> named) const {
  return guarded("ordering the outputs", [&] { return in_order(named, outputs(), "output"); });
}

const Backend* Backend::of(const Model& model) noexcept {
  return model.impl_ == nullptr ? nullptr : model.impl_->backend.get();
}

Result<Outputs> Model::run(TensorViews inputs) const {
  return impl_ == nullptr ? Result<Outputs>(moved_from()) : impl_->run(inputs);
}

Result<void> Model::run(TensorViews inputs, TensorViews outputs) const {
  return impl_ == nullptr ? Result<void>(moved_from()) : impl_->run_into(inputs, outputs, nullptr);
}

Future Model::queue_run(TensorViews inputs, TensorViews outputs, std::optional<CancelFlag> cancel) const {
  std::future<Result<void>> result;
  const Result<void> added = guarded("starting a run", [&]() -> Result<void> {
    if (impl_ == nullptr) {
      return moved_from();
    }
    QueuedRun run{{inputs.begin(), inputs.end()}, {outputs.begin(), outputs.end()}, {}, {}, std::move(cancel)};
    result = run.result.get_future();
    return impl_->queue.add(std::move(run));
  });
  if (!added) {
    std::promise<Result<void>> failed;
    result = failed.get_future();
    failed.set_value(added);
  }
  return Future(std::move(result));
}

Result<void> Model::queue_run(TensorViews inputs, TensorViews outputs, std::function<void(Result<void>)> done,
    std::optional<CancelFlag> cancel) const {
  return guarded("starting a run", [&]() -> Result<void> {
    if (!done) {
      return Error{ErrorCode::invalid_argument, "run_async: there is nothing to call when the run is done"};
    }
    if (impl_ == nullptr) {
      return moved_from();
    }
    return impl_->queue.add({{inputs.begin(), inputs.end()}, {outputs.begin(), outputs.end()}, std::move(done), {},
        std::move(cancel)});
  });
}

Future Model::run_async(TensorViews inputs, TensorViews outputs) const {
  return queue_run(inputs, outputs, std::nullopt);
}

Future Model::run_async(TensorViews inputs, TensorViews outputs, CancelFlag cancel) const {
  return queue_run(inputs, outputs, std::move(cancel));
}

Result<void> Model::run_async(TensorViews inputs, TensorViews outputs, std::function<void(Result<void>)> done) const {
  return queue_run(inputs, outputs, std::move(done), std::nullopt);
}

Result<void> Model::run_async(
    TensorViews inputs, TensorViews outputs, std::function<void(Result<void>)> done, CancelFlag cancel) const {
  return queue_run(inputs, outputs, std::move(done), std::move(cancel));
}

Result<StageTimes> Model::run_timed(TensorViews inputs, TensorViews outputs) const {
  if (impl_ == nullptr) {
    return moved_from();
  }
  StageTimes times;
  if (Result<void> ran = impl_->run_into(inputs, outputs, &times); !ran) {
    return ran.error();
  }
  return times;
}

Result<std::vector<LayerTime>> Model::profile(TensorViews inputs, int runs) const {
  if (impl_ == nullptr) {
    return moved_from();
  }
  return guarded("profiling the model", [&]() -> Result<std::vector<LayerTime>> {
    if (runs < 1) {
      return Error{
          ErrorCode::invalid_argument, "a profile needs one run or more, got " + std::to_string(runs)};
    }
    if (Result<void> fits = impl_->check_inputs(inputs); !fits) {
      return fits.error();
    }
    return impl_->backend->profile(inputs, runs);
  });
}

std::string Model::describe() const {
  return impl_ == nullptr ? moved_from().message + "\n" : impl_->backend->describe();
}

}  // namespace sample
