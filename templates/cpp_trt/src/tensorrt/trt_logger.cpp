#include "tensorrt/trt_logger.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace {= name =}::trt {
namespace {

constexpr std::size_t kMaxComplaints = 32;  // a failing build can repeat itself for hours

// Said of each model after the first in a process; nobody can do anything about it.
constexpr std::string_view kOtherLogger = "differs from one already registered";

// The loggers that no model has.
struct Loggers {
  std::mutex mutex;
  std::vector<std::unique_ptr<Logger>> free;
};

Loggers& loggers() {
  static auto* const all = new Loggers;  // never destroyed: TensorRT may log until the process ends
  return *all;
}

}  // namespace

void GiveBackLogger::operator()(Logger* logger) const noexcept {
  std::unique_ptr<Logger> owned(logger);
  try {
    logger->end();
    const std::lock_guard<std::mutex> lock(loggers().mutex);
    loggers().free.push_back(std::move(owned));
  } catch (...) {
    (void)owned.release();  // no memory: one that nobody gets any more, but TensorRT may still have
  }
}

LentLogger lend_logger(Logger::Sink sink) {
  std::unique_ptr<Logger> lent;
  {
    const std::lock_guard<std::mutex> lock(loggers().mutex);
    if (!loggers().free.empty()) {
      lent = std::move(loggers().free.back());
      loggers().free.pop_back();
    }
  }
  if (lent == nullptr) {
    lent = std::make_unique<Logger>();
  }
  lent->begin(std::move(sink));
  return LentLogger(lent.release());
}

void Logger::begin(Sink sink) {
  (void)take(false);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    thrown_ = nullptr;
  }
  loading_ = true;
  const std::lock_guard<std::mutex> lock(sink_mutex_);
  sink_ = std::move(sink);
}

void Logger::end() {
  const std::lock_guard<std::mutex> lock(sink_mutex_);
  sink_ = nullptr;
}

void Logger::log(Severity severity, const nvinfer1::AsciiChar* message) noexcept {
  if (severity == Severity::kVERBOSE || message == nullptr ||
      std::string_view(message).find(kOtherLogger) != std::string_view::npos) {
    return;
  }
  try {
    if (severity == Severity::kERROR || severity == Severity::kINTERNAL_ERROR) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (complaints_.size() < kMaxComplaints) {
        complaints_.push_back({std::this_thread::get_id(), message});
      }
      return;
    }
    say(severity == Severity::kWARNING ? LogLevel::warning : LogLevel::info, message);
  } catch (...) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!thrown_) {
      thrown_ = std::current_exception();
    }
  }
}

void Logger::say(LogLevel level, const std::string& message) {
  const std::lock_guard<std::mutex> lock(sink_mutex_);
  if (sink_) {
    sink_(level, message);
  }
}

std::vector<Logger::Complaint> Logger::take(bool mine_only) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto rest = std::stable_partition(complaints_.begin(), complaints_.end(),
      [&](const Complaint& complaint) { return mine_only && complaint.thread != std::this_thread::get_id(); });
  std::vector<Complaint> taken(std::make_move_iterator(rest), std::make_move_iterator(complaints_.end()));
  complaints_.erase(rest, complaints_.end());
  return taken;
}

std::string Logger::reasons() {
  std::string text;
  for (const Complaint& complaint : take(!loading_)) {
    text += (text.empty() ? ": " : "\n  ") + complaint.text;
  }
  return text;
}

void Logger::rethrow() {
  std::exception_ptr thrown;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::swap(thrown, thrown_);
  }
  if (thrown) {
    std::rethrow_exception(thrown);
  }
}

void Logger::end_of_load() {
  for (const Complaint& complaint : take(false)) {
    say(LogLevel::warning, complaint.text);
  }
  loading_ = false;
  end();
}

}  // namespace {= name =}::trt
