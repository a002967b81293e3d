// Runs one model by LibTorch and by TensorRT, and prints how far their outputs are apart.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include <photo_trt/model.hpp>
#include <photo_trt/npy.hpp>
#include <photo_ts/model.hpp>
#include <photo_ts/npy.hpp>

int main() {
  const auto torch = photo_ts::Model::load();
  const auto trt = photo_trt::Model::load();
  if (!torch || !trt) {
    std::printf("%s\n", !torch ? torch.error().message.c_str() : trt.error().message.c_str());
    return 1;
  }
  double largest = 0.0;
  for (const char* name : {"seeded-0", "seeded-1", "batch", "picture"}) {
    const std::string file = std::string(GOLDENS) + "/" + name + "-input-0.npy";
    const auto for_torch = photo_ts::read_npy(file);
    const auto for_trt = photo_trt::read_npy(file);
    const auto ours = torch->run(for_torch->view());
    const auto theirs = trt->run(for_trt->view());
    if (!ours || !theirs) {
      std::printf("%s\n", !ours ? ours.error().message.c_str() : theirs.error().message.c_str());
      return 1;
    }
    const auto* a = (*ours)[0].data_as<float>();
    const auto* b = (*theirs)[0].data_as<float>();
    float difference = 0.0F;
    float scale = 0.0F;
    for (std::int64_t i = 0; i < (*ours)[0].dims().elements(); ++i) {
      difference = std::max(difference, std::abs(a[i] - b[i]));
      scale = std::max(scale, std::abs(a[i]));
    }
    largest = std::max(largest, static_cast<double>(difference / scale));
  }
  std::printf("%s and %s: largest relative difference %g\n", photo_ts::backend_version().c_str(), photo_trt::backend_version().c_str(), largest);
  return largest <= 1e-3 ? 0 : 1;
}
