// What a host writes to use the model: load, fill the inputs, run, read the outputs.
#include <cstdio>
#include <string>
#include <vector>

#include <sample/assets.hpp>
#include <sample/model.hpp>
#include <sample/model_info.hpp>

int main() {
  const auto labels = sample::find_asset(std::string(sample::kLabelsFile));
  if (!labels || labels->parent_path().filename() != CONSUMER_ASSETS) {
    std::fprintf(stderr, "the assets beside the program were not found\n");
    return 1;
  }

  sample::LoadOptions options;
  options.check = sample::Check::full;
  const auto model = sample::Model::load(options);
  if (!model && model.error().code == sample::ErrorCode::no_device) {
    std::printf("skipped: %s\n", model.error().message.c_str());
    return 77;  // ctest counts it as skipped
  }
  if (!model) {
    std::fprintf(stderr, "%s\n", model.error().message.c_str());
    return 1;
  }

  std::vector<sample::Tensor> tensors;
  std::vector<sample::TensorView> inputs;
  for (const sample::TensorInfo& info : model->inputs()) {
    tensors.push_back(sample::filled(info.dtype, info.opt, info.fill));
    inputs.push_back(tensors.back().view());
  }
  const auto outputs = model->run(inputs);
  if (!outputs) {
    std::fprintf(stderr, "%s\n", outputs.error().message.c_str());
    return 1;
  }
  for (std::size_t i = 0; i < outputs->size(); ++i) {
    std::printf("%s: %s\n", model->outputs()[i].name.c_str(), to_string((*outputs)[i].dims()).c_str());
  }
  return outputs->size() == model->outputs().size() ? 0 : 1;
}
