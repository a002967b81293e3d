// From a picture to the model's input tensor, as the model's own transforms do it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "image.hpp"
#include "result.hpp"
#include "tensor.hpp"

#include "sample/public.hpp"

namespace SAMPLE_PUBLIC sample {

enum class Interpolation : std::uint8_t {
  nearest,
  bilinear,
  bicubic,
  nearest_exact,
};

// Whose arithmetic a resize has, to the last bit.
enum class Resampling : std::uint8_t {
  pillow,              // of a PIL image: antialiased but for nearest, which nearest_exact is the same as
  torch,               // of a uint8 tensor in torch's integers, antialias=True
  torch_no_antialias,  // the same with antialias=False
};

// torchvision's Resize. With shorter > 0 the shorter side gets that many pixels, the aspect is kept, and
// max_size > 0 bounds the longer side; else the size is height x width.
struct Resize {
  int shorter = 0;
  int max_size = 0;
  int height = 0;
  int width = 0;
  Interpolation interpolation = Interpolation::bilinear;
  Resampling resampling = Resampling::pillow;
};

// torchvision's CenterCrop; pads with 0 where the picture is smaller.
struct CenterCrop {
  int height = 0;
  int width = 0;
};

enum class PadMode : std::uint8_t {
  constant,
  edge,       // the outermost pixel again and again
  reflect,    // the picture in reverse, without its outermost pixel
  symmetric,  // the picture in reverse
};

// torchvision's Pad: pixels added to each side.
struct Pad {
  int left = 0;
  int top = 0;
  int right = 0;
  int bottom = 0;
  PadMode mode = PadMode::constant;
  std::array<std::uint8_t, 3> fill{0, 0, 0};  // of PadMode::constant: red, green, blue
  // Of a tensor, reflect and symmetric do not reach beyond the picture; of a PIL image they go on, to and fro.
  bool of_tensor = false;
};

// torchvision's Grayscale on a PIL image; the picture stays RGB, with three equal channels.
struct Grayscale {};

struct GeometryStep {
  enum class Kind : std::uint8_t {
    resize,
    center_crop,
    pad,
    grayscale,
  };
  Kind kind = Kind::resize;
  Resize resize;
  CenterCrop crop;
  Pad padding;

  constexpr GeometryStep(const Resize& step) : kind(Kind::resize), resize(step) {}  // NOLINT: implicit on purpose
  constexpr GeometryStep(const CenterCrop& step)
      : kind(Kind::center_crop), crop(step) {}                                  // NOLINT: implicit on purpose
  constexpr GeometryStep(const Pad& step) : kind(Kind::pad), padding(step) {}   // NOLINT: implicit on purpose
  constexpr GeometryStep(const Grayscale& /*step*/) : kind(Kind::grayscale) {}  // NOLINT: implicit on purpose
};

// How uint8 becomes 0..1 in float32: x / 255 or x * float(1 / 255); they differ in the last bit.
enum class Rescale : std::uint8_t {
  divide,
  multiply,
};

struct PreprocessOptions {
  std::vector<GeometryStep> geometry = {};
  Rescale rescale = Rescale::divide;
  bool normalize = false;
  int channels = 3;  // of the tensor; 1: that of red, for pictures that Grayscale made grey
  std::array<float, 3> mean{0.0F, 0.0F, 0.0F};
  std::array<float, 3> std{1.0F, 1.0F, 1.0F};
};

// The options of this model's own transforms; see model_info.hpp.
[[nodiscard]] const PreprocessOptions& model_preprocess();

// How little of a JPEG may be decoded before such a preprocessing: no resize has to enlarge what it leaves. Where
// the picture is not resized first, all of it. Other pixels than without: see DecodeOptions.
[[nodiscard]] DecodeOptions scaled_decoding(const PreprocessOptions& options = model_preprocess());

// The steps on 8-bit pixels, bit-exact with Pillow and with torch. A resize that a crop follows computes only
// the pixels that the crop keeps.
[[nodiscard]] Result<Image> apply_geometry(const Image& image, const std::vector<GeometryStep>& geometry);

// A frame where it lies, whatever its format and stride: the same bits as of the RGB picture that it shows. Here as
// everywhere below; a stride that is negative or too small, or null, is ErrorCode::invalid_argument.
[[nodiscard]] Result<Image> apply_geometry(const ImageView& image, const std::vector<GeometryStep>& geometry);

// Rescale and normalise: writes options.channels x height x width floats (CHW) to `out`.
[[nodiscard]] Result<void> to_chw(const Image& image, const PreprocessOptions& options, float* out);
[[nodiscard]] Result<void> to_chw(const ImageView& image, const PreprocessOptions& options, float* out);

// Both steps for one picture: a float32 tensor of 1xCxHxW, C as in options.channels.
[[nodiscard]] Result<Tensor> preprocess(const Image& image, const PreprocessOptions& options = model_preprocess());
[[nodiscard]] Result<Tensor> preprocess(
    const ImageView& image, const PreprocessOptions& options = model_preprocess());

// A batch: every picture must come out with the same size. A float32 tensor of NxCxHxW.
[[nodiscard]] Result<Tensor> preprocess(
    const std::vector<Image>& images, const PreprocessOptions& options = model_preprocess());
[[nodiscard]] Result<Tensor> preprocess(
    Span<const ImageView> images, const PreprocessOptions& options = model_preprocess());

// Preprocesses pictures into memory of the caller, and keeps its buffers and threads: with pictures of one size it
// allocates nothing after the first. Equal pictures give equal bits, whatever the number of threads. For one
// caller at a time. Move-only. One that was moved from gives nothing but errors.
class Preprocessor {
 public:
  // `threads`, from 1 to 1024, work on the pictures of a batch, the caller's own among them. What is wrong with that,
  // such as threads that the system does not start, is the error of every call.
  explicit Preprocessor(PreprocessOptions options = model_preprocess(), int threads = 1);
  Preprocessor(Preprocessor&&) noexcept;
  Preprocessor& operator=(Preprocessor&&) noexcept;
  Preprocessor(const Preprocessor&) = delete;
  Preprocessor& operator=(const Preprocessor&) = delete;
  ~Preprocessor();

  // The dims that run() wants for one such picture: 1xCxHxW.
  [[nodiscard]] Result<Dims> dims(const Image& image) const;
  [[nodiscard]] Result<Dims> dims(const ImageView& image) const;

  // `out` is float32 NxCxHxW on the CPU, for N pictures which all come out as HxW.
  [[nodiscard]] Result<void> run(const Image& image, const TensorView& out);
  [[nodiscard]] Result<void> run(Span<const Image> images, const TensorView& out);
  [[nodiscard]] Result<void> run(const ImageView& image, const TensorView& out);
  [[nodiscard]] Result<void> run(Span<const ImageView> images, const TensorView& out);

 private:
  template <typename Picture>
  [[nodiscard]] Result<Dims> dims_of(const Picture& image) const;
  template <typename Picture>
  [[nodiscard]] Result<void> run_all(Span<const Picture> images, const TensorView& out);
  struct State;
  [[nodiscard]] Result<void> usable() const;
  std::unique_ptr<State> state_;
};

}  // namespace sample
