// A Model without a backend, for the code around it: it answers with sums of its input. Compiled with the
// classifier of examples/generated_project by test_pictures.py.
#include "sample/model.hpp"

#include <cstddef>

namespace sample {

struct Model::Impl {};

Model::Model(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

Result<Model> Model::load(const LoadOptions& /*options*/) { return Model(std::make_unique<const Impl>()); }

Result<Outputs> Model::run(TensorViews inputs) const {
  const TensorView& input = inputs[0];
  const auto* values = static_cast<const float*>(input.data);
  const auto count = static_cast<std::size_t>(input.dims.elements());
  Tensor sums(DType::float32, Dims{1, 2});
  for (std::size_t i = 0; i < count; ++i) {
    sums.data_as<float>()[0] += values[i];
    sums.data_as<float>()[1] += values[i] * static_cast<float>(i % 97);
  }
  Outputs outputs;
  outputs.push_back(std::move(sums));
  return outputs;
}

}  // namespace sample
