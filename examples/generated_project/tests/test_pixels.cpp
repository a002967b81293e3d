// Preprocessing: the pixels that Pillow and torchvision give, bit for bit. One case an invocation; needs no backend.
#include <cstdlib>
#include <cstring>
#include <string>

#include "sample/image.hpp"
#include "sample/npy.hpp"
#include "sample/preprocess.hpp"

#include "check.hpp"
#include "golden_cases.hpp"

namespace sample::test {
namespace {

// How many values differ by more than `tolerance`.
std::size_t count_differences(const void* a, const void* b, std::size_t bytes, int tolerance) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < bytes; ++i) {
    const int difference = int{static_cast<const unsigned char*>(a)[i]} - int{static_cast<const unsigned char*>(b)[i]};
    count += std::abs(difference) > tolerance ? 1U : 0U;
  }
  return count;
}

int run(const PixelCase& expected) {
  Checker check;
  const Result<Image> image = read_image(golden(expected.image));
  if (!image && image.error().code == ErrorCode::unsupported) {
    std::printf("skipped: %s\n", image.error().message.c_str());
    return kSkipped;
  }
  if (!check.that(image.ok(), image.ok() ? "" : image.error().message)) {
    return check.exit_code();
  }
  const Result<Image> pixels = expected.decoded ? image : apply_geometry(*image, model_preprocess().geometry);
  const Result<Tensor> reference = read_npy(golden(expected.pixels));
  if (!check.that(pixels.ok(), pixels.ok() ? "" : pixels.error().message) ||
      !check.that(reference.ok(), reference.ok() ? "" : reference.error().message)) {
    return check.exit_code();
  }
  const Dims ours{pixels->height, pixels->width, 3};
  if (!check.that(ours == reference->dims(),
          "size is " + to_string(ours) + ", the reference's is " + to_string(reference->dims()))) {
    return check.exit_code();
  }
  const std::size_t different =
      count_differences(pixels->pixels.data(), reference->data(), reference->bytes(), expected.tolerance);
  check.that(different == 0,
      std::to_string(different) + " of " + std::to_string(reference->bytes()) +
          " values differ from the reference's (for a JPEG: libjpeg and libjpeg-turbo decode alike, other decoders "
          "need not)");

  if (!expected.tensor.empty()) {
    const Result<Tensor> tensor = preprocess(*image);
    const Result<Tensor> wanted = read_npy(golden(expected.tensor));
    if (check.that(tensor.ok() && wanted.ok(), "cannot make the tensor")) {
      check.that(tensor->dims() == wanted->dims() && std::memcmp(tensor->data(), wanted->data(), wanted->bytes()) == 0,
          "the tensor differs from torchvision's");
    }
  }
  return check.exit_code();
}

}  // namespace
}  // namespace sample::test

int main(int argc, char** argv) {
  const std::string wanted = argc > 1 ? argv[1] : "";
  for (const sample::test::PixelCase& expected : sample::test::pixel_cases()) {
    if (expected.name == wanted) {
      return sample::test::run(expected);
    }
  }
  std::printf("FAILED: no picture '%s'\n", wanted.c_str());
  return 1;
}
