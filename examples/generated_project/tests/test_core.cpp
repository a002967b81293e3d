// Files and tensors: round trips, and one clear error for everything that is not what it should be.
#include <cmath>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "sample/assets.hpp"
#include "sample/image.hpp"
#include "sample/npy.hpp"
#include "sample/preprocess.hpp"
#include "sample/processors.hpp"

#include "check.hpp"
#include "exact_math.hpp"
#include "golden_cases.hpp"

namespace sample::test {
namespace {

namespace fs = std::filesystem;

std::string read_bytes(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

fs::path write_bytes(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
  return file;
}

void test_npy(const fs::path& folder, Checker& check) {
  Tensor tensor(DType::float32, Dims{2, 3});
  for (int i = 0; i < 6; ++i) {
    tensor.data_as<float>()[i] = 0.5F * static_cast<float>(i);
  }
  const fs::path file = folder / "a.npy";
  check.that(write_npy(file, tensor.view()).ok(), "write_npy");
  const Result<Tensor> read = read_npy(file);
  check.that(
      read.ok() && read->dims() == tensor.dims() && std::memcmp(read->data(), tensor.data(), tensor.bytes()) == 0,
      "a .npy file reads back as it was written");

  const std::string bytes = read_bytes(file);
  check.fails(read_npy(folder / "missing.npy"), ErrorCode::not_found, "missing.npy", "a .npy that is not there");
  check.fails(read_npy(write_bytes(folder / "short.npy", bytes.substr(0, bytes.size() - 1))), ErrorCode::bad_file,
      "short.npy", "a truncated .npy");
  check.fails(read_npy(write_bytes(folder / "header.npy", bytes.substr(0, 20))), ErrorCode::bad_file, "header.npy",
      "a .npy that ends in its header");
  check.fails(
      read_npy(write_bytes(folder / "text.npy", "hello")), ErrorCode::bad_file, "text.npy", "a text named .npy");
}

void test_raw(const fs::path& folder, Checker& check) {
  const fs::path file = write_bytes(folder / "a.dat", std::string(24, '\0'));
  const Result<Tensor> read = read_raw(file, DType::float32, Dims{2, 3});
  check.that(read.ok() && read->dims() == Dims{2, 3}, "a headerless file of the right size");
  check.fails(
      read_raw(file, DType::float32, Dims{2, 4}), ErrorCode::bad_file, "32", "a headerless file of the wrong size");
}

// A picture that is read where another one was: the same pixels, and none after a failure.
void test_memory_used_again(const fs::path& file, const fs::path& bad, const Image& expected, Checker& check) {
  const std::string name = file.filename().string();
  Image image{999, 7, std::vector<std::uint8_t>(std::size_t{999} * 7 * 3, std::uint8_t{77})};
  check.that(read_image(file, {}, image).ok() && image.width == expected.width && image.height == expected.height &&
          image.pixels == expected.pixels,
      name + " in used memory");
  check.that(!read_image(bad, {}, image).ok() && image.width == 0 && image.height == 0 && image.pixels.empty(),
      name + ": a picture is left after a failure");
}

void test_images(const fs::path& folder, Checker& check) {
  check.fails(read_image(folder / "missing.png"), ErrorCode::not_found, "missing.png", "a picture that is not there");
  check.fails(read_image(write_bytes(folder / "text.jpg", "this is no picture")), ErrorCode::bad_file, "text.jpg",
      "a text named .jpg");
  check.fails(read_image(write_bytes(folder / "empty.png", "")), ErrorCode::bad_file, "empty.png", "an empty file");

  for (const PixelCase& pixels : pixel_cases()) {
    const std::string bytes = read_bytes(golden(pixels.image));
    const std::string extension = fs::path(pixels.image).extension().string();
    const Result<Image> whole = read_image(golden(pixels.image));
    if (!whole && whole.error().code == ErrorCode::unsupported) {
      continue;  // a build without this format
    }
    if (!check.that(whole.ok(), whole.ok() ? "" : whole.error().message)) {
      continue;
    }
    const fs::path cut = write_bytes(folder / ("truncated" + extension), bytes.substr(0, bytes.size() / 2));
    check.fails(read_image(cut), ErrorCode::bad_file, "truncated" + extension, "half of " + pixels.image);
    test_memory_used_again(golden(pixels.image), cut, *whole, check);
    DecodeOptions eighth;
    eighth.least_shorter = 1;
    const Result<Image> small = read_image(golden(pixels.image), eighth);
    const int divisor = extension == ".jpg" && whole->width >= 8 && whole->height >= 8 ? 8 : 1;
    check.that(small.ok() && small->width == (whole->width + divisor - 1) / divisor &&
            small->height == (whole->height + divisor - 1) / divisor,
        "the least size of " + pixels.image);
  }

  Image dot;
  dot.width = 1;
  dot.height = 1;
  dot.pixels = {10, 20, 30};
  const fs::path file = folder / "dot.ppm";
  check.that(write_ppm(file, dot).ok(), "write_ppm");
  const Result<Image> read = read_image(file);
  check.that(read.ok() && read->pixels == dot.pixels, "a picture of one pixel reads back");
  const Result<Tensor> tensor = preprocess(dot);
  check.that(tensor.ok() || !tensor.error().message.empty(), "a picture of one pixel gives a tensor or a clear error");
}

void test_conversions(Checker& check) {
  check.that(float_to_half(1.0F) == 0x3C00U && half_to_float(0x3C00U) == 1.0F, "half of 1");
  check.that(float_to_bfloat16(1.0F) == 0x3F80U && bfloat16_to_float(0x3F80U) == 1.0F, "bfloat16 of 1");
  for (unsigned bits = 0; bits < 0x10000U; ++bits) {
    const auto pattern = static_cast<std::uint16_t>(bits);
    const float half = half_to_float(pattern);
    const float brain = bfloat16_to_float(pattern);
    if ((!std::isnan(half) && float_to_half(half) != pattern) ||
        (!std::isnan(brain) && float_to_bfloat16(brain) != pattern)) {
      check.that(false, "16-bit pattern " + std::to_string(bits) + " does not survive the way to float and back");
      break;
    }
  }
}

// Of a container: half a processor, as the kernel tells it below `root`.
void test_processors(const fs::path& root, Checker& check) {
  const int all = available_processors();
  check.that(all >= 1 && all <= processors_in_affinity(), "processors of this process");
  check.that(online_processors() >= 1, "processors of this machine");
  fs::create_directories(root / "proc/self");
  fs::create_directories(root / "sys/fs/cgroup");
  write_bytes(root / "proc/self/cgroup", "0::/\n");
  write_bytes(root / "proc/self/mountinfo", "31 23 0:27 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n");
  check.that(available_processors(root) == processors_in_affinity(), "processors without a quota");
  write_bytes(root / "sys/fs/cgroup/cpu.max", "50000 100000\n");
  check.that(available_processors(root) == 1, "processors with a quota of half of one");
}

}  // namespace
}  // namespace sample::test

int main() {
  sample::test::Checker check;
  const sample::test::Scratch scratch("core");
  const std::filesystem::path& folder = scratch.folder();
  sample::test::test_npy(folder, check);
  sample::test::test_raw(folder, check);
  sample::test::test_images(folder, check);
  sample::test::test_conversions(check);
  sample::test::test_processors(folder / "root", check);
  check.fails(sample::find_asset("no such asset"), sample::ErrorCode::not_found, "no such asset",
      "an asset that is not there");
  return check.exit_code();
}
