// A Preprocessor: the bits of preprocess(), whatever the threads, into memory of the caller, with no allocation.
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "sample/preprocess.hpp"

#include "check.hpp"
#include "exact_math.hpp"

namespace {

std::atomic<std::size_t> allocations{0};

}  // namespace

// Not inlined: gcc would see malloc() meet operator delete.
#if defined(__GNUC__)
#define SAMPLE_NOINLINE __attribute__((noinline))
#else
#define SAMPLE_NOINLINE
#endif

SAMPLE_NOINLINE void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size > 0 ? size : 1)) {
    return memory;
  }
  throw std::bad_alloc();
}

SAMPLE_NOINLINE void operator delete(void* memory) noexcept { std::free(memory); }
SAMPLE_NOINLINE void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }

namespace sample::test {
namespace {

Image picture(int width, int height, unsigned seed) {
  Image image{
      width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3)};
  for (std::uint8_t& level : image.pixels) {
    seed = seed * 1664525U + 1013904223U;
    level = static_cast<std::uint8_t>(seed >> 24U);
  }
  return image;
}

PreprocessOptions options_with(std::vector<GeometryStep> geometry) {
  PreprocessOptions options;
  options.geometry = std::move(geometry);
  options.normalize = true;
  options.mean = {0.5F, 0.25F, 0.125F};
  options.std = {0.25F, 0.5F, 2.0F};
  return options;
}

bool same_bits(const Tensor& a, const std::vector<float>& b) {
  return a.bytes() == b.size() * sizeof(float) && std::memcmp(a.data(), b.data(), a.bytes()) == 0;
}

void test_bits(const PreprocessOptions& options, const std::string& what, Checker& check) {
  const std::vector<Image> images{
      picture(61, 47, 1), picture(47, 61, 2), picture(32, 32, 3), picture(300, 20, 4), picture(5, 5, 5)};
  const Result<Tensor> expected = preprocess(images, options);
  if (!check.that(expected.ok(), what + ": " + (expected.ok() ? "" : expected.error().message))) {
    return;
  }
  for (const int threads : {1, 3}) {
    Preprocessor preprocessor(options, threads);
    for (int round = 0; round < 3; ++round) {
      std::vector<float> out(expected->bytes() / sizeof(float), -1.0F);
      const Result<void> done = preprocessor.run(images, view_of(out.data(), expected->dims()));
      check.that(done.ok() && same_bits(*expected, out), what + ", " + std::to_string(threads) + " threads");
    }
  }
}

void test_allocations(const PreprocessOptions& options, Checker& check) {
  Preprocessor preprocessor(options, 2);
  const std::vector<Image> images{picture(61, 47, 1), picture(61, 47, 2), picture(61, 47, 3), picture(61, 47, 4)};
  std::vector<float> out(4 * 3 * 32 * 32);
  const TensorView view = view_of(out.data(), Dims{4, options.channels, 32, 32});
  for (int round = 0; round < 20; ++round) {  // until both threads have had a picture
    check.that(preprocessor.run(images, view).ok(), "warming up");
  }
  Preprocessor single(options);
  const TensorView first = view_of(out.data(), Dims{1, options.channels, 32, 32});
  check.that(single.run(images[0], first).ok(), "warming up");
  const std::size_t before = allocations;
  for (const Image& image : images) {
    check.that(single.run(image, first).ok(), "running");
  }
  const std::size_t more = allocations - before;
  check.that(more == 0, std::to_string(more) + " allocations after the first picture");
}

// One pixel, padded by hand.
void test_padding(Checker& check) {
  const Image image{3, 2, {10, 11, 12, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52, 60, 61, 62}};
  const auto reds = [&](const Pad& pad) {
    const Result<Image> padded = apply_geometry(image, {pad});
    std::string text =
        padded ? std::to_string(padded->width) + "x" + std::to_string(padded->height) + ":" : padded.error().message;
    for (std::size_t i = 0; padded && i < padded->pixels.size(); i += 3) {
      text += ' ' + std::to_string(padded->pixels[i]);
    }
    return text;
  };
  const auto is = [&](const Pad& pad, const std::string& wanted) {
    check.that(reds(pad) == wanted, "padded: " + reds(pad) + ", not " + wanted);
  };
  is({1, 1, 0, 0, PadMode::constant, {7, 8, 9}}, "4x3: 7 7 7 7 7 10 20 30 7 40 50 60");
  is({2, 0, 1, 1, PadMode::edge}, "6x3: 10 10 10 20 30 30 40 40 40 50 60 60 40 40 40 50 60 60");
  is({2, 0, 1, 1, PadMode::reflect}, "6x3: 30 20 10 20 30 20 60 50 40 50 60 50 30 20 10 20 30 20");
  is({2, 0, 1, 1, PadMode::symmetric}, "6x3: 20 10 10 20 30 30 50 40 40 50 60 60 50 40 40 50 60 60");
  is({0, 0, 5, 0, PadMode::reflect}, "8x2: 10 20 30 20 10 20 30 20 40 50 60 50 40 50 60 50");
  is({0, 0, 5, 0, PadMode::symmetric}, "8x2: 10 20 30 30 20 10 10 20 40 50 60 60 50 40 40 50");
  for (const PadMode mode : {PadMode::reflect, PadMode::symmetric}) {
    check.fails(apply_geometry(image, {Pad{0, 3, 0, 0, mode, {0, 0, 0}, true}}), ErrorCode::invalid_argument,
        "too small", "a padding beyond a tensor");
  }
  check.fails(apply_geometry(image, {Pad{-1, 0, 0, 0}}), ErrorCode::invalid_argument, "negative", "a negative padding");
  check.fails(apply_geometry(image, {Pad{2000000000, 0, 2000000000, 2000000000}}), ErrorCode::unsupported, "limit",
      "an enormous padding");
}

// Pillow's levels of grey, and a tensor of one channel.
void test_grey(Checker& check) {
  const Image image{2, 1, {255, 0, 0, 10, 200, 30}};
  PreprocessOptions options;
  options.geometry = {Grayscale{}};
  options.channels = 1;
  const Result<Image> grey = apply_geometry(image, options.geometry);
  check.that(grey.ok() && grey->pixels == std::vector<std::uint8_t>{76, 76, 76, 124, 124, 124}, "levels of grey");
  const Result<Tensor> tensor = preprocess(image, options);
  check.that(tensor.ok() && tensor->dims() == Dims{1, 1, 1, 2} && tensor->data_as<float>()[1] == 124.0F / 255.0F,
      "a tensor of one channel");
  options.channels = 2;
  check.fails(preprocess(image, options), ErrorCode::invalid_argument, "1 or 3 channels", "two channels");
}

void test_refusals(Checker& check) {
  const PreprocessOptions options = options_with({Resize{40, 0, 0, 0, Interpolation::bilinear}});
  Preprocessor preprocessor(options);
  std::vector<float> out(3 * 40 * 51);
  const Image image = picture(61, 47, 1);
  const Result<Dims> dims = preprocessor.dims(image);
  check.that(dims.ok() && *dims == Dims{1, 3, 40, 51}, "the size that comes out");
  check.fails(preprocessor.run(image, view_of(out.data(), Dims{1, 3, 40, 40})), ErrorCode::invalid_argument,
      "1x3x40x51", "another shape");
  check.fails(preprocessor.run(image, view_of(reinterpret_cast<std::int32_t*>(out.data()), Dims{1, 3, 40, 51})),
      ErrorCode::invalid_argument, "float32", "another type");
  check.fails(preprocessor.run(image, view_of(static_cast<float*>(nullptr), Dims{1, 3, 40, 51})),
      ErrorCode::invalid_argument, "without memory", "no memory");
  const std::vector<Image> mixed{image, picture(47, 61, 2)};
  check.fails(preprocessor.run(mixed, view_of(out.data(), Dims{2, 3, 40, 51})), ErrorCode::invalid_argument,
      "picture 1", "pictures of two sizes");
  check.fails(preprocessor.run(Span<const Image>(), view_of(out.data(), Dims{1, 3, 40, 51})),
      ErrorCode::invalid_argument, "empty", "no pictures");
}

// What a model needs of a JPEG: as much as its first resize reduces, and everything where nothing is resized first.
void test_scaled_decoding(Checker& check) {
  const auto needs = [](std::vector<GeometryStep> geometry) {
    return scaled_decoding(options_with(std::move(geometry)));
  };
  const DecodeOptions shorter = needs({Resize{40, 60, 0, 0, Interpolation::bicubic}, CenterCrop{32, 32}});
  check.that(shorter.least_shorter == 40 && shorter.least_width == 0 && shorter.least_height == 0, "the shorter side");
  const DecodeOptions both = needs({Resize{0, 0, 30, 50, Interpolation::nearest}});
  check.that(both.least_shorter == 0 && both.least_width == 50 && both.least_height == 30, "both sides");
  const DecodeOptions grey = needs({Grayscale{}, Resize{40, 0, 0, 0, Interpolation::bilinear}});
  check.that(grey.least_shorter == 40, "the shorter side of a grey picture");
  for (const DecodeOptions& all : {needs({}), needs({Pad{1, 1, 1, 1}, Resize{40, 0, 0, 0, Interpolation::bilinear}}),
           needs({CenterCrop{32, 32}, Resize{40, 0, 0, 0, Interpolation::bilinear}})}) {
    check.that(all.least_shorter == 0 && all.least_width == 0 && all.least_height == 0, "the whole picture");
  }
}

}  // namespace
}  // namespace sample::test

int main() {
  using namespace sample;
  test::Checker check;
  const Resize shorter{40, 0, 0, 0, Interpolation::bilinear};
  test::test_bits(test::options_with({shorter, CenterCrop{32, 32}}), "resize and crop", check);
  test::test_bits(test::options_with({Resize{0, 0, 30, 50, Interpolation::bicubic}}), "resize", check);
  test::test_bits(test::options_with({Resize{0, 0, 30, 50, Interpolation::nearest}, CenterCrop{64, 20}}),
      "a crop that pads", check);
  test::test_bits(
      test::options_with({CenterCrop{40, 40}, Resize{0, 0, 24, 24, Interpolation::bilinear}, CenterCrop{16, 16}}),
      "several stages", check);
  const Resize tensor{0, 0, 30, 50, Interpolation::bicubic, Resampling::torch_no_antialias};
  test::test_bits(test::options_with(
                      {Pad{3, 2, 1, 0, PadMode::edge}, tensor, Pad{2, 2, 2, 2, PadMode::symmetric, {0, 0, 0}, true}}),
      "padding and tensors", check);
  PreprocessOptions grey = test::options_with(
      {Grayscale{}, Resize{0, 0, 31, 31, Interpolation::bilinear, Resampling::torch}, Pad{1, 1, 0, 0}});
  grey.channels = 1;
  test::test_bits(grey, "grey", check);
  test::test_allocations(test::options_with({Resize{40, 0, 0, 0, Interpolation::bicubic}, CenterCrop{32, 32}}), check);
  test::test_allocations(grey, check);
  test::test_padding(check);
  test::test_grey(check);
  test::test_refusals(check);
  test::test_scaled_decoding(check);
  return check.exit_code();
}
