#include "sample/pictures.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sample/processors.hpp"

#include "assets/path_text.hpp"
#include "image/workers.hpp"

namespace sample {
namespace {

// Pictures that may be ahead of the caller, for each thread: enough to go on while one takes longer.
constexpr std::size_t kAhead = 2;

// What is known of one picture: its input, or already its outputs, or why there are none.
struct Item {
  Tensor input;
  std::optional<Result<Outputs>> outputs;
};

// One thread's work on one picture after the other, in memory that it keeps.
class Bench {
 public:
  Bench(const Model& model, const PictureOptions& options)
      : model_(&model), options_(&options), preprocessor_(options.preprocess) {}

  // Nothing leaves as an exception: a thread has nobody to catch it.
  [[nodiscard]] Item work(const std::filesystem::path& file) noexcept {
    try {
      Result<void> read = prepare(file);
      if (!read) {
        return {Tensor(), Result<Outputs>(read.error())};
      }
      if (options_->runs == PictureRuns::apart) {
        return {Tensor(), model_->run({input_.view()})};
      }
      return {std::exchange(input_, Tensor()), std::nullopt};
    } catch (const std::exception& e) {
      return {Tensor(), Result<Outputs>(Error{ErrorCode::unsupported, e.what()})};
    } catch (...) {
      return {Tensor(), Result<Outputs>(Error{ErrorCode::unsupported, "unknown exception"})};
    }
  }

 private:
  [[nodiscard]] Result<void> prepare(const std::filesystem::path& file) {
    if (Result<void> read = read_image(file, options_->decode, image_); !read) {
      return read;
    }
    const auto named = [&](const Error& error) { return Error{error.code, path_text(file) + ": " + error.message}; };
    const Result<Dims> dims = preprocessor_.dims(image_);
    if (!dims) {
      return named(dims.error());
    }
    if (input_.data() == nullptr || input_.dims() != *dims) {
      input_ = Tensor(DType::float32, *dims);
    }
    const Result<void> done = preprocessor_.run(image_, input_.view());
    return done ? Result<void>() : named(done.error());
  }

  const Model* model_;
  const PictureOptions* options_;
  Preprocessor preprocessor_;
  Image image_;
  Tensor input_;
};

// Hands out the numbers of pictures and takes what became of them; the caller gets them in order. Nobody is more
// than `room` pictures ahead of the caller.
class Line {
 public:
  Line(std::size_t count, std::size_t room) : count_(count), slots_(room) {}

  // The next picture to work on; none: there are no more.
  [[nodiscard]] std::optional<std::size_t> next() {
    std::unique_lock<std::mutex> lock(mutex_);
    room_.wait(lock, [this] { return stopped_ || next_ == count_ || next_ < taken_ + slots_.size(); });
    if (stopped_ || next_ == count_) {
      return std::nullopt;
    }
    return next_++;
  }

  void put(std::size_t index, Item item) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      slots_[index % slots_.size()] = std::move(item);
    }
    known_.notify_one();
  }

  // Waits for the picture that the caller wants now.
  [[nodiscard]] Item take() {
    std::unique_lock<std::mutex> lock(mutex_);
    std::optional<Item>& slot = slots_[taken_ % slots_.size()];
    known_.wait(lock, [&] { return slot.has_value(); });
    Item item = *std::move(slot);
    slot.reset();
    ++taken_;
    lock.unlock();
    room_.notify_one();
    return item;
  }

  void stop() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stopped_ = true;
    }
    room_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable room_;
  std::condition_variable known_;
  std::size_t count_;
  std::vector<std::optional<Item>> slots_;
  std::size_t next_ = 0;   // to be worked on
  std::size_t taken_ = 0;  // by the caller
  bool stopped_ = false;
};

// Threads that work off a line; they end with this, whatever is left.
class Crew {
 public:
  Crew(Line& line, std::vector<Bench>& benches, Span<const std::filesystem::path> files) : line_(&line) {
    try {
      for (Bench& bench : benches) {
        threads_.emplace_back([&line, &bench, files] {
          while (const std::optional<std::size_t> index = line.next()) {
            line.put(*index, bench.work(files[*index]));
          }
        });
      }
    } catch (...) {
      stop();
      throw;
    }
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew() { stop(); }

 private:
  void stop() {
    line_->stop();
    for (std::thread& thread : threads_) {
      thread.join();
    }
    threads_.clear();
  }

  Line* line_;
  std::vector<std::thread> threads_;
};

Result<void> run_all(const Model& model, Span<const std::filesystem::path> files, const PictureOptions& options,
    const PictureAnswer& answer) {
  const auto outputs_of = [&](Item& item) {
    return item.outputs ? *std::move(item.outputs) : model.run({item.input.view()});
  };
  const auto stopped = [&] { return options.stop && options.stop(); };
  const auto stopped_at = [&](std::size_t index) {
    return Error{ErrorCode::cancelled,
        "run_pictures: stopped after " + std::to_string(index) + " of " + std::to_string(files.size()) + " pictures"};
  };
  if (options.threads == 1 && options.runs == PictureRuns::apart) {
    Bench bench(model, options);
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (stopped()) {
        return stopped_at(i);
      }
      Item item = bench.work(files[i]);
      answer(i, outputs_of(item));
    }
    return {};
  }
  const std::size_t count = std::min(static_cast<std::size_t>(options.threads), files.size());
  std::vector<Bench> benches;
  for (std::size_t i = 0; i < count; ++i) {
    benches.emplace_back(model, options);
  }
  Line line(files.size(), kAhead * std::max<std::size_t>(count, 1));
  const Crew crew(line, benches, files);
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (stopped()) {
      return stopped_at(i);
    }
    Item item = line.take();
    answer(i, outputs_of(item));
  }
  return {};
}

}  // namespace

Result<void> run_pictures(const Model& model, Span<const std::filesystem::path> files, const PictureOptions& options,
    const PictureAnswer& answer) {
  if (options.threads < 1 || options.threads > kMaxThreads) {
    return Error{ErrorCode::invalid_argument,
        "run_pictures: threads must be from 1 to " + std::to_string(kMaxThreads) + ", got " +
            std::to_string(options.threads)};
  }
  if (!answer) {
    return Error{ErrorCode::invalid_argument, "run_pictures: there is nothing to call with the answers"};
  }
  try {
    return run_all(model, files, options, answer);
  } catch (const std::exception& e) {  // of a callback, of memory or of threads
    return Error{ErrorCode::unsupported, std::string("running the pictures: ") + e.what()};
  } catch (...) {
    return Error{ErrorCode::unsupported, "running the pictures: unknown exception"};
  }
}

}  // namespace sample
