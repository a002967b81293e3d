// This file is compiled with -ffp-contract=off, as resize.cpp is: x * (1 / 255) - mean must not become
// one fused operation, which would round once less than torch does.

#include "{= name =}/preprocess.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "image_codecs.hpp"
#include "resize.hpp"

namespace {= name =} {
namespace {

using detail::Size;
using detail::Window;

std::string describe(const Size& size) { return std::to_string(size.width) + "x" + std::to_string(size.height); }

Size size_of(const Image& image) { return {image.height, image.width}; }

Error invalid(const std::string& what) { return Error{ErrorCode::invalid_argument, what}; }

// Runs `body` and turns running out of memory into an Error.
template <typename T, typename Body>
Result<T> guarded(const Body& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::unsupported, "not enough memory for this picture"};
  } catch (const std::exception& e) {
    return Error{ErrorCode::unsupported, e.what()};
  }
}

Result<void> check(const Image& image) {
  if (image.width < 1 || image.height < 1) {
    return invalid("the picture is empty (" + describe(size_of(image)) + ")");
  }
  const std::size_t needed = detail::rgb_bytes(image.height, image.width);
  if (image.pixels.size() != needed) {
    return invalid("a picture of " + describe(size_of(image)) + " needs " + std::to_string(needed) + " bytes, not " +
                   std::to_string(image.pixels.size()));
  }
  return {};
}

Result<Size> checked_size(std::int64_t height, std::int64_t width) {
  const std::string text = std::to_string(width) + "x" + std::to_string(height);
  if (height < 1 || width < 1) {
    return invalid("cannot resize to " + text + ": both sides must be at least 1");
  }
  if (height > detail::kMaxPixels || width > detail::kMaxPixels || height * width > detail::kMaxPixels) {
    const std::string limit = std::to_string(detail::kMaxPixels);
    return Error{ErrorCode::unsupported, "resizing to " + text + " is beyond the limit of " + limit + " pixels"};
  }
  return Size{static_cast<int>(height), static_cast<int>(width)};
}

// The size that torchvision's Resize gives a picture.
Result<Size> resized(const Size& in, const Resize& step) {
  if (step.shorter <= 0) {
    return checked_size(step.height, step.width);
  }
  if (step.max_size > 0 && step.max_size <= step.shorter) {
    return invalid("max_size " + std::to_string(step.max_size) + " must be above the shorter side's " +
                   std::to_string(step.shorter));
  }
  const bool portrait = in.width <= in.height;
  const std::int64_t in_short = portrait ? in.width : in.height;
  const std::int64_t in_long = portrait ? in.height : in.width;
  // Python truncates the quotient; these are positive, so integer division does the same.
  std::int64_t out_short = step.shorter;
  std::int64_t out_long = out_short * in_long / in_short;
  if (step.max_size > 0 && out_long > step.max_size) {
    out_short = step.max_size * out_short / out_long;
    out_long = step.max_size;
  }
  return portrait ? checked_size(out_long, out_short) : checked_size(out_short, out_long);
}

// Where a centre crop starts along one axis; negative: that many zeros come first.
int crop_start(int in_size, int crop_size) {
  if (crop_size > in_size) {
    return -((crop_size - in_size) / 2);
  }
  const int margin = in_size - crop_size;
  const int half = margin / 2;
  return margin % 2 != 0 && half % 2 != 0 ? half + 1 : half;  // Python rounds half to even
}

// A centre crop: the part of the picture that it keeps, and where that lies in the result.
struct CropPlan {
  Window kept;
  int top = 0;
  int left = 0;
};

CropPlan plan_crop(const Size& in, const CenterCrop& crop) {
  const int top = crop_start(in.height, crop.height);
  const int left = crop_start(in.width, crop.width);
  CropPlan plan;
  plan.kept.top = std::max(top, 0);
  plan.kept.left = std::max(left, 0);
  plan.kept.height = std::min(in.height, crop.height);
  plan.kept.width = std::min(in.width, crop.width);
  plan.top = std::max(-top, 0);
  plan.left = std::max(-left, 0);
  return plan;
}

// Puts the kept part into a black picture of the crop's size.
Image padded(Image kept, const CropPlan& plan, const CenterCrop& crop) {
  if (kept.height == crop.height && kept.width == crop.width) {
    return kept;
  }
  Image result{crop.width, crop.height, {}};
  result.pixels.resize(detail::rgb_bytes(crop.height, crop.width));
  const std::size_t row_bytes = detail::rgb_bytes(1, kept.width);
  const std::uint8_t* in = kept.pixels.data();
  for (int y = 0; y < kept.height; ++y, in += row_bytes) {
    const std::size_t start = detail::rgb_bytes(plan.top + y, crop.width) + detail::rgb_bytes(1, plan.left);
    std::memcpy(result.pixels.data() + start, in, row_bytes);
  }
  return result;
}

Result<void> check(const CenterCrop& crop) {
  if (crop.height < 1 || crop.width < 1 || std::int64_t{crop.height} * crop.width > detail::kMaxPixels) {
    return invalid("cannot crop to " + describe({crop.height, crop.width}));
  }
  return {};
}

// A resize, with the crop that follows it if there is one.
Result<Image> resize_and_crop(const Image& image, const Resize& step, const CenterCrop* crop) {
  const Result<Size> size = resized(size_of(image), step);
  if (!size) {
    return size.error();
  }
  if (crop == nullptr) {
    return detail::resize_window(image, *size, step.interpolation, {0, 0, size->height, size->width});
  }
  const CropPlan plan = plan_crop(*size, *crop);
  return padded(detail::resize_window(image, *size, step.interpolation, plan.kept), plan, *crop);
}

Image center_crop(const Image& image, const CenterCrop& crop) {
  const CropPlan plan = plan_crop(size_of(image), crop);
  return padded(detail::resize_window(image, size_of(image), Interpolation::nearest, plan.kept), plan, crop);
}

Result<Image> run_geometry(const Image& image, const std::vector<GeometryStep>& geometry) {
  if (const Result<void> checked = check(image); !checked) {
    return checked.error();
  }
  Image current;
  const Image* in = &image;  // the caller's picture is not copied
  for (std::size_t i = 0; i < geometry.size(); ++i) {
    const GeometryStep& step = geometry[i];
    const bool resizes = step.kind == GeometryStep::Kind::resize;
    const bool crop_follows = resizes && i + 1 < geometry.size() && geometry[i + 1].kind == GeometryStep::Kind::center_crop;
    const CenterCrop* crop = crop_follows ? &geometry[i + 1].crop : (resizes ? nullptr : &step.crop);
    if (crop != nullptr) {
      if (const Result<void> checked = check(*crop); !checked) {
        return checked.error();
      }
    }
    Result<Image> next = resizes ? resize_and_crop(*in, step.resize, crop) : Result<Image>(center_crop(*in, *crop));
    if (!next) {
      return next;
    }
    current = std::move(next).value();
    in = &current;
    i += crop_follows ? 1 : 0;
  }
  if (in == &image) {
    return image;
  }
  return current;
}

Result<void> check(const PreprocessOptions& options) {
  for (std::size_t c = 0; options.normalize && c < options.std.size(); ++c) {
    if (options.std[c] == 0.0F) {
      return invalid("std of channel " + std::to_string(c) + " is 0");
    }
  }
  return {};
}

Result<Tensor> run_batch(const Image* images, std::size_t count, const PreprocessOptions& options) {
  if (count == 0) {
    return invalid("the batch is empty");
  }
  if (const Result<void> checked = check(options); !checked) {
    return checked.error();
  }
  Tensor tensor;
  Size first;
  for (std::size_t i = 0; i < count; ++i) {
    const Result<Image> image = run_geometry(images[i], options.geometry);
    const std::string name = "picture " + std::to_string(i);
    if (!image) {
      return Error{image.error().code, (count > 1 ? name + ": " : "") + image.error().message};
    }
    const Size size = size_of(*image);
    if (i == 0) {
      first = size;
      tensor = Tensor(DType::float32, Dims{static_cast<std::int64_t>(count), 3, size.height, size.width});
    } else if (size.height != first.height || size.width != first.width) {
      return invalid(name + " comes out as " + describe(size) + ", picture 0 as " + describe(first) +
                     ": a batch needs one size");
    }
    to_chw(*image, options, tensor.data_as<float>() + i * detail::rgb_bytes(size.height, size.width));
  }
  return tensor;
}

}  // namespace

Result<Image> apply_geometry(const Image& image, const std::vector<GeometryStep>& geometry) {
  return guarded<Image>([&] { return run_geometry(image, geometry); });
}

void to_chw(const Image& image, const PreprocessOptions& options, float* out) {
  // 256 values a channel: the same operations as torch's, in float32, each rounded.
  std::array<std::array<float, 256>, 3> table{};
  constexpr auto kScale = static_cast<float>(1.0 / 255.0);
  for (std::size_t channel = 0; channel < table.size(); ++channel) {
    for (std::size_t i = 0; i < 256; ++i) {
      const auto level = static_cast<float>(i);
      float value = options.rescale == Rescale::divide ? level / 255.0F : level * kScale;
      if (options.normalize) {
        value = value - options.mean[channel];
        value = value / options.std[channel];
      }
      table[channel][i] = value;
    }
  }
  const std::size_t count = std::min(image.pixels.size(), detail::rgb_bytes(image.height, image.width)) / 3;
  const std::uint8_t* pixel = image.pixels.data();
  float* red = out;
  float* green = out + count;
  float* blue = out + 2 * count;
  for (std::size_t i = 0; i < count; ++i, pixel += 3) {
    red[i] = table[0][pixel[0]];
    green[i] = table[1][pixel[1]];
    blue[i] = table[2][pixel[2]];
  }
}

Result<Tensor> preprocess(const Image& image, const PreprocessOptions& options) {
  return guarded<Tensor>([&] { return run_batch(&image, 1, options); });
}

Result<Tensor> preprocess(const std::vector<Image>& images, const PreprocessOptions& options) {
  return guarded<Tensor>([&] { return run_batch(images.data(), images.size(), options); });
}

}  // namespace {= name =}
