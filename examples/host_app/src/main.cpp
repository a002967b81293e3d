// photosort FOLDER: one line a picture, with what is on it.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <vector>

#include "labeller.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: photosort FOLDER\n");
    return 2;
  }
  try {
    std::vector<std::filesystem::path> pictures;
    for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
      const std::string kind = entry.path().extension().string();
      if (kind == ".jpg" || kind == ".png" || kind == ".ppm") {
        pictures.push_back(entry.path());
      }
    }
    std::sort(pictures.begin(), pictures.end());
    const auto labeller = photosort::make_labeller();
    for (const auto& picture : pictures) {
      const photosort::Label label = labeller->label(picture);
      std::printf("%s\t%s\t%.2f%%\n", picture.filename().string().c_str(), label.text.c_str(), 100.0 * label.confidence);
    }
    return pictures.empty() ? 1 : 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "photosort: %s\n", e.what());
    return 1;
  }
}
