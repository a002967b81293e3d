// Parity: the outputs of the Python model, recomputed here. One golden case an invocation.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "{= name =}/image.hpp"
#include "{= name =}/model.hpp"
#include "{= name =}/npy.hpp"
#include "{= name =}/preprocess.hpp"

#include "check.hpp"
#include "device.hpp"
#include "exact_math.hpp"
#include "golden_answer.hpp"
#include "golden_cases.hpp"

namespace {= name =}::test {
namespace {

// Element i as a double; whole numbers are compared as such.
double element(const Tensor& tensor, std::int64_t i) {
  switch (tensor.dtype()) {
    case DType::float32:
      return static_cast<double>(tensor.data_as<float>()[i]);
    case DType::float64:
      return tensor.data_as<double>()[i];
    case DType::int64:
      return static_cast<double>(tensor.data_as<std::int64_t>()[i]);
    case DType::int32:
      return static_cast<double>(tensor.data_as<std::int32_t>()[i]);
    case DType::int16:
      return static_cast<double>(tensor.data_as<std::int16_t>()[i]);
    case DType::int8:
      return static_cast<double>(tensor.data_as<std::int8_t>()[i]);
    case DType::uint8:
      return static_cast<double>(tensor.data_as<std::uint8_t>()[i]);
    case DType::boolean:
      return static_cast<const unsigned char*>(tensor.data())[i] != 0 ? 1.0 : 0.0;
    case DType::float16:
    case DType::bfloat16: {
      std::uint16_t bits = 0;
      std::memcpy(&bits, static_cast<const unsigned char*>(tensor.data()) + 2 * i, sizeof bits);
      return static_cast<double>(tensor.dtype() == DType::float16 ? half_to_float(bits) : bfloat16_to_float(bits));
    }
  }
  return std::numeric_limits<double>::quiet_NaN();
}

void compare(const Tensor& ours, const GoldenOutput& expected, Checker& check) {
  const Result<Tensor> reference = read_npy(golden(expected.file));
  if (!check.that(reference.ok(), reference.ok() ? "" : reference.error().message)) {
    return;
  }
  const std::string name = std::string("output '") + expected.name + "'";
  if (!check.that(ours.dtype() == reference->dtype() && ours.dims() == reference->dims(),
          name + ": expected " + to_string(reference->dtype()) + " " + to_string(reference->dims()) + ", got " +
              to_string(ours.dtype()) + " " + to_string(ours.dims()))) {
    return;
  }
  double largest = 0.0;
  double scale = 0.0;
  for (std::int64_t i = 0; i < ours.dims().elements(); ++i) {
    const double a = element(ours, i);
    const double b = element(*reference, i);
    const double difference = std::abs(a - b);
    largest = std::isnan(difference) ? std::numeric_limits<double>::infinity() : std::max(largest, difference);
    scale = std::max(scale, std::abs(b));
  }
  const double allowed = expected.tolerance * scale;
  std::printf("%s: max |difference| %.3g, max |reference| %.3g, allowed %.3g\n", name.c_str(), largest, scale, allowed);
  check.that(largest <= allowed, name + " differs from the Python model's");
}

// The whole way from the picture's file, compared at each stage.
Result<Tensor> from_picture(const GoldenCase& expected, Checker& check) {
  const Result<Image> image = read_image(golden(expected.image));
  if (!image) {
    return image.error();
  }
  const Result<Image> pixels = apply_geometry(*image, model_preprocess().geometry);
  if (!pixels) {
    return pixels.error();
  }
  const Result<Tensor> reference = read_npy(golden(expected.pixels));
  if (!reference) {
    return reference.error();
  }
  const bool equal = reference->bytes() == pixels->pixels.size() &&
      std::memcmp(reference->data(), pixels->pixels.data(), reference->bytes()) == 0;
  check.that(equal, "pixels after resize and crop differ from the reference's");
  Result<Tensor> tensor = preprocess(*image);
  if (tensor) {
    const Result<Tensor> fed = read_npy(golden(expected.inputs[0]));
    check.that(fed.ok() && fed->dims() == tensor->dims() && std::memcmp(fed->data(), tensor->data(), fed->bytes()) == 0,
        "the input tensor differs from torchvision's");
  }
  return tensor;
}

int run(const GoldenCase& expected) {
  Checker check;
  LoadOptions options = load_options();
  options.check = Check::full;
  const Result<Model> model = Model::load(options);
  if (!check.loaded(model)) {
    return check.exit_code();
  }
  std::vector<Tensor> inputs;
  if (!expected.image.empty()) {
    Result<Tensor> tensor = from_picture(expected, check);
    if (!tensor && tensor.error().code == ErrorCode::unsupported) {
      std::printf("skipped: %s\n", tensor.error().message.c_str());
      return kSkipped;
    }
    if (!check.that(tensor.ok(), tensor.ok() ? "" : tensor.error().message)) {
      return check.exit_code();
    }
    inputs.push_back(std::move(tensor).value());
  } else {
    for (const std::string& file : expected.inputs) {
      Result<Tensor> tensor = read_npy(golden(file));
      if (!check.that(tensor.ok(), tensor.ok() ? "" : tensor.error().message)) {
        return check.exit_code();
      }
      inputs.push_back(std::move(tensor).value());
    }
  }

  std::vector<TensorView> views;
  for (const Tensor& tensor : inputs) {
    views.push_back(tensor.view());
  }
  const Result<Outputs> outputs = model->run(views);
  if (!check.that(outputs.ok(), outputs.ok() ? "" : outputs.error().message)) {
    return check.exit_code();
  }
  if (!check.that(outputs->size() == expected.outputs.size(), "count of outputs")) {
    return check.exit_code();
  }
  for (std::size_t i = 0; i < outputs->size(); ++i) {
    compare((*outputs)[i], expected.outputs[i], check);
  }
  check_answer(expected, *outputs, check);

  // The caller's own buffers get the same bits.
  Outputs buffers;
  std::vector<TensorView> buffer_views;
  for (const Tensor& tensor : *outputs) {
    buffers.emplace_back(tensor.dtype(), tensor.dims());
    buffer_views.push_back(buffers.back().view());
  }
  const Result<void> ran = model->run(views, buffer_views);
  check.that(ran.ok(), ran.ok() ? "" : ran.error().message);
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    const bool same =
        buffers[i].bytes() == 0 || std::memcmp(buffers[i].data(), (*outputs)[i].data(), buffers[i].bytes()) == 0;
    check.that(same, "a second run into buffers of the caller gave other bits");
  }
  return check.exit_code();
}

}  // namespace
}  // namespace {= name =}::test

int main(int argc, char** argv) {
  if (const auto configured = {= name =}::configure_process({}); !configured) {
    std::printf("FAILED: %s\n", configured.error().message.c_str());
    return 1;
  }
  const std::string wanted = argc > 1 ? argv[1] : "";
  for (const {= name =}::test::GoldenCase& expected : {= name =}::test::golden_cases()) {
    if (expected.name == wanted) {
      return {= name =}::test::run(expected);
    }
  }
  std::printf("FAILED: no golden case '%s'\n", wanted.c_str());
  return 1;
}
