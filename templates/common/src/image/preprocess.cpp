// cmake/exact_math.cmake compiles this with -ffp-contract=off: x * (1 / 255) - mean must not become one fused
// operation, which would round once less than torch does.

#include "{= name =}/preprocess.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "{= name =}/processors.hpp"

#include "exact_math.hpp"
#include "image/image_codecs.hpp"
#include "image/image_view.hpp"
#include "image/pad_grayscale.hpp"
#include "image/resize.hpp"
#include "image/workers.hpp"

namespace {= name =} {
namespace {

using detail::Size;
using detail::Window;

std::string describe(const Size& size) { return std::to_string(size.width) + "x" + std::to_string(size.height); }

Size size_of(const ImageView& image) { return {image.height, image.width}; }

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

Result<void> check(const CenterCrop& crop) {
  if (crop.height < 1 || crop.width < 1 || std::int64_t{crop.height} * crop.width > detail::kMaxPixels) {
    return invalid("cannot crop to " + describe({crop.height, crop.width}));
  }
  return {};
}

// A resize with the crop that follows it, or one of the two: a part of the resized picture, and where it lies in a
// result that is black elsewhere. Or a padding, or a conversion to grey, of the whole picture.
struct Stage {
  Size resized;
  detail::ResizeMethod method;
  Window kept;
  Size out;
  int top = 0;
  int left = 0;
  const Pad* padding = nullptr;
  bool grey = false;

  [[nodiscard]] bool pads() const { return kept.height != out.height || kept.width != out.width; }
};

Stage whole(const Size& size, const detail::ResizeMethod& method = {}) {
  return {size, method, {0, 0, size.height, size.width}, size, 0, 0, nullptr, false};
}

void crop(Stage& stage, const CenterCrop& crop) {
  const CropPlan plan = plan_crop(stage.resized, crop);
  stage.kept = plan.kept;
  stage.out = {crop.height, crop.width};
  stage.top = plan.top;
  stage.left = plan.left;
}

// The stage that begins with geometry[i], for a picture of size `in`; moves i behind it.
Result<Stage> next_stage(const Size& in, const std::vector<GeometryStep>& geometry, std::size_t& i) {
  Stage stage = whole(in);
  const std::size_t begin = i;
  if (geometry[i].kind == GeometryStep::Kind::pad) {
    const Result<Size> size = detail::padded_size(in, geometry[i].padding);
    if (!size) {
      return size.error();
    }
    stage = whole(*size);
    stage.padding = &geometry[i++].padding;
    return stage;
  }
  if (geometry[i].kind == GeometryStep::Kind::grayscale) {
    stage.grey = true;
    ++i;
    return stage;
  }
  if (geometry[i].kind == GeometryStep::Kind::resize) {
    const Result<Size> size = resized(in, geometry[i].resize);
    if (!size) {
      return size.error();
    }
    stage = whole(*size, {geometry[i].resize.interpolation, geometry[i].resize.resampling});
    ++i;
  }
  if (i < geometry.size() && geometry[i].kind == GeometryStep::Kind::center_crop) {
    if (const Result<void> checked = check(geometry[i].crop); !checked) {
      return checked.error();
    }
    crop(stage, geometry[i].crop);
    ++i;
  }
  if (i == begin || stage.method.interpolation > Interpolation::nearest_exact ||
      stage.method.resampling > Resampling::torch_no_antialias) {
    return invalid("step " + std::to_string(begin) +
        " of the geometry is of no kind, or its interpolation or resampling is of none");
  }
  return stage;
}

// Rows into a picture, in the order that they have, or with red and blue swapped.
class ImageSink final : public detail::RowSink {
 public:
  ImageSink(const Stage& stage, Image& out, bool swaps = false) : stage_(&stage), out_(&out), swaps_(swaps) {
    out.width = stage.out.width;
    out.height = stage.out.height;
    out.pixels.resize(detail::rgb_bytes(out.height, out.width));
    if (stage.pads()) {
      std::fill(out.pixels.begin(), out.pixels.end(), std::uint8_t{0});
    }
  }

  void row(int y, const std::uint8_t* pixels) override {
    const std::size_t start = detail::rgb_bytes(stage_->top + y, out_->width) + detail::rgb_bytes(1, stage_->left);
    std::uint8_t* const out = out_->pixels.data() + start;
    if (swaps_) {
      detail::swap_red_and_blue(pixels, static_cast<std::size_t>(stage_->kept.width), out);
    } else {
      std::memcpy(out, pixels, detail::rgb_bytes(1, stage_->kept.width));
    }
  }

 private:
  const Stage* stage_;
  Image* out_;
  bool swaps_;
};

// The value of each level of each channel: the same operations as torch's, in float32, each rounded.
class Levels {
 public:
  explicit Levels(const PreprocessOptions& options) : channels_(static_cast<std::size_t>(options.channels)) {
    constexpr auto kScale = static_cast<float>(1.0 / 255.0);
    for (std::size_t channel = 0; channel < table_.size(); ++channel) {
      for (std::size_t i = 0; i < 256; ++i) {
        const auto level = static_cast<float>(i);
        float value = options.rescale == Rescale::divide ? level / 255.0F : level * kScale;
        if (options.normalize) {
          value = value - options.mean[channel];
          value = value / options.std[channel];
        }
        table_[channel][i] = value;
      }
    }
  }

  // `count` pixels into planes that lie `plane` floats apart: three, or that of red alone.
  void convert(
      const std::uint8_t* pixel, std::size_t count, PixelFormat order, float* red, std::size_t plane) const {
    const std::size_t red_at = order == PixelFormat::bgr ? 2 : 0;
    const std::size_t blue_at = 2 - red_at;
    if (channels_ == 1) {
      for (std::size_t i = 0; i < count; ++i, pixel += 3) {
        red[i] = table_[0][pixel[red_at]];
      }
      return;
    }
    float* green = red + plane;
    float* blue = green + plane;
    for (std::size_t i = 0; i < count; ++i, pixel += 3) {
      red[i] = table_[0][pixel[red_at]];
      green[i] = table_[1][pixel[1]];
      blue[i] = table_[2][pixel[blue_at]];
    }
  }

  [[nodiscard]] float black(std::size_t channel) const { return table_[channel][0]; }
  [[nodiscard]] std::size_t channels() const { return channels_; }

 private:
  std::size_t channels_;
  std::array<std::array<float, 256>, 3> table_{};
};

// Rows into the planes of a tensor.
class PlaneSink final : public detail::RowSink {
 public:
  PlaneSink(const Stage& stage, PixelFormat order, const Levels& levels, float* out)
      : stage_(&stage),
        order_(order),
        levels_(&levels),
        out_(out),
        plane_(detail::rgb_bytes(stage.out.height, stage.out.width) / 3) {
    for (std::size_t channel = 0; stage.pads() && channel < levels.channels(); ++channel) {
      std::fill_n(out + channel * plane_, plane_, levels.black(channel));
    }
  }

  void row(int y, const std::uint8_t* pixels) override {
    const auto width = static_cast<std::size_t>(stage_->out.width);
    float* red = out_ + static_cast<std::size_t>(stage_->top + y) * width + static_cast<std::size_t>(stage_->left);
    levels_->convert(pixels, static_cast<std::size_t>(stage_->kept.width), order_, red, plane_);
  }

 private:
  const Stage* stage_;
  PixelFormat order_;  // of the rows
  const Levels* levels_;
  float* out_;
  std::size_t plane_;
};

// What one thread keeps from picture to picture.
struct Bench {
  detail::ResizeBuffers resize;
  detail::PadBuffers padding;
  std::array<Image, 2> between;
};

// A picture before its last stage.
struct Last {
  ImageView image;
  Stage stage;
};

// The rows of a stage have the order of the picture that they come from, which a resize leaves as it is; grey ones have
// any.
PixelFormat order_of(const Last& last) {
  return last.image.format == PixelFormat::bgr && !last.stage.grey ? PixelFormat::bgr : PixelFormat::rgb;
}

void finish(const Last& last, Bench& bench, detail::RowSink& sink) {
  const Stage& stage = last.stage;
  if (stage.padding != nullptr) {
    detail::pad_rows(last.image, *stage.padding, bench.padding, sink);
  } else if (stage.grey) {
    detail::grey_rows(last.image, bench.padding, sink);
  } else {
    detail::resize_window(last.image, stage.resized, stage.method, stage.kept, bench.resize, sink);
  }
}

// Every stage but the last.
template <typename Picture>
Result<Last> all_but_last(const Picture& image, const std::vector<GeometryStep>& geometry, Bench& bench) {
  const Result<ImageView> view = detail::checked_view(image);
  if (!view) {
    return view.error();
  }
  Last last{*view, whole(size_of(*view))};
  std::size_t buffer = 0;
  for (std::size_t i = 0; i < geometry.size();) {
    const Result<Stage> stage = next_stage(size_of(last.image), geometry, i);
    if (!stage) {
      return stage.error();
    }
    last.stage = *stage;
    if (i < geometry.size()) {
      Image& out = bench.between[buffer];
      ImageSink sink(last.stage, out);
      finish(last, bench, sink);
      const PixelFormat order = order_of(last);
      last.image = *detail::checked_view(out);
      last.image.format = order;
      buffer = 1 - buffer;
    }
  }
  return last;
}

// The size that a picture comes out with.
template <typename Picture>
Result<Size> final_size(const Picture& image, const std::vector<GeometryStep>& geometry) {
  const Result<ImageView> view = detail::checked_view(image);
  if (!view) {
    return view.error();
  }
  Size size = size_of(*view);
  for (std::size_t i = 0; i < geometry.size();) {
    const Result<Stage> stage = next_stage(size, geometry, i);
    if (!stage) {
      return stage.error();
    }
    size = stage->out;
  }
  return size;
}

Result<void> check(const PreprocessOptions& options) {
  if (options.channels != 1 && options.channels != 3) {
    return invalid("a tensor of a picture has 1 or 3 channels, not " + std::to_string(options.channels));
  }
  for (std::size_t c = 0; options.normalize && c < static_cast<std::size_t>(options.channels); ++c) {
    if (options.std[c] == 0.0F || !std::isfinite(options.std[c]) || !std::isfinite(options.mean[c])) {
      return invalid("mean and std of channel " + std::to_string(c) + " are " + std::to_string(options.mean[c]) +
          " and " + std::to_string(options.std[c]) + ": both must be finite, and std not 0");
    }
  }
  return {};
}

std::string of_batch(std::size_t i, std::size_t count) {
  return count > 1 ? "picture " + std::to_string(i) + ": " : std::string();
}

// All pictures have to come out with one size.
template <typename Picture>
Result<Size> common_size(const Picture* images, std::size_t count, const PreprocessOptions& options) {
  if (count == 0) {
    return invalid("the batch is empty");
  }
  if (const Result<void> checked = check(options); !checked) {
    return checked.error();
  }
  Size first;
  for (std::size_t i = 0; i < count; ++i) {
    const Result<Size> size = final_size(images[i], options.geometry);
    if (!size) {
      return Error{size.error().code, of_batch(i, count) + size.error().message};
    }
    if (i == 0) {
      first = *size;
    } else if (size->height != first.height || size->width != first.width) {
      return invalid("picture " + std::to_string(i) + " comes out as " + describe(*size) + ", picture 0 as " +
          describe(first) + ": a batch needs one size");
    }
  }
  return first;
}

template <typename Picture>
Result<void> fill(
    const Picture& image, const PreprocessOptions& options, const Levels& levels, Bench& bench, float* out) {
  const Result<Last> last = all_but_last(image, options.geometry, bench);
  if (!last) {
    return last.error();
  }
  PlaneSink sink(last->stage, order_of(*last), levels, out);
  finish(*last, bench, sink);
  return {};
}

// Floats of one picture's part of a tensor.
std::size_t floats_of(const Size& size, const PreprocessOptions& options) {
  return detail::rgb_bytes(size.height, size.width) / 3 * static_cast<std::size_t>(options.channels);
}

template <typename Picture>
Result<Tensor> run_batch(const Picture* images, std::size_t count, const PreprocessOptions& options) {
  const Result<Size> size = common_size(images, count, options);
  if (!size) {
    return size.error();
  }
  Tensor tensor(DType::float32, Dims{static_cast<std::int64_t>(count), options.channels, size->height, size->width});
  const Levels levels(options);
  Bench bench;
  for (std::size_t i = 0; i < count; ++i) {
    if (Result<void> filled =
            fill(images[i], options, levels, bench, tensor.data_as<float>() + i * floats_of(*size, options));
        !filled) {
      return filled.error();
    }
  }
  return tensor;
}

template <typename Picture>
Result<Image> geometry_of(const Picture& image, const std::vector<GeometryStep>& geometry) {
  return guarded<Image>([&]() -> Result<Image> {
    Bench bench;
    const Result<Last> last = all_but_last(image, geometry, bench);
    if (!last) {
      return last.error();
    }
    Image out;
    ImageSink sink(last->stage, out, order_of(*last) == PixelFormat::bgr);
    finish(*last, bench, sink);
    return out;
  });
}

template <typename Picture>
Result<void> planes_of(const Picture& image, const PreprocessOptions& options, float* out) {
  return guarded<void>([&]() -> Result<void> {
    if (Result<void> checked = check(options); !checked) {
      return checked;
    }
    Bench bench;
    const Result<Last> last = all_but_last(image, {}, bench);
    if (!last) {
      return last.error();
    }
    if (out == nullptr) {
      return invalid("a null pointer was given for the floats of a picture");
    }
    const Levels levels(options);
    PlaneSink sink(last->stage, order_of(*last), levels, out);
    finish(*last, bench, sink);
    return {};
  });
}

}  // namespace

DecodeOptions scaled_decoding(const PreprocessOptions& options) {
  DecodeOptions decode;
  const auto grey = [](const GeometryStep& step) { return step.kind == GeometryStep::Kind::grayscale; };
  const auto step = std::find_if_not(options.geometry.begin(), options.geometry.end(), grey);
  if (step == options.geometry.end() || step->kind != GeometryStep::Kind::resize) {
    return decode;
  }
  const Resize& first = step->resize;
  if (first.shorter > 0) {
    decode.least_shorter = first.shorter;
  } else {
    decode.least_width = first.width;
    decode.least_height = first.height;
  }
  return decode;
}

Result<Image> apply_geometry(const Image& image, const std::vector<GeometryStep>& geometry) {
  return geometry_of(image, geometry);
}

Result<Image> apply_geometry(const ImageView& image, const std::vector<GeometryStep>& geometry) {
  return geometry_of(image, geometry);
}

Result<void> to_chw(const Image& image, const PreprocessOptions& options, float* out) {
  return planes_of(image, options, out);
}

Result<void> to_chw(const ImageView& image, const PreprocessOptions& options, float* out) {
  return planes_of(image, options, out);
}

Result<Tensor> preprocess(const Image& image, const PreprocessOptions& options) {
  return guarded<Tensor>([&] { return run_batch(&image, 1, options); });
}

Result<Tensor> preprocess(const std::vector<Image>& images, const PreprocessOptions& options) {
  return guarded<Tensor>([&] { return run_batch(images.data(), images.size(), options); });
}

Result<Tensor> preprocess(const ImageView& image, const PreprocessOptions& options) {
  return guarded<Tensor>([&] { return run_batch(&image, 1, options); });
}

Result<Tensor> preprocess(Span<const ImageView> images, const PreprocessOptions& options) {
  return guarded<Tensor>([&] { return run_batch(images.begin(), images.size(), options); });
}

struct Preprocessor::State {
  explicit State(PreprocessOptions wanted) : options(std::move(wanted)), levels(options) {}

  [[nodiscard]] Result<void> start(int threads) {
    if (threads < 1 || threads > kMaxThreads) {
      return invalid("Preprocessor: threads must be from 1 to " + std::to_string(kMaxThreads) + ", got " +
          std::to_string(threads));
    }
    try {
      workers.emplace(threads);
    } catch (const std::system_error& e) {
      return Error{
          ErrorCode::unsupported, "Preprocessor: cannot start " + std::to_string(threads) + " threads: " + e.what()};
    }
    benches.resize(workers->count());
    return {};
  }

  PreprocessOptions options;
  Levels levels;
  Result<void> started;
  std::optional<detail::Workers> workers;
  std::vector<Bench> benches;          // one a thread
  std::vector<Result<void>> outcomes;  // one a picture
};

Preprocessor::Preprocessor(PreprocessOptions options, int threads) {
  try {
    state_ = std::make_unique<State>(std::move(options));
    state_->started = state_->start(threads);
  } catch (const std::bad_alloc&) {
    state_.reset();
  }
}
Preprocessor::Preprocessor(Preprocessor&&) noexcept = default;
Preprocessor& Preprocessor::operator=(Preprocessor&&) noexcept = default;
Preprocessor::~Preprocessor() = default;

Result<void> Preprocessor::usable() const {
  return state_ == nullptr ? invalid("this Preprocessor was moved from, or there was no memory for it")
                           : state_->started;
}

template <typename Picture>
Result<Dims> Preprocessor::dims_of(const Picture& image) const {
  return guarded<Dims>([&]() -> Result<Dims> {
    if (const Result<void> ready = usable(); !ready) {
      return ready.error();
    }
    const Result<Size> size = common_size(&image, 1, state_->options);
    return size ? Result<Dims>(Dims{1, state_->options.channels, size->height, size->width})
                : Result<Dims>(size.error());
  });
}

Result<Dims> Preprocessor::dims(const Image& image) const { return dims_of(image); }

Result<Dims> Preprocessor::dims(const ImageView& image) const { return dims_of(image); }

template <typename Picture>
Result<void> Preprocessor::run_all(Span<const Picture> images, const TensorView& out) {
  return guarded<void>([&]() -> Result<void> {
    if (const Result<void> ready = usable(); !ready) {
      return ready;
    }
    State& state = *state_;
    const Result<Size> size = common_size(images.begin(), images.size(), state.options);
    if (!size) {
      return size.error();
    }
    const Dims wanted{static_cast<std::int64_t>(images.size()), state.options.channels, size->height, size->width};
    if (out.data == nullptr || out.dtype != DType::float32 || out.device != Device::cpu || out.dims != wanted) {
      return invalid("the pictures come out as float32 " + to_string(wanted) + " on the CPU, the tensor for them is " +
          to_string(out.dtype) + " " + to_string(out.dims) + (out.device == Device::cpu ? "" : " on another device") +
          (out.data == nullptr ? " without memory" : ""));
    }
    auto* planes = static_cast<float*>(out.data);
    const std::size_t floats = floats_of(*size, state.options);
    state.outcomes.assign(images.size(), Result<void>());
    auto one = [&](std::size_t item, std::size_t worker) {
      state.outcomes[item] = guarded<void>([&] {
        return fill(images[item], state.options, state.levels, state.benches[worker], planes + item * floats);
      });
    };
    state.workers->run(images.size(), one);
    for (std::size_t i = 0; i < images.size(); ++i) {
      if (const Result<void>& outcome = state.outcomes[i]; !outcome) {
        return Error{outcome.error().code, of_batch(i, images.size()) + outcome.error().message};
      }
    }
    return {};
  });
}

Result<void> Preprocessor::run(const Image& image, const TensorView& out) { return run(Span<const Image>(image), out); }

Result<void> Preprocessor::run(Span<const Image> images, const TensorView& out) { return run_all(images, out); }

Result<void> Preprocessor::run(const ImageView& image, const TensorView& out) {
  return run(Span<const ImageView>(image), out);
}

Result<void> Preprocessor::run(Span<const ImageView> images, const TensorView& out) { return run_all(images, out); }

}  // namespace {= name =}
