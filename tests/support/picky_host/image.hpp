#pragma once

struct Image {
  int width = 0;
  int height = 0;
};

[[nodiscard]] int area(const Image& image);
