#include "image.hpp"

int area(const Image& image) { return image.width * image.height; }
