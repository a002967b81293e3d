#include "image/workers.hpp"

namespace {= name =}::detail {

Workers::Workers(int threads) {
  try {
    for (int i = 1; i < threads; ++i) {
      threads_.emplace_back([this, worker = static_cast<std::size_t>(i)] { wait_for_work(worker); });
    }
  } catch (...) {
    stop();
    throw;
  }
}

Workers::~Workers() { stop(); }

void Workers::stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  begun_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
  threads_.clear();
}

void Workers::start(std::size_t items, void* context, Call call) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    context_ = context;
    call_ = call;
    items_ = items;
    next_ = 0;
    running_ = threads_.size();
    ++round_;
  }
  begun_.notify_all();
  work(0);
  std::unique_lock<std::mutex> lock(mutex_);
  ended_.wait(lock, [this] { return running_ == 0; });
}

void Workers::work(std::size_t worker) {
  for (;;) {
    std::size_t item = 0;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (next_ == items_) {
        return;
      }
      item = next_++;
    }
    call_(context_, item, worker);
  }
}

void Workers::wait_for_work(std::size_t worker) {
  std::size_t seen = 0;
  for (;;) {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      begun_.wait(lock, [&] { return stopping_ || round_ != seen; });
      if (stopping_) {
        return;
      }
      seen = round_;
    }
    work(worker);
    const std::lock_guard<std::mutex> lock(mutex_);
    if (--running_ == 0) {
      ended_.notify_one();
    }
  }
}

}  // namespace {= name =}::detail
