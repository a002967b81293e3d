// Frames of OpenCV through the model, its answer as a message of protobuf.
#include <cstdio>
#include <cstring>
#include <string>

#include <opencv2/core/mat.hpp>

#include <photo/model.hpp>
#include <photo/opencv.hpp>
#include <photo/preprocess.hpp>

#include "frame.pb.h"

namespace {

int failures = 0;

void check(bool good, const char* what) {
  if (!good) {
    std::printf("FAILED: %s\n", what);
    ++failures;
  }
}

void refused(const cv::Mat& frame, std::optional<photo::PixelFormat> format, const char* said) {
  const auto view = photo::view_of(frame, format);
  check(!view && view.error().code == photo::ErrorCode::invalid_argument, said);
  check(!view && view.error().message.find(said) != std::string::npos, view ? "taken" : view.error().message.c_str());
}

}  // namespace

int main() {
  // A part of a frame: its rows lie as far apart as those of the whole.
  cv::Mat whole(90, 120, CV_8UC3);
  photo::Image image{64, 48, std::vector<std::uint8_t>(64 * 48 * 3)};
  for (int y = 0; y < whole.rows; ++y) {
    for (int x = 0; x < whole.cols; ++x) {
      whole.at<cv::Vec3b>(y, x) = cv::Vec3b(static_cast<uchar>(x * 2), static_cast<uchar>(y * 2), static_cast<uchar>(x ^ y));
    }
  }
  const cv::Mat part = whole(cv::Rect(11, 7, 64, 48));
  for (int y = 0; y < part.rows; ++y) {
    for (int x = 0; x < part.cols; ++x) {
      for (int c = 0; c < 3; ++c) {
        image.pixels[static_cast<std::size_t>((y * 64 + x) * 3 + c)] = part.at<cv::Vec3b>(y, x)[2 - c];
      }
    }
  }
  const auto view = photo::view_of(part);
  check(view && view->data == part.data && view->stride == 360 && view->format == photo::PixelFormat::bgr, "a view");
  const auto expected = photo::preprocess(image);
  const auto tensor = photo::preprocess(*view);
  if (!expected || !tensor) {
    std::printf("FAILED: %s\n", (expected ? tensor : expected).error().message.c_str());
    return 1;
  }
  check(tensor->bytes() == expected->bytes() && std::memcmp(tensor->data(), expected->data(), tensor->bytes()) == 0,
      "the bits of the picture that the frame shows");
  check(photo::view_of(cv::Mat(4, 5, CV_8UC1))->format == photo::PixelFormat::grey, "grey");
  check(photo::view_of(cv::Mat(4, 5, CV_8UC4))->format == photo::PixelFormat::bgra, "four channels");
  check(photo::view_of(cv::Mat(4, 5, CV_8UC4), photo::PixelFormat::rgba)->format == photo::PixelFormat::rgba, "named");
  refused(cv::Mat(4, 5, CV_16UC3), std::nullopt, "of OpenCV's depth 2");
  refused(cv::Mat(4, 5, CV_8UC2), std::nullopt, "it has 2 channels, the format 3");
  refused(cv::Mat(4, 5, CV_8UC3), photo::PixelFormat::rgba, "it has 3 channels, the format 4");
  refused(cv::Mat(), std::nullopt, "not empty");
  const int sizes[] = {2, 3, 4};
  refused(cv::Mat(3, sizes, CV_8UC1), std::nullopt, "two dimensions");

  const auto model = photo::Model::load();
  const auto outputs = model ? model->run(tensor->view()) : photo::Result<photo::Outputs>(model.error());
  if (!outputs) {
    std::printf("FAILED: %s\n", outputs.error().message.c_str());
    return 1;
  }
  host::Answer answer;
  answer.set_label("frame");
  const photo::Tensor& logits = outputs->front();
  for (std::size_t i = 0; i < logits.bytes() / sizeof(float); ++i) {
    answer.add_logits(logits.data_as<float>()[i]);
  }
  host::Answer again;
  check(again.ParseFromString(answer.SerializeAsString()) && again.logits_size() == 10 &&
      again.logits(3) == logits.data_as<float>()[3], "a message");
  std::printf("%d failed\n", failures);
  return failures == 0 ? 0 : 1;
}
