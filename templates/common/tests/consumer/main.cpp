// What a host writes to use the model: load, fill the inputs, run, read the outputs.
#include <cstdio>
#include <string>
#include <vector>

#include <{= name =}/assets.hpp>
#include <{= name =}/model.hpp>
#include <{= name =}/model_info.hpp>

int main() {
  const auto labels = {= name =}::find_asset(std::string({= name =}::kLabelsFile));
  if (!labels || labels->parent_path().filename() != CONSUMER_ASSETS) {
    std::fprintf(stderr, "the assets beside the program were not found\n");
    return 1;
  }

  {= name =}::LoadOptions options;
  options.check = {= name =}::Check::full;
  const auto model = {= name =}::Model::load(options);
  if (!model && model.error().code == {= name =}::ErrorCode::no_device) {
    std::printf("skipped: %s\n", model.error().message.c_str());
    return 77;  // ctest counts it as skipped
  }
  if (!model) {
    std::fprintf(stderr, "%s\n", model.error().message.c_str());
    return 1;
  }

  std::vector<{= name =}::Tensor> tensors;
  std::vector<{= name =}::TensorView> inputs;
  for (const {= name =}::TensorInfo& info : model->inputs()) {
    tensors.push_back({= name =}::filled(info.dtype, info.opt, info.fill));
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
