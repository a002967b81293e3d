// Many picture files through a model: several are worked on at the same time, the answers come in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>

#include "image.hpp"
#include "model.hpp"
#include "preprocess.hpp"
#include "result.hpp"
#include "tensor.hpp"

#include "sample/public.hpp"

namespace SAMPLE_PUBLIC sample {

enum class PictureRuns : std::uint8_t {
  apart,   // each thread reads a picture and runs the model on it: best where one run takes one thread, or the GPU
  caller,  // the threads read ahead, the caller's runs the model: for runs that take several threads themselves
};

struct PictureOptions {
  // Pictures that are worked on at the same time. With 1 and `apart` no thread is started.
  int threads = 1;
  PictureRuns runs = PictureRuns::apart;
  DecodeOptions decode = {};
  PreprocessOptions preprocess = model_preprocess();
  // Asked before each answer, on the caller's thread: true ends it all. There is no further answer, and what threads
  // have begun is ended and dropped.
  std::function<bool()> stop = {};
};

using PictureAnswer = std::function<void(std::size_t index, Result<Outputs> outputs)>;

// Reads, decodes and preprocesses each file and runs the model on it, by itself: the outputs have the bits of one
// picture in one run. `answer` is called on the caller's thread, once for each file, in their order, as soon as it
// is known; a file that fails does not keep the others from theirs. Memory is that of a few pictures for each
// thread, however many files there are. Where `options.stop` ended it, the result is ErrorCode::cancelled.
[[nodiscard]] Result<void> run_pictures(const Model& model, Span<const std::filesystem::path> files,
    const PictureOptions& options, const PictureAnswer& answer);

}  // namespace sample
