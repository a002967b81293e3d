// Frames where they lie against an RGB picture of the same size, in pairs: frames_bench WIDTH HEIGHT PAIRS
// Prints a line for each: geometry, format, bytes between rows, median ms of RGB, of the frame, median of the ratios.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "pixelcheck/preprocess.hpp"

namespace {

using Clock = std::chrono::steady_clock;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  using namespace pixelcheck;
  if (argc != 4) {
    return 2;
  }
  const int width = std::atoi(argv[1]);
  const int height = std::atoi(argv[2]);
  const int pairs = std::atoi(argv[3]);
  Pad square{0, (width - height) / 2, 0, (width - height) / 2};
  const Resize small{0, 0, 224, 224};
  Resize picked = small;
  picked.interpolation = Interpolation::nearest;
  const std::vector<std::pair<std::string, std::vector<GeometryStep>>> geometries{
      {"Resize 256, CenterCrop 224", {Resize{256}, CenterCrop{224, 224}}}, {"Resize 224x224", {small}},
      {"Resize 640x640", {Resize{0, 0, 640, 640}}}, {"Resize 224x224, nearest", {picked}},
      {"Pad to a square, Resize 224x224", {square, small}}, {"CenterCrop 224", {CenterCrop{224, 224}}},
      {"none", {}}};
  const std::vector<std::pair<std::string, PixelFormat>> formats{{"rgb", PixelFormat::rgb}, {"bgr", PixelFormat::bgr},
      {"rgba", PixelFormat::rgba}, {"bgra", PixelFormat::bgra}, {"grey", PixelFormat::grey}};
  constexpr int kPadding = 64;
  std::mt19937 random(1);
  std::vector<std::uint8_t> pixels((static_cast<std::size_t>(width) * 4 + kPadding) * static_cast<std::size_t>(height));
  for (std::uint8_t& value : pixels) {
    value = static_cast<std::uint8_t>(random());
  }
  for (const auto& [name, geometry] : geometries) {
    PreprocessOptions options;
    options.geometry = geometry;
    options.normalize = true;
    Preprocessor preprocessor(options);
    const ImageView rgb{pixels.data(), width, height};
    const auto dims = preprocessor.dims(rgb);
    if (!dims) {
      std::fprintf(stderr, "%s\n", dims.error().message.c_str());
      return 1;
    }
    Tensor out(DType::float32, *dims);
    const auto time = [&](const ImageView& view) {
      const auto begin = Clock::now();
      if (!preprocessor.run(view, out.view())) {
        std::exit(1);
      }
      return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    };
    for (const auto& [format, value] : formats) {
      const int bytes = value == PixelFormat::grey ? 1 : (value == PixelFormat::rgb || value == PixelFormat::bgr ? 3 : 4);
      const ImageView frame{pixels.data(), width, height, std::int64_t{width} * bytes + kPadding, value};
      std::vector<double> first;
      std::vector<double> second;
      std::vector<double> ratios;
      for (int i = -2; i < pairs; ++i) {
        const bool swapped = i % 2 != 0;
        const double a = time(swapped ? frame : rgb);
        const double b = time(swapped ? rgb : frame);
        if (i >= 0) {
          first.push_back(swapped ? b : a);
          second.push_back(swapped ? a : b);
          ratios.push_back(second.back() / first.back());
        }
      }
      std::printf("%s\t%s\t%d\t%.4f\t%.4f\t%.4f\n", name.c_str(), format.c_str(), kPadding, median(first), median(second),
          median(ratios));
    }
  }
  return 0;
}
