// Times resize, crop, rescale and normalise of one picture: preprocess_bench PICTURE.ppm SECONDS OUT.npy
// Prints the seconds of each run, one a line; writes the tensor.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "pixelcheck/image.hpp"
#include "pixelcheck/npy.hpp"
#include "pixelcheck/preprocess.hpp"

int main(int argc, char** argv) {
  using Clock = std::chrono::steady_clock;
  if (argc != 4) {
    return 2;
  }
  const auto image = pixelcheck::read_image(argv[1]);
  if (!image) {
    std::fprintf(stderr, "%s\n", image.error().message.c_str());
    return 1;
  }
  pixelcheck::PreprocessOptions options;
  options.geometry = {pixelcheck::Resize{256, 0, 0, 0, pixelcheck::Interpolation::bilinear}, pixelcheck::CenterCrop{224, 224}};
  options.normalize = true;
  options.mean = {0.485F, 0.456F, 0.406F};
  options.std = {0.229F, 0.224F, 0.225F};
  const auto end = Clock::now() + std::chrono::duration<double>(std::atof(argv[2]));
  do {
    const auto begin = Clock::now();
    const auto tensor = pixelcheck::preprocess(*image, options);
    const std::chrono::duration<double> seconds = Clock::now() - begin;
    if (!tensor) {
      std::fprintf(stderr, "%s\n", tensor.error().message.c_str());
      return 1;
    }
    std::printf("%.9f\n", seconds.count());
  } while (Clock::now() < end);
  const auto tensor = pixelcheck::preprocess(*image, options);
  return tensor && pixelcheck::write_npy(argv[3], tensor->view()).ok() ? 0 : 1;
}
