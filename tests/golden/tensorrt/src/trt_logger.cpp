#include "trt_logger.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sample::trt {
namespace {

constexpr std::size_t kMaxComplaints = 32;  // a failing build can repeat itself for hours

}  // namespace

void Logger::log(Severity severity, const nvinfer1::AsciiChar* message) noexcept {
  if (severity == Severity::kVERBOSE || message == nullptr) {
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
  const auto rest = std::stable_partition(complaints_.begin(), complaints_.end(), [&](const Complaint& complaint) { return mine_only && complaint.thread != std::this_thread::get_id(); });
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
  const std::lock_guard<std::mutex> lock(sink_mutex_);
  sink_ = nullptr;
}

}  // namespace sample::trt
