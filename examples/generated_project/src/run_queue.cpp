#include "run_queue.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace sample {
namespace {

constexpr auto kIdle = std::chrono::seconds(1);

void tell(QueuedRun& run, Result<void>&& result) {
  if (!run.done) {
    run.result.set_value(std::move(result));
    return;
  }
  try {
    run.done(std::move(result));
  } catch (...) {  // nobody is left whom it could be told
  }
}

}  // namespace

// Shared with the threads: one whose `done` ends the queue outlives it.
struct RunQueue::State {
  using Threads = std::list<std::thread>;

  State(Run run_one, std::size_t most_threads)
      : run(std::move(run_one)), most(std::max<std::size_t>(1, most_threads)) {}

  [[nodiscard]] bool is_mine() {
    const std::thread::id here = std::this_thread::get_id();
    return std::any_of(threads.begin(), threads.end(), [&](const std::thread& one) { return one.get_id() == here; });
  }

  // Takes the first run off the queue and makes it, without the lock.
  void run_next(std::unique_lock<std::mutex>& lock) {
    QueuedRun next = std::move(waiting.front());
    waiting.pop_front();  // what it held has moved
    room.notify_one();
    lock.unlock();
    const bool cancelled = next.cancel && next.cancel->is_set();
    tell(next,
        cancelled ? Error{ErrorCode::cancelled, "the run was cancelled before it began"}
                  : run(next.inputs, next.outputs));
    next = {};  // what `done` holds may end here, and with it the queue
    lock.lock();
  }

  // One more thread; why it could not start, or nothing.
  std::string start(const std::shared_ptr<State>& self) {
    auto place = threads.end();
    try {
      place = threads.emplace(threads.end());
      *place = std::thread(&State::work, self, place);
      return "";
    } catch (const std::exception& e) {
      if (place != threads.end()) {
        threads.erase(place);
      }
      return e.what();
    }
  }

  static void work(const std::shared_ptr<State>& self, Threads::iterator mine) {
    std::unique_lock<std::mutex> lock(self->mutex);
    for (;;) {
      ++self->idle;
      const bool wanted =
          self->work_or_end.wait_for(lock, kIdle, [&] { return self->ending || !self->waiting.empty(); });
      --self->idle;
      if (!wanted) {
        self->ended.splice(self->ended.end(), self->threads, mine);
        return;
      }
      if (self->waiting.empty()) {
        return;
      }
      self->run_next(lock);
    }
  }

  const Run run;
  const std::size_t most;
  std::mutex mutex;
  std::condition_variable work_or_end;
  std::condition_variable room;
  std::deque<QueuedRun> waiting;
  Threads threads;
  Threads ended;  // to be joined
  std::size_t idle = 0;
  bool ending = false;
};

RunQueue::RunQueue(Run run, std::size_t threads) : state_(std::make_shared<State>(std::move(run), threads)) {}

RunQueue::~RunQueue() {
  State::Threads threads;
  {
    std::unique_lock<std::mutex> lock(state_->mutex);
    state_->ending = true;
    state_->work_or_end.notify_all();
    state_->room.notify_all();
    if (state_->is_mine()) {  // it cannot wait for itself
      while (!state_->waiting.empty()) {
        state_->run_next(lock);
      }
    }
    threads.splice(threads.end(), state_->threads);
    threads.splice(threads.end(), state_->ended);
  }
  for (std::thread& one : threads) {
    if (one.get_id() == std::this_thread::get_id()) {
      one.detach();
    } else {
      one.join();
    }
  }
}

Result<void> RunQueue::add(QueuedRun&& run) {
  State::Threads ended;
  QueuedRun refused;  // what its `done` holds ends without the lock
  {
    std::unique_lock<std::mutex> lock(state_->mutex);
    if (!state_->is_mine()) {
      state_->room.wait(lock, [&] { return state_->ending || state_->waiting.size() < kMostWaiting; });
    }
    if (state_->ending) {
      return Error{ErrorCode::backend, "the model ends: it takes no run"};
    }
    state_->waiting.push_back(std::move(run));
    if (state_->idle < state_->waiting.size() && state_->threads.size() < state_->most) {
      const std::string failure = state_->start(state_);
      if (!failure.empty() && state_->threads.empty()) {  // nobody would ever run it
        refused = std::move(state_->waiting.back());
        state_->waiting.pop_back();
        return Error{ErrorCode::backend, "cannot start a thread: " + failure};
      }
    }
    state_->work_or_end.notify_one();
    ended.splice(ended.end(), state_->ended);
  }
  for (std::thread& one : ended) {
    one.join();
  }
  return {};
}

}  // namespace sample
