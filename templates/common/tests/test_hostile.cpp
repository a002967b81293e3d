// The API in the hands of a caller who does everything wrong: each call returns an Error or keeps its promise, and
// none throws, crashes or makes up an answer. What the model itself must refuse is in test_bad_input.cpp.
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <exception>
#include <limits>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "{= name =}/assets.hpp"
#include "{= name =}/image.hpp"
#include "{= name =}/labels.hpp"
#include "{= name =}/npy.hpp"
#include "{= name =}/preprocess.hpp"
#include "{= name =}/tensor.hpp"

#include "check.hpp"
#include "exact_math.hpp"

namespace {= name =}::test {
namespace {

constexpr std::int64_t kMostElements = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kMostBytes = std::numeric_limits<std::size_t>::max();
constexpr int kMostInt = std::numeric_limits<int>::max();

static_assert(std::is_constructible_v<Dims, int, int, int, int, int, int, int, int>, "eight sizes");
static_assert(
    !std::is_constructible_v<Dims, int, int, int, int, int, int, int, int, int>, "nine sizes would lose one");
static_assert(!std::is_constructible_v<Dims, double>, "a size is whole");
template <typename T, typename = void>
inline constexpr bool kComparable = false;
template <typename T>
inline constexpr bool kComparable<T, std::void_t<decltype(std::declval<Dims>() == std::declval<T>())>> = true;
static_assert(kComparable<Dims> && !kComparable<int> && !kComparable<std::size_t>, "dimensions are no rank");
static_assert(std::is_nothrow_move_constructible_v<Tensor> && std::is_nothrow_move_assignable_v<Tensor>);

// Calls what must not throw, whatever it returns.
template <typename Call>
auto quiet(Call&& call, const std::string& what, Checker& check) -> decltype(call()) {
  try {
    return call();
  } catch (const std::exception& e) {
    check.that(false, what + " throws " + e.what());
  }
  return Error{ErrorCode::unsupported, what + " threw"};
}

Image picture(int width, int height) {
  return {width, height,
      std::vector<std::uint8_t>(
          static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3, std::uint8_t{7})};
}

void test_dims(Checker& check) {
  Dims dims{1, 2, 3, 4, 5, 6, 7, 8};
  check.that(!dims.push_back(9) && dims.size() == 8 && dims.elements() == 40320, "a ninth size");
  check.that(
      Dims{}.elements() == 1 && Dims{0}.elements() == 0 && Dims{3, 0, 5}.elements() == 0, "a scalar, and nothing");
  check.that(Dims{-1, 3}.elements() == kUnknownSize && Dims{-1, -1}.elements() == kUnknownSize &&
          Dims{0, -1}.elements() == kUnknownSize,
      "unknown sizes");
  const std::int64_t huge = std::int64_t{1} << 32;
  check.that(Dims{huge, huge}.elements() == kMostElements && Dims{huge, huge, huge, 3}.elements() == kMostElements,
      "more than 2^63");
  check.that(
      Dims{huge, huge, 0}.elements() == 0 && Dims{0, huge, huge}.elements() == 0, "more than 2^63 of nothing");
  check.that(
      Dims{kMostElements, 1}.elements() == kMostElements && Dims{kMostElements, 2}.elements() == kMostElements,
      "2^63 - 1");
  for (const Dims& bad : {Dims{-1, 3}, Dims{huge, huge}, Dims{kMostElements}}) {
    const TensorView view{nullptr, DType::float32, bad, Device::cpu, 0};
    check.that(
        view.bytes() == kMostBytes && size_of(DType::float32, bad) == kMostBytes, "bytes of " + to_string(bad));
  }
  check.that(size_of(static_cast<DType>(99), Dims{3}) == kMostBytes, "bytes of a type that there is not");
}

bool holds_nothing(const Tensor& tensor) {
  return tensor.data() == nullptr && tensor.bytes() == 0 && tensor.dims() == Dims{0} &&
      tensor.view().dims.elements() == 0;
}

void test_tensors(Checker& check) {
  check.that(holds_nothing(Tensor()), "a new tensor");
  Tensor first(DType::int64, Dims{2, 3});
  Tensor second(std::move(first));
  check.that(holds_nothing(first) && second.bytes() == 48, "a tensor that was moved from");  // NOLINT: on purpose
  Tensor& itself = second;
  second = std::move(itself);
  check.that(second.bytes() == 48 && second.data() != nullptr, "a tensor that was moved to itself");
  first = std::move(second);
  check.that(holds_nothing(second) && first.dims() == Dims{2, 3},
      "a tensor that was assigned from");  // NOLINT: on purpose
  check.that(holds_nothing(Tensor(DType::float32, Dims{2, 3}, nullptr)), "elements in no memory");
  check.that(holds_nothing(Tensor(DType::float32, Dims{-1, 3}, std::make_shared<int>(1))), "memory of no size");
  check.that(Tensor(DType::float32, Dims{0, 4}, nullptr).dims() == Dims{0, 4}, "no elements in no memory");
  for (const Dims& bad :
      {Dims{-1}, Dims{kMostElements}, Dims{kMostElements, kMostElements}, Dims{std::int64_t{1} << 62}}) {
    bool refused = false;
    try {
      const Tensor tensor(DType::float32, bad);
    } catch (const std::bad_alloc&) {
      refused = true;
    }
    check.that(refused, "a tensor of " + to_string(bad));
  }

  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double value : {1e300, -1e300, nan}) {
    const Tensor bytes = filled(DType::uint8, Dims{1}, value);
    const Tensor words = filled(DType::int64, Dims{1}, value);
    const std::int64_t word =
        value > 0 ? kMostElements : (value < 0 ? std::numeric_limits<std::int64_t>::min() : 0);
    check.that(*bytes.data_as<std::uint8_t>() == (value > 0 ? 255 : 0) && *words.data_as<std::int64_t>() == word,
        "integers of " + std::to_string(value));
  }
  check.that(filled(DType::float32, Dims{0, 3}, 1.0).bytes() == 0, "nothing, filled");

  const Span<const TensorView> none(nullptr, 3);
  check.that(none.size() == 0 && none.begin() == none.end(), "three elements at a null pointer");
  check.that(std::isnan(half_to_float(float_to_half(std::nanf("")))) &&
          std::isnan(bfloat16_to_float(float_to_bfloat16(std::nanf("")))),
      "NaN in 16 bits");
  // Where -ffast-math reaches the linker, the process has no such numbers.
  const volatile float least = std::numeric_limits<float>::min();
  check.that(
      least * 0.5F > 0.0F, "numbers below 1.2e-38 are rounded to 0 in this process: see cmake/exact_math.cmake");
}

void test_pictures(const std::filesystem::path& folder, Checker& check) {
  check.fails(quiet([] { return decode_image(nullptr, 10); }, "decode_image", check), ErrorCode::invalid_argument,
      "null", "a null pointer as a picture");
  check.fails(quiet([] { return decode_image(nullptr, 0); }, "decode_image", check), ErrorCode::bad_file, "empty",
      "nothing as a picture");
  const std::string ppm = "P6\n3 2\n255\n" + std::string(18, 'x');
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(ppm.data());
  for (const int wrong : {-1, std::numeric_limits<int>::min(), kMostInt}) {
    DecodeOptions options;
    options.least_width = options.least_height = options.least_shorter = wrong;
    check.that(decode_image(bytes, ppm.size(), options).ok(), "a least size is for JPEGs");
    options.max_pixels = wrong;
    options.max_scans = wrong;
    check.that(
        decode_image(bytes, ppm.size(), options).ok() == (wrong > 0), "pixels allowed: " + std::to_string(wrong));
  }
  for (const char* name : {"", "/", "no such folder/a.png"}) {
    check.that(!read_image(name).ok() && !read_npy(name).ok() && !read_raw(name, DType::uint8, Dims{1}).ok(),
        std::string("read '") + name + "'");
    check.that(!write_ppm(name, picture(1, 1)).ok(), std::string("write '") + name + "'");
    if (*name != '\0') {  // the empty name stands for the project's own labels
      check.that(!load_labels(name).ok(), std::string("labels in '") + name + "'");
    }
    check.that(!find_asset(name).ok(), std::string("asset '") + name + "'");
  }
  Image moved = picture(3, 2);
  const Image taken = std::move(moved);
  const std::filesystem::path file = folder / "a.ppm";
  for (const Image& wrong :
      {Image(), Image{-3, 2, {}}, Image{-3, -2, std::vector<std::uint8_t>(18)}, Image{kMostInt, kMostInt, {1}},
          Image{3, 2, std::vector<std::uint8_t>(17)}, moved}) {  // NOLINT: on purpose
    const std::string what = std::to_string(wrong.width) + "x" + std::to_string(wrong.height) + " in " +
        std::to_string(wrong.pixels.size()) + " bytes";
    std::array<float, 18> out{};
    check.that(!quiet([&] { return write_ppm(file, wrong); }, "write_ppm", check).ok(), "written: " + what);
    check.that(!quiet([&] { return apply_geometry(wrong, {}); }, "apply_geometry", check).ok(), "taken: " + what);
    check.that(!quiet([&] { return preprocess(wrong, PreprocessOptions()); }, "preprocess", check).ok(),
        "preprocessed: " + what);
    check.that(!quiet([&] { return Preprocessor(PreprocessOptions()).dims(wrong); }, "dims", check).ok(),
        "its size told: " + what);
    check.that(!quiet([&] { return to_chw(wrong, PreprocessOptions(), out.data()); }, "to_chw", check).ok(),
        "made floats: " + what);
  }
  check.fails(
      to_chw(taken, PreprocessOptions(), nullptr), ErrorCode::invalid_argument, "null", "floats at a null pointer");
}

void test_arrays(const std::filesystem::path& folder, Checker& check) {
  const std::filesystem::path file = folder / "a.npy";
  std::array<float, 6> values{};
  for (const Dims& bad : {Dims{-1, 3}, Dims{kMostElements, kMostElements}, Dims{std::int64_t{1} << 62}}) {
    check.that(!quiet([&] { return write_npy(file, view_of(values.data(), bad)); }, "write_npy", check).ok(),
        "written as " + to_string(bad));
    check.that(!quiet([&] { return write_raw(file, view_of(values.data(), bad)); }, "write_raw", check).ok(),
        "written raw as " + to_string(bad));
    check.that(!quiet([&] { return read_raw(file, DType::float32, bad); }, "read_raw", check).ok(),
        "read as " + to_string(bad));
  }
  check.fails(write_npy(file, view_of(static_cast<const float*>(nullptr), Dims{2, 3})), ErrorCode::invalid_argument,
      "no data", "a null pointer written");
  check.fails(write_npy(file, TensorView{values.data(), static_cast<DType>(99), Dims{2}, Device::cpu, 0}),
      ErrorCode::invalid_argument, "no such element type", "a type that there is not");
  check.fails(write_npy(file, TensorView{values.data(), DType::float32, Dims{6}, Device::cuda, 0}),
      ErrorCode::invalid_argument, "CPU", "a tensor of another device");
  check.that(write_npy(file, Tensor().view()).ok() && read_npy(file)->bytes() == 0,
      "a tensor that holds nothing is one of no elements");
}

PreprocessOptions with(const GeometryStep& step) {
  PreprocessOptions options;
  options.geometry = {step};
  return options;
}

void test_preprocessing(Checker& check) {
  const Image image = picture(6, 4);
  GeometryStep no_kind = CenterCrop{4, 4};
  no_kind.kind = static_cast<GeometryStep::Kind>(99);
  const std::vector<GeometryStep> steps{Resize{-1, 0, 0, 0, Interpolation::bilinear},
      Resize{0, 0, -4, 4, Interpolation::nearest}, Resize{kMostInt, 0, 0, 0, Interpolation::bicubic},
      Resize{0, 0, kMostInt, kMostInt, Interpolation::bilinear}, Resize{4, 4, 0, 0, Interpolation::bilinear},
      Resize{4, 0, 0, 0, static_cast<Interpolation>(99)}, CenterCrop{0, 4}, CenterCrop{-4, 4},
      CenterCrop{kMostInt, kMostInt}, no_kind};
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const PreprocessOptions options = with(steps[i]);
    const std::string what = "geometry " + std::to_string(i);
    (void)scaled_decoding(options);
    check.that(!quiet([&] { return apply_geometry(image, options.geometry); }, "apply_geometry", check).ok(), what);
    check.that(!quiet([&] { return preprocess(image, options); }, "preprocess", check).ok(), what + ", a picture");
    check.that(!quiet([&] { return Preprocessor(options).dims(image); }, "dims", check).ok(), what + ", its size");
  }
  const float inf = std::numeric_limits<float>::infinity();
  for (const float wrong : {0.0F, inf, std::nanf("")}) {
    PreprocessOptions options;
    options.normalize = true;
    options.std[1] = wrong;
    check.fails(
        preprocess(image, options), ErrorCode::invalid_argument, "channel 1", "a std of " + std::to_string(wrong));
    options.std[1] = 1.0F;
    options.mean[2] = wrong;
    check.that(preprocess(image, options).ok() == (wrong == 0.0F), "a mean of " + std::to_string(wrong));
  }
  check.fails(preprocess(std::vector<Image>()), ErrorCode::invalid_argument, "empty", "a batch of nothing");
}

void test_preprocessors(Checker& check) {
  const Image image = picture(6, 4);
  std::vector<float> out(std::size_t{3} * 6 * 4);
  const TensorView view = view_of(out.data(), Dims{1, 3, 4, 6});
  const PreprocessOptions options;
  for (const int threads : {200000, kMostInt, 0, -1}) {
    Preprocessor wrong(options, threads);
    check.fails(wrong.run(image, view), ErrorCode::invalid_argument,
        "from 1 to 1024, got " + std::to_string(threads), "threads");
    check.fails(wrong.dims(image), ErrorCode::invalid_argument, "got " + std::to_string(threads),
        "threads, asked for the size");
  }
  Preprocessor first(options);
  Preprocessor second(std::move(first));
  check.fails(first.run(image, view), ErrorCode::invalid_argument, "moved from",
      "a Preprocessor that was moved from");  // NOLINT: on purpose
  check.fails(first.dims(image), ErrorCode::invalid_argument, "moved from",
      "the size by one that was moved from");  // NOLINT: on purpose
  check.that(second.run(image, view).ok(), "the one that it was moved to");
  check.fails(second.run(Span<const Image>(nullptr, 3), view), ErrorCode::invalid_argument, "empty",
      "three pictures at a null pointer");
  for (const Dims& bad : {Dims{}, Dims{0}, Dims{-1, 3, 4, 6}, Dims{1, 3, 4}, Dims{kMostElements, 3, 4, 6}}) {
    check.fails(second.run(image, view_of(out.data(), bad)), ErrorCode::invalid_argument, "1x3x4x6",
        "a buffer of " + to_string(bad));
  }
}

}  // namespace
}  // namespace {= name =}::test

int main() {
  {= name =}::test::Checker check;
  const {= name =}::test::Scratch scratch("hostile");
  {= name =}::test::test_dims(check);
  {= name =}::test::test_tensors(check);
  {= name =}::test::test_pictures(scratch.folder(), check);
  {= name =}::test::test_arrays(scratch.folder(), check);
  {= name =}::test::test_preprocessing(check);
  {= name =}::test::test_preprocessors(check);
  return check.exit_code();
}
