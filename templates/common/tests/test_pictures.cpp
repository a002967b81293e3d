// Many pictures at the same time: answers in the order of the files with the bits of one picture alone, and one
// that cannot be read does not cost another its answer.
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#if !defined(_WIN32)
#include <sys/stat.h>
#endif

#include "{= name =}/model.hpp"
#include "{= name =}/model_info.hpp"
#include "{= name =}/pictures.hpp"
#include "{= name =}/preprocess.hpp"

#include "check.hpp"
#include "device.hpp"
#include "same_bits.hpp"

namespace {= name =}::test {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPictures = 7;

Image picture(int width, int height, unsigned seed) {
  Image image{
      width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3)};
  for (std::uint8_t& level : image.pixels) {
    seed = seed * 1664525U + 1013904223U;
    level = static_cast<std::uint8_t>(seed >> 24U);
  }
  return image;
}

struct Answers {
  std::vector<std::size_t> order;
  std::vector<Result<Outputs>> outputs;
};

Answers answers_for(
    const Model& model, const std::vector<fs::path>& files, int threads, PictureRuns runs, Checker& check) {
  PictureOptions options;
  options.threads = threads;
  options.runs = runs;
  Answers answers;
  const Result<void> ran = run_pictures(model, files, options, [&](std::size_t index, Result<Outputs> outputs) {
    answers.order.push_back(index);
    answers.outputs.push_back(std::move(outputs));
  });
  check.that(ran.ok(), ran.ok() ? "" : ran.error().message);
  return answers;
}

// Files of several sizes, with their answers one by one. All of them come out with one size: square pictures.
struct Case {
  std::vector<fs::path> files;
  std::vector<Outputs> expected;
};

Result<Case> make_case(const Model& model, const fs::path& folder) {
  Case made;
  for (std::size_t i = 0; i < kPictures; ++i) {
    const int side = 30 + 50 * static_cast<int>(i);
    made.files.push_back(folder / (std::to_string(i) + ".ppm"));
    const Image image = picture(side, side, static_cast<unsigned>(i));
    if (Result<void> written = write_ppm(made.files.back(), image); !written) {
      return written.error();
    }
    const Result<Tensor> tensor = preprocess(image);
    if (!tensor) {
      return tensor.error();
    }
    Result<Outputs> outputs = model.run({tensor->view()});
    if (!outputs) {
      return outputs.error();
    }
    made.expected.push_back(std::move(outputs).value());
  }
  return made;
}

void test_answers(const Model& model, const Case& pictures, Checker& check) {
  for (const PictureRuns runs : {PictureRuns::apart, PictureRuns::caller}) {
    for (const int threads : {1, 3, 16}) {
      const std::string what =
          std::to_string(threads) + (runs == PictureRuns::apart ? " threads, apart" : " threads, runs by the caller");
      const Answers answers = answers_for(model, pictures.files, threads, runs, check);
      if (!check.that(
              answers.outputs.size() == kPictures, what + ": " + std::to_string(answers.outputs.size()) + " answers")) {
        continue;
      }
      for (std::size_t i = 0; i < kPictures; ++i) {
        check.that(answers.order[i] == i,
            what + ": answer " + std::to_string(i) + " is of picture " + std::to_string(answers.order[i]));
        check.that(answers.outputs[i].ok() && same_bits(*answers.outputs[i], pictures.expected[i]),
            what + ": other bits for picture " + std::to_string(i));
      }
    }
  }
}

void test_bad_pictures(const Model& model, const Case& pictures, const fs::path& folder, Checker& check) {
  std::vector<fs::path> files = pictures.files;
  std::ofstream(folder / "text.jpg") << "no picture";
  files[0] = folder / "missing.ppm";
#if !defined(_WIN32)
  check.that(::mkfifo((folder / "pipe.ppm").c_str(), 0600) == 0, "mkfifo");
  files[2] = folder / "pipe.ppm";  // it is waited for by nobody
#endif
  files[3] = folder / "text.jpg";
  for (const int threads : {1, 3}) {
    const Answers answers = answers_for(model, files, threads, PictureRuns::apart, check);
    if (!check.that(answers.outputs.size() == kPictures,
            "bad pictures: " + std::to_string(answers.outputs.size()) + " answers")) {
      continue;
    }
    check.fails(answers.outputs[0], ErrorCode::not_found, "missing.ppm", "a picture that is not there");
    check.fails(answers.outputs[3], ErrorCode::bad_file, "text.jpg", "a text");
#if !defined(_WIN32)
    check.fails(answers.outputs[2], ErrorCode::bad_file, "pipe.ppm", "a pipe");
#endif
    for (const std::size_t i : {std::size_t{1}, std::size_t{4}, std::size_t{5}, std::size_t{6}}) {
      check.that(answers.outputs[i].ok() && same_bits(*answers.outputs[i], pictures.expected[i]),
          "beside bad pictures: other bits for picture " + std::to_string(i));
    }
  }
}

void test_callers_faults(const Model& model, const Case& pictures, Checker& check) {
  const auto ignore = [](std::size_t /*index*/, const Result<Outputs>& /*outputs*/) {};
  PictureOptions options;
  options.threads = 0;
  check.fails(
      run_pictures(model, pictures.files, options, ignore), ErrorCode::invalid_argument, "threads", "no threads");
  options.threads = 3;
  check.fails(
      run_pictures(model, pictures.files, options, {}), ErrorCode::invalid_argument, "nothing to call", "no callback");
  check.that(run_pictures(model, {}, options, ignore).ok(), "no pictures are no error");
  // The threads that are ahead end, and the error is told.
  std::size_t called = 0;
  const Result<void> thrown =
      run_pictures(model, pictures.files, options, [&](std::size_t /*index*/, const Result<Outputs>& /*outputs*/) {
        if (++called == 2) {
          throw std::runtime_error("the caller's own");
        }
      });
  check.fails(thrown, ErrorCode::unsupported, "the caller's own", "a callback that throws");
  check.that(called == 2, "a callback that threw was called again");
}

// It ends between two answers, whoever is ahead.
void test_stop(const Model& model, const Case& pictures, Checker& check) {
  for (const PictureRuns runs : {PictureRuns::apart, PictureRuns::caller}) {
    for (const int threads : {1, 3}) {
      std::size_t answers = 0;
      PictureOptions options;
      options.threads = threads;
      options.runs = runs;
      options.stop = [&] { return answers == 3; };
      const auto count = [&](std::size_t /*index*/, const Result<Outputs>& /*outputs*/) { ++answers; };
      const Result<void> stopped = run_pictures(model, pictures.files, options, count);
      check.fails(stopped, ErrorCode::cancelled, "3 of " + std::to_string(kPictures), "a run that was stopped");
      check.that(answers == 3, "stopped after 3 answers, but there were " + std::to_string(answers));
    }
  }
}

int run() {
  Checker check;
  if (!kHasPreprocess) {
    std::printf("skipped: this model has no preprocessing\n");
    return kSkipped;
  }
  const Result<Model> model = Model::load(load_options());
  if (!check.loaded(model)) {
    return check.exit_code();
  }
  const Scratch scratch("pictures");
  const fs::path& folder = scratch.folder();
  const Result<Case> pictures = make_case(*model, folder);
  if (!check.that(pictures.ok(), pictures.ok() ? "" : pictures.error().message)) {
    return check.exit_code();
  }
  test_answers(*model, *pictures, check);
  test_bad_pictures(*model, *pictures, folder, check);
  test_callers_faults(*model, *pictures, check);
  test_stop(*model, *pictures, check);
  return check.exit_code();
}

}  // namespace
}  // namespace {= name =}::test

int main() { return {= name =}::test::run(); }
