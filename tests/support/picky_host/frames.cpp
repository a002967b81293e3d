#include <photo/image.hpp>

#include "image.hpp"

// photo's header of this name and the host's own, in one file.
int pixels_of(const Image& image) {
  const photo::Image same{image.width, image.height, {}};
  return same.width * same.height;
}
