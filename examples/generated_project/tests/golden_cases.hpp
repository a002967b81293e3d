// The reference data in assets/goldens, made by the Python model.
#pragma once

#include <string>
#include <vector>

namespace sample::test {

struct GoldenOutput {
  const char* name;
  const char* file;
  double tolerance;  // of max |difference| / max |reference|
};

// With an image, the inputs are what preprocessing must make of it.
struct GoldenCase {
  std::string name;
  std::vector<std::string> inputs;
  std::vector<GoldenOutput> outputs;
  std::string image;
  std::string pixels;  // uint8 after resize and crop
};

struct PixelCase {
  std::string name;
  std::string image;
  std::string pixels;  // uint8 after resize and crop
  std::string tensor;  // float32, empty when it is not stored
  bool decoded;        // pixels are uint8 before resize and crop
  int tolerance;       // units of 8 bits that a pixel may differ by
};

inline const std::vector<GoldenCase>& golden_cases() {
  static const std::vector<GoldenCase> cases{
      {
          "seeded-0",
          {"seeded-0-input-0.npy"},
          {{"logits", "seeded-0-output-0.npy", 0.0001}},
          "",
          "",
      },
      {
          "picture",
          {"picture-input-0.npy"},
          {{"logits", "picture-output-0.npy", 0.0001}},
          "golden.ppm",
          "pixels-ppm.npy",
      },
  };
  return cases;
}

inline const std::vector<PixelCase>& pixel_cases() {
  static const std::vector<PixelCase> cases{
      {"ppm", "golden.ppm", "pixels-ppm.npy", "picture-input-0.npy", false, 0},
      {"maxval-100-ppm", "maxval-100.ppm", "pixels-maxval-100-ppm.npy", "", true, 0},
  };
  return cases;
}

}  // namespace sample::test
