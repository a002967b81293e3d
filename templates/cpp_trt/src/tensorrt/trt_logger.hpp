// What TensorRT says. It tells only its logger why a call failed, so errors are kept for the Error.
#pragma once

#include <NvInfer.h>

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "{= name =}/model.hpp"

namespace {= name =}::trt {

class Logger;

struct GiveBackLogger {
  void operator()(Logger* logger) const noexcept;
};

// A logger that a model has to itself, and that is never destroyed: TensorRT keeps the first that it was given in
// a process, also for models that outlive the first one. The next model gets one that was given back.
using LentLogger = std::unique_ptr<Logger, GiveBackLogger>;

// TensorRT calls it from any thread.
class Logger final : public nvinfer1::ILogger {
 public:
  using Sink = std::function<void(LogLevel level, const std::string& message)>;

  Logger() = default;

  // For another model.
  void begin(Sink sink);

  // Nothing more goes to the sink of a model that is gone, or that was not loaded.
  void end();

  void log(Severity severity, const nvinfer1::AsciiChar* message) noexcept override;

  // Hands a message of our own to the sink, and lets through what it throws.
  void say(LogLevel level, const std::string& message);

  // What TensorRT complained of since the last call: on any thread while the model is loaded (builds have
  // their own), on this one later. It begins with ": ", and is empty when there was nothing.
  [[nodiscard]] std::string reasons();

  // Throws what the sink threw inside a call of TensorRT, where it could not pass.
  void rethrow();

  // From here on nothing reaches the sink, which belongs to the call of load(). Errors are still kept; those
  // that nobody asked for so far are told as warnings.
  void end_of_load();

  // Drops the complaints that are made on this thread while it exists: of an attempt that may fail.
  class Mute {
   public:
    explicit Mute(Logger& logger) : logger_(&logger) {}
    Mute(const Mute&) = delete;
    Mute& operator=(const Mute&) = delete;
    ~Mute() { (void)logger_->take(true); }

   private:
    Logger* logger_;
  };

 private:
  struct Complaint {
    std::thread::id thread;
    std::string text;
  };

  // Takes the complaints out: this thread's, or all.
  std::vector<Complaint> take(bool mine_only);

  std::mutex mutex_;  // of the complaints and of what was thrown
  std::vector<Complaint> complaints_;
  std::exception_ptr thrown_;
  std::mutex sink_mutex_;  // one message at a time
  Sink sink_;
  std::atomic<bool> loading_{true};
};

[[nodiscard]] LentLogger lend_logger(Logger::Sink sink);

}  // namespace {= name =}::trt
