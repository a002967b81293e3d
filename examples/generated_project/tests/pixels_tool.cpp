// Runs the picture stages from the command line, so that any program can compare their results.
//
// Each line of the standard input is one job: IMAGE_FILE OUT_NPY STEP..., where a STEP is
//   resize:shorter=256,max=0,filter=bicubic   resize:size=HEIGHTxWIDTH,filter=nearest,of=torch
//     (of=pillow, torch or torch_no_antialias)
//   crop:HEIGHTxWIDTH
//   pad:sides=LEFT/TOP/RIGHT/BOTTOM,mode=constant,fill=R/G/B,of=picture   (mode, fill and of=tensor are optional)
//   grayscale:1 or grayscale:3                   (channels of the tensor)
//   decode:WIDTHxHEIGHT or decode:SHORTER        (a JPEG is decoded no larger than this needs; anywhere)
//   tensor:rescale=divide,mean=R/G/B,std=R/G/B   (mean and std are optional; the last step)
// The result is uint8 HxWx3, or float32 1xCxHxW after "tensor". Each job prints "ok" or "error MESSAGE".
// With --kernels it prints the sets of instructions that SAMPLE_SIMD can name on this processor.

#include <array>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "sample/image.hpp"
#include "sample/npy.hpp"
#include "sample/preprocess.hpp"

#include "exact_math.hpp"
#include "image/resize_kernels.hpp"

namespace sample {
namespace {

struct Job {
  std::string image;
  std::string out;
  DecodeOptions decode;
  PreprocessOptions options;
  bool tensor = false;
};

Error bad(const std::string& step) { return Error{ErrorCode::invalid_argument, "cannot read the step '" + step + "'"}; }

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::stringstream in(text);
  for (std::string part; std::getline(in, part, separator);) {
    parts.push_back(part);
  }
  return parts;
}

bool parse_size(const std::string& text, int& height, int& width) {
  const std::vector<std::string> sides = split(text, 'x');
  if (sides.size() != 2) {
    return false;
  }
  height = std::atoi(sides[0].c_str());
  width = std::atoi(sides[1].c_str());
  return true;
}

// Three values; one stands for all.
bool parse_triple(const std::string& text, std::array<float, 3>& values) {
  std::vector<std::string> parts = split(text, '/');
  if (parts.size() == 1) {
    parts.resize(values.size(), parts[0]);
  }
  if (parts.size() != values.size()) {
    return false;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = std::strtof(parts[i].c_str(), nullptr);
  }
  return true;
}

bool set_filter(const std::string& name, Interpolation& filter) {
  if (name == "nearest") {
    filter = Interpolation::nearest;
  } else if (name == "bilinear") {
    filter = Interpolation::bilinear;
  } else if (name == "bicubic") {
    filter = Interpolation::bicubic;
  } else if (name == "nearest-exact") {
    filter = Interpolation::nearest_exact;
  } else {
    return false;
  }
  return true;
}

bool set_resampling(const std::string& name, Resampling& resampling) {
  if (name == "pillow") {
    resampling = Resampling::pillow;
  } else if (name == "torch") {
    resampling = Resampling::torch;
  } else if (name == "torch_no_antialias") {
    resampling = Resampling::torch_no_antialias;
  } else {
    return false;
  }
  return true;
}

bool set_pad_mode(const std::string& name, PadMode& mode) {
  if (name == "constant") {
    mode = PadMode::constant;
  } else if (name == "edge") {
    mode = PadMode::edge;
  } else if (name == "reflect") {
    mode = PadMode::reflect;
  } else if (name == "symmetric") {
    mode = PadMode::symmetric;
  } else {
    return false;
  }
  return true;
}

bool set_pad(const std::string& key, const std::string& value, Pad& pad) {
  if (key == "sides") {
    const std::vector<std::string> sides = split(value, '/');
    if (sides.size() != 4) {
      return false;
    }
    pad.left = std::atoi(sides[0].c_str());
    pad.top = std::atoi(sides[1].c_str());
    pad.right = std::atoi(sides[2].c_str());
    pad.bottom = std::atoi(sides[3].c_str());
    return true;
  }
  if (key == "fill") {
    std::array<float, 3> levels{};
    const bool parsed = parse_triple(value, levels);
    for (std::size_t i = 0; i < levels.size(); ++i) {
      pad.fill[i] = static_cast<std::uint8_t>(levels[i]);
    }
    return parsed;
  }
  if (key == "of") {
    pad.of_tensor = value == "tensor";
    return pad.of_tensor || value == "picture";
  }
  return key == "mode" && set_pad_mode(value, pad.mode);
}

bool set_resize(const std::string& key, const std::string& value, Resize& resize) {
  if (key == "shorter") {
    resize.shorter = std::atoi(value.c_str());
    return true;
  }
  if (key == "max") {
    resize.max_size = std::atoi(value.c_str());
    return true;
  }
  if (key == "size") {
    return parse_size(value, resize.height, resize.width);
  }
  return (key == "filter" && set_filter(value, resize.interpolation)) ||
      (key == "of" && set_resampling(value, resize.resampling));
}

bool set_tensor(const std::string& key, const std::string& value, PreprocessOptions& options) {
  if (key == "rescale") {
    options.rescale = value == "multiply" ? Rescale::multiply : Rescale::divide;
    return value == "multiply" || value == "divide";
  }
  options.normalize = true;
  return (key == "mean" && parse_triple(value, options.mean)) || (key == "std" && parse_triple(value, options.std));
}

Result<void> add_step(const std::string& step, Job& job) {
  const std::size_t colon = step.find(':');
  const std::string kind = step.substr(0, colon);
  const std::string rest = colon == std::string::npos ? "" : step.substr(colon + 1);
  if (kind == "crop") {
    CenterCrop crop;
    if (!parse_size(rest, crop.height, crop.width)) {
      return bad(step);
    }
    job.options.geometry.emplace_back(crop);
    return {};
  }
  if (kind == "decode") {
    if (!parse_size(rest, job.decode.least_width, job.decode.least_height)) {
      job.decode.least_shorter = std::atoi(rest.c_str());
    }
    return {};
  }
  if (kind == "grayscale") {
    job.options.geometry.emplace_back(Grayscale{});
    job.options.channels = std::atoi(rest.c_str());
    return {};
  }
  if (kind != "resize" && kind != "pad" && kind != "tensor") {
    return bad(step);
  }
  Resize resize;
  Pad pad;
  for (const std::string& setting : split(rest, ',')) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos) {
      return bad(step);
    }
    const std::string key = setting.substr(0, equals);
    const std::string value = setting.substr(equals + 1);
    const bool set = kind == "resize" ? set_resize(key, value, resize)
        : kind == "pad"               ? set_pad(key, value, pad)
                                      : set_tensor(key, value, job.options);
    if (!set) {
      return bad(step);
    }
  }
  if (kind == "resize") {
    job.options.geometry.emplace_back(resize);
  } else if (kind == "pad") {
    job.options.geometry.emplace_back(pad);
  } else {
    job.tensor = true;
  }
  return {};
}

Result<void> run(const Job& job) {
  const Result<Image> image = read_image(job.image, job.decode);
  if (!image) {
    return image.error();
  }
  if (job.tensor) {
    const Result<Tensor> tensor = preprocess(*image, job.options);
    return tensor ? write_npy(job.out, tensor->view()) : tensor.error();
  }
  const Result<Image> result = apply_geometry(*image, job.options.geometry);
  if (!result) {
    return result.error();
  }
  return write_npy(job.out, view_of(result->pixels.data(), Dims{result->height, result->width, 3}));
}

Result<void> run_line(const std::string& line) {
  std::istringstream in(line);
  Job job;
  in >> job.image >> job.out;
  for (std::string step; in >> step;) {
    if (const Result<void> added = add_step(step, job); !added) {
      return added;
    }
  }
  return run(job);
}

}  // namespace
}  // namespace sample

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "--kernels") {
    for (const sample::detail::ResizeKernels& kernels : sample::detail::available_kernels()) {
      std::cout << kernels.name << std::endl;
    }
    return 0;
  }
  for (std::string line; std::getline(std::cin, line);) {
    if (line.empty()) {
      continue;
    }
    const sample::Result<void> done = sample::run_line(line);
    std::cout << (done ? "ok" : "error " + done.error().message) << std::endl;
  }
  return 0;
}
