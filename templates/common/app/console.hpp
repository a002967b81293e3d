// What a program shows while it loads a model: compiling an engine can take minutes.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

#include "{= name =}/model.hpp"

#if defined(_WIN32)
#include <io.h>
#else
#include <unistd.h>
#endif

namespace {= name =}::app {

// A message of the library, on standard error.
inline void print_message(const char* program, LogLevel level, const std::string& message) {
  std::fprintf(stderr, "%s: %s%s\n", program, level == LogLevel::warning ? "warning: " : "", message.c_str());
}

// Writes progress and warnings of a load() to standard error, except for a warning that the program has `told`
// itself. It has to outlive the load.
class LoadConsole {
 public:
  LoadConsole(const char* program, LoadOptions& options, bool verbose = false, std::string_view told = {})
      : program_(program),
        verbose_(verbose),
        told_(told),
        terminal_(is_terminal()),
        next_(Clock::now() + (terminal_ ? std::chrono::milliseconds(500) : std::chrono::milliseconds(5000))) {
    options.progress = [this](double fraction, const std::string& what) { show(fraction, what); };
    options.log = [this](LogLevel level, const std::string& message) { log(level, message); };
  }
  LoadConsole(const LoadConsole&) = delete;
  LoadConsole& operator=(const LoadConsole&) = delete;
  ~LoadConsole() { clear(); }

  // Takes the line of the progress away.
  void clear() {
    if (shown_ && terminal_) {
      std::fputs("\r\033[K", stderr);
    }
    shown_ = false;
  }

 private:
  using Clock = std::chrono::steady_clock;

  static bool is_terminal() {
#if defined(_WIN32)
    return _isatty(_fileno(stderr)) != 0;
#else
    return isatty(STDERR_FILENO) != 0;
#endif
  }

  // Quick loads show nothing. A terminal has one line, a file one now and then.
  void show(double fraction, const std::string& what) {
    const Clock::time_point now = Clock::now();
    if (now < next_) {
      return;
    }
    next_ = now + (terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(30000));
    if (terminal_) {
      std::fprintf(stderr, "\r\033[K%3.0f%% %.100s", 100.0 * fraction, what.c_str());
      std::fflush(stderr);
    } else {
      std::fprintf(stderr, "%s: %3.0f%% %s\n", program_, 100.0 * fraction, what.c_str());
    }
    shown_ = true;
  }

  void log(LogLevel level, const std::string& message) {
    if ((level == LogLevel::info && !verbose_) || message == told_) {
      return;
    }
    clear();
    print_message(program_, level, message);
  }

  const char* program_;
  bool verbose_;
  std::string_view told_;
  bool terminal_;
  bool shown_ = false;
  Clock::time_point next_;
};

}  // namespace {= name =}::app
