// Frames where they lie: the same bits as of the RGB pictures that they show, and nothing outside of them is read.
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#include <unistd.h>
#endif

#include "sample/image.hpp"
#include "sample/preprocess.hpp"

#include "check.hpp"
#include "exact_math.hpp"

namespace sample::test {
namespace {

// Memory whose last byte is followed by a page that nobody may read, where the system has such; else by none.
class Guarded {
 public:
  explicit Guarded(std::size_t size) {
#if defined(__unix__) || defined(__APPLE__)
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t pages = (size + page - 1) / page * page;
    mapped_ = pages + page;
    base_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (base_ != MAP_FAILED && mprotect(static_cast<std::uint8_t*>(base_) + pages, page, PROT_NONE) == 0) {
      data_ = static_cast<std::uint8_t*>(base_) + pages - size;
    }
#else
    bytes_.resize(size);
    data_ = bytes_.data();
#endif
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() {
#if defined(__unix__) || defined(__APPLE__)
    if (base_ != MAP_FAILED) {
      munmap(base_, mapped_);
    }
#endif
  }
  [[nodiscard]] std::uint8_t* data() const { return data_; }

 private:
#if defined(__unix__) || defined(__APPLE__)
  void* base_ = nullptr;
  std::size_t mapped_ = 0;
#else
  std::vector<std::uint8_t> bytes_;
#endif
  std::uint8_t* data_ = nullptr;
};

struct Format {
  PixelFormat format;
  const char* name;
  std::size_t bytes;
};

constexpr Format kFormats[] = {{PixelFormat::rgb, "rgb", 3}, {PixelFormat::bgr, "bgr", 3},
    {PixelFormat::rgba, "rgba", 4}, {PixelFormat::bgra, "bgra", 4}, {PixelFormat::grey, "grey", 1}};

Image noise(int width, int height, bool grey, std::mt19937& random) {
  Image image{
      width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3)};
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = grey && i % 3 != 0 ? image.pixels[i - i % 3] : static_cast<std::uint8_t>(random());
  }
  return image;
}

// The picture in a format, its rows `stride` bytes apart; what lies between them is noise, as alpha is.
void write_frame(const Image& image, const Format& format, std::size_t stride, std::mt19937& random, std::uint8_t* to) {
  const std::size_t size =
      stride * static_cast<std::size_t>(image.height - 1) + format.bytes * static_cast<std::size_t>(image.width);
  for (std::size_t i = 0; i < size; ++i) {
    to[i] = static_cast<std::uint8_t>(random());
  }
  const bool swapped = format.format == PixelFormat::bgr || format.format == PixelFormat::bgra;
  const std::uint8_t* pixel = image.pixels.data();
  for (int y = 0; y < image.height; ++y) {
    std::uint8_t* out = to + stride * static_cast<std::size_t>(y);
    for (int x = 0; x < image.width; ++x, pixel += 3, out += format.bytes) {
      out[0] = pixel[swapped ? 2 : 0];
      if (format.bytes > 1) {
        out[1] = pixel[1];
        out[2] = pixel[swapped ? 0 : 2];
      }
    }
  }
}

Pad padding(PadMode mode) {
  Pad pad{3, 1, 2, 4, mode};
  pad.fill = {10, 20, 30};
  return pad;
}

// Every way through a resize, and what comes before one.
std::vector<PreprocessOptions> all_options() {
  std::vector<std::vector<GeometryStep>> geometries{{}, {CenterCrop{9, 11}}, {Grayscale{}},
      {Grayscale{}, Resize{7, 0, 0, 0, Interpolation::bilinear}}, {padding(PadMode::constant)},
      {padding(PadMode::reflect), Resize{0, 0, 12, 13, Interpolation::bicubic}},
      {CenterCrop{40, 50}, Resize{16, 0, 0, 0, Interpolation::bilinear}}};
  for (const Interpolation interpolation : {Interpolation::nearest, Interpolation::bilinear, Interpolation::bicubic}) {
    for (const Resampling resampling : {Resampling::pillow, Resampling::torch, Resampling::torch_no_antialias}) {
      for (const auto& [height, width] : {std::pair{8, 30}, std::pair{30, 8}, std::pair{9, 9}, std::pair{70, 61},
               std::pair{23, 12}, std::pair{12, 31}}) {
        geometries.push_back({Resize{0, 0, height, width, interpolation, resampling}});
        geometries.push_back({Resize{0, 0, height, width, interpolation, resampling}, CenterCrop{7, 6}});
      }
    }
  }
  std::vector<PreprocessOptions> all;
  for (const std::vector<GeometryStep>& geometry : geometries) {
    PreprocessOptions options;
    options.geometry = geometry;
    options.normalize = true;
    options.mean = {0.1F, 0.2F, 0.3F};
    options.std = {0.5F, 0.6F, 0.7F};
    all.push_back(options);
  }
  if (!model_preprocess().geometry.empty()) {
    all.push_back(model_preprocess());
  }
  all.push_back(all.front());
  all.back().channels = 1;
  return all;
}

bool same(const Result<Tensor>& a, const Result<Tensor>& b) {
  return a.ok() && b.ok() && a->dims() == b->dims() && std::memcmp(a->data(), b->data(), a->bytes()) == 0;
}

void test_bits(Checker& check) {
  std::mt19937 random(1);
  const std::vector<PreprocessOptions> all = all_options();
  for (const auto& [width, height] : {std::pair{31, 23}, std::pair{1, 1}, std::pair{12, 64}, std::pair{67, 5}}) {
    for (const Format& format : kFormats) {
      for (const std::size_t more : {std::size_t{0}, std::size_t{1}, std::size_t{61}}) {
        const Image image = noise(width, height, format.format == PixelFormat::grey, random);
        const std::size_t stride = format.bytes * static_cast<std::size_t>(width) + more;
        const Guarded memory(
            stride * static_cast<std::size_t>(height - 1) + format.bytes * static_cast<std::size_t>(width));
        if (!check.that(memory.data() != nullptr, "no memory with a guard")) {
          return;
        }
        write_frame(image, format, stride, random, memory.data());
        const ImageView view{memory.data(), width, height, static_cast<std::int64_t>(stride), format.format};
        for (std::size_t i = 0; i < all.size(); ++i) {
          const std::string what = std::string(format.name) + " " + std::to_string(width) + "x" +
              std::to_string(height) + ", stride " + std::to_string(stride) + ", options " + std::to_string(i);
          const Result<Tensor> expected = preprocess(image, all[i]);
          const Result<Tensor> found = preprocess(view, all[i]);
          if (!expected) {
            check.fails(found, expected.error().code, expected.error().message, what);
            continue;
          }
          check.that(same(expected, found), what + ": other values");
          const Result<Image> shown = apply_geometry(view, all[i].geometry);
          const Result<Image> wanted = apply_geometry(image, all[i].geometry);
          check.that(shown.ok() && wanted.ok() && shown->pixels == wanted->pixels, what + ": other pixels");
        }
        std::vector<float> planes(image.pixels.size());
        std::vector<float> wanted(image.pixels.size());
        check.that(to_chw(view, {}, planes.data()).ok() && to_chw(image, {}, wanted.data()).ok() && planes == wanted,
            std::string(format.name) + ": other planes");
      }
    }
  }
}

// A batch of frames of several formats, on several threads, into memory of the caller.
void test_batch(Checker& check) {
  std::mt19937 random(2);
  PreprocessOptions options;
  options.geometry = {Resize{0, 0, 16, 20, Interpolation::bilinear}};
  std::vector<Image> images;
  std::vector<std::vector<std::uint8_t>> memory;
  std::vector<ImageView> views;
  for (const Format& format : kFormats) {
    images.push_back(noise(40, 30, format.format == PixelFormat::grey, random));
    memory.emplace_back(format.bytes * 40 * 30);
    write_frame(images.back(), format, format.bytes * 40, random, memory.back().data());
    views.push_back({memory.back().data(), 40, 30, 0, format.format});
  }
  const Result<Tensor> expected = preprocess(images, options);
  check.that(same(expected, preprocess(Span<const ImageView>(views), options)), "a batch of frames");
  Preprocessor preprocessor(options, 3);
  Tensor out(DType::float32, {5, 3, 16, 20});
  check.that(preprocessor.run(Span<const ImageView>(views), out.view()).ok() && same(expected, std::move(out)),
      "a batch of frames by a Preprocessor");
  const Result<Dims> dims = preprocessor.dims(views[1]);
  check.that(dims.ok() && *dims == Dims{1, 3, 16, 20}, "the dims of a frame");
  Tensor one(DType::float32, {1, 3, 16, 20});
  check.that(preprocessor.run(views[1], one.view()).ok() && same(preprocess(images[1], options), std::move(one)),
      "one frame by a Preprocessor");
}

void test_bad_frames(Checker& check) {
  const std::vector<std::uint8_t> pixels(6 * 4 * 3);
  const auto refused = [&](const ImageView& view, const std::string& said) {
    check.fails(preprocess(view), ErrorCode::invalid_argument, said, said);
    check.fails(apply_geometry(view, {}), ErrorCode::invalid_argument, said, said);
    std::vector<float> planes(6 * 4 * 3);
    check.fails(to_chw(view, {}, planes.data()), ErrorCode::invalid_argument, said, said);
    Preprocessor preprocessor;
    check.fails(preprocessor.dims(view), ErrorCode::invalid_argument, said, said);
    Tensor out(DType::float32, {1, 3, 4, 6});
    check.fails(preprocessor.run(view, out.view()), ErrorCode::invalid_argument, said, said);
  };
  refused({nullptr, 6, 4}, "(6x4) are a null pointer");
  refused({pixels.data(), 0, 4}, "empty (0x4)");
  refused({pixels.data(), 6, -4}, "empty (6x-4)");
  refused({pixels.data(), 6, 4, -18}, "(6x4) has 18 bytes, its stride is -18");
  constexpr std::int64_t beyond = std::numeric_limits<std::int64_t>::max();
  refused({pixels.data(), 6, 4, beyond}, "(6x4) is beyond memory: " + std::to_string(beyond));
  refused({pixels.data(), 6, 4, 17}, "(6x4) has 18 bytes, its stride is 17");
  refused({pixels.data(), 6, 4, 23, PixelFormat::bgra}, "(6x4) has 24 bytes, its stride is 23");
  refused({pixels.data(), std::numeric_limits<int>::max(), 1, 18}, "has 6442450941 bytes, its stride is 18");
  refused({pixels.data(), 6, 4, 0, static_cast<PixelFormat>(9)}, "none: 9");
}

}  // namespace
}  // namespace sample::test

int main() {
  sample::test::Checker check;
  sample::test::test_bits(check);
  sample::test::test_batch(check);
  sample::test::test_bad_frames(check);
  return check.exit_code();
}
