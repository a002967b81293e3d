// The generated classifier behind photosort's own interface. It reports errors as values; photosort's
// convention is exceptions, so this is where they are turned over.
#include <classifier/classify.hpp>
#include <classifier/image.hpp>
#include <classifier/model.hpp>
#include <classifier/preprocess.hpp>
#include <utility>

#include "labeller.hpp"

namespace photosort {
namespace {

template <typename T>
T value_or_throw(classifier::Result<T> result, const std::string& what) {
  if (!result) {
    throw std::runtime_error(what + ": " + result.error().message);
  }
  return std::move(result).value();
}

class ClassifierLabeller : public Labeller {
 public:
  ClassifierLabeller()
      : model_(value_or_throw(classifier::Model::load(), "loading the classifier")),
        labels_(value_or_throw(classifier::load_labels(), "loading the labels")) {}

  Label label(const std::filesystem::path& picture) const override {
    const std::string name = picture.filename().string();
    const classifier::Image image = value_or_throw(classifier::read_image(picture), name);
    const classifier::Tensor input = value_or_throw(classifier::preprocess(image), name);
    const classifier::Outputs outputs = value_or_throw(model_.run(input.view()), name);
    const auto best = value_or_throw(classifier::top_k(outputs[0], 0, 1), name);
    return Label{labels_.at(best.at(0).index), static_cast<double>(best[0].probability)};
  }

 private:
  classifier::Model model_;
  std::vector<std::string> labels_;
};

}  // namespace

std::unique_ptr<Labeller> make_labeller() { return std::make_unique<ClassifierLabeller>(); }

}  // namespace photosort
