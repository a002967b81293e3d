// Times resize, crop, rescale and normalise of one picture: preprocess_bench PICTURE.ppm SECONDS OUT.npy [kept]
// Prints the seconds of each run, one a line; writes the tensor. "kept": by a Preprocessor, into one tensor.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "pixelcheck/image.hpp"
#include "pixelcheck/npy.hpp"
#include "pixelcheck/preprocess.hpp"

int main(int argc, char** argv) {
  using Clock = std::chrono::steady_clock;
  if (argc < 4) {
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
  pixelcheck::Preprocessor preprocessor(options);
  const auto dims = preprocessor.dims(*image);
  if (!dims) {
    std::fprintf(stderr, "%s\n", dims.error().message.c_str());
    return 1;
  }
  pixelcheck::Tensor tensor(pixelcheck::DType::float32, *dims);
  const auto end = Clock::now() + std::chrono::duration<double>(std::atof(argv[2]));
  do {
    const auto begin = Clock::now();
    if (argc > 4) {
      if (!preprocessor.run(*image, tensor.view())) {
        return 1;
      }
    } else {
      const auto made = pixelcheck::preprocess(*image, options);
      if (!made) {
        return 1;
      }
    }
    const std::chrono::duration<double> seconds = Clock::now() - begin;
    std::printf("%.9f\n", seconds.count());
  } while (Clock::now() < end);
  if (argc == 4) {
    tensor = std::move(pixelcheck::preprocess(*image, options)).value();
  }
  return pixelcheck::write_npy(argv[3], tensor.view()).ok() ? 0 : 1;
}
