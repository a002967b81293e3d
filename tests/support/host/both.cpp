// One model on two backends in one binary: runs both on the inputs (.npy) and prints their largest difference.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include <photo/model.hpp>
#include <photo/npy.hpp>
#include <photo_trt/model.hpp>
#include <photo_trt/npy.hpp>

namespace {

template <typename Error>
int fail(const char* backend, const Error& error) {
  std::fprintf(stderr, "%s: %s: %s\n", backend, to_string(error.code), error.message.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto libtorch = photo::Model::load();
  if (!libtorch) {
    return fail("libtorch", libtorch.error());
  }
  const auto tensorrt = photo_trt::Model::load();
  if (!tensorrt) {
    return fail("tensorrt", tensorrt.error());
  }
  for (int i = 1; i < argc; ++i) {
    const auto a = photo::read_npy(argv[i]);
    const auto b = photo_trt::read_npy(argv[i]);
    if (!a || !b) {
      return fail("npy", a ? photo::Error{} : a.error());
    }
    const auto ours = libtorch->run(a->view());
    if (!ours) {
      return fail("libtorch", ours.error());
    }
    const auto theirs = tensorrt->run(b->view());
    if (!theirs) {
      return fail("tensorrt", theirs.error());
    }
    const auto count = static_cast<std::size_t>((*ours)[0].dims().elements());
    if (static_cast<std::size_t>((*theirs)[0].dims().elements()) != count) {
      std::fprintf(stderr, "the outputs have other shapes\n");
      return 1;
    }
    double largest = 0.0;
    double scale = 0.0;
    for (std::size_t k = 0; k < count; ++k) {
      const auto x = static_cast<double>((*ours)[0].data_as<float>()[k]);
      const auto y = static_cast<double>((*theirs)[0].data_as<float>()[k]);
      largest = std::max(largest, std::abs(x - y));
      scale = std::max(scale, std::abs(x));
    }
    std::printf("%s: largest difference %.3g of %.3g\n", argv[i], largest, scale);
    if (!(largest <= 1e-3 * scale) || scale == 0.0) {
      return 1;
    }
  }
  std::printf("%s and %s agree\n", photo::backend_version().c_str(), photo_trt::backend_version().c_str());
  return 0;
}
