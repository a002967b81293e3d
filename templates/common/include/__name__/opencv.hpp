// Frames of OpenCV. For hosts that have it: nothing of this project includes this header.
#pragma once

#include <opencv2/core/mat.hpp>

#include <cstdint>
#include <optional>
#include <string>

#include "image.hpp"
#include "result.hpp"

#include "{= name =}/public.hpp"

namespace {= NAME =}_PUBLIC {= name =} {

// The frame where it lies, without a copy: it has to outlive the view. OpenCV's own order is taken, which is BGR for
// three channels and BGRA for four, unless `format` says otherwise. Parts of frames and rows with padding are fine. An
// element type other than 8 bits without a sign, more than two dimensions, or channels that do not fit the format are
// ErrorCode::invalid_argument.
[[nodiscard]] inline Result<ImageView> view_of(const cv::Mat& frame, std::optional<PixelFormat> format = std::nullopt) {
  const auto refused = [](const std::string& what) { return Error{ErrorCode::invalid_argument, "cv::Mat: " + what}; };
  if (frame.dims != 2 || frame.empty()) {
    return refused("a picture has two dimensions, and is not empty");
  }
  if (frame.depth() != CV_8U) {
    return refused("its elements are not 8 bits without a sign (CV_8U), but of OpenCV's depth " +
        std::to_string(frame.depth()) + ": convert it");
  }
  const int channels = frame.channels();
  const PixelFormat usual =
      channels == 1 ? PixelFormat::grey : (channels == 4 ? PixelFormat::bgra : PixelFormat::bgr);
  const PixelFormat wanted = format.value_or(usual);
  const bool three = wanted == PixelFormat::rgb || wanted == PixelFormat::bgr;
  const int needed = wanted == PixelFormat::grey ? 1 : (three ? 3 : 4);
  if (channels != needed) {
    return refused("it has " + std::to_string(channels) + " channels, the format " + std::to_string(needed));
  }
  return ImageView{frame.data, frame.cols, frame.rows, static_cast<std::int64_t>(frame.step[0]), wanted};
}

}  // namespace {= name =}
