// What photosort wants to know of a picture. Nothing here knows how it is found out.
#pragma once

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

namespace photosort {

struct Label {
  std::string text;
  double confidence = 0.0;
};

class Labeller {
 public:
  virtual ~Labeller() = default;
  // Throws std::runtime_error when the picture cannot be read.
  virtual Label label(const std::filesystem::path& picture) const = 0;
};

// The labeller of this build; throws std::runtime_error when its model cannot be loaded.
std::unique_ptr<Labeller> make_labeller();

}  // namespace photosort
