// RunQueue by itself: how many run at a time, who waits, and what its end does. Built by tests/generated/hosts/test_run_queue.py.
#include "run_queue.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using sample::Error;
using sample::ErrorCode;
using sample::QueuedRun;
using sample::Result;
using sample::RunQueue;
using sample::TensorViews;

namespace {

int failures = 0;

void check(bool good, const std::string& what) {
  if (!good) {
    std::printf("FAILED: %s\n", what.c_str());
    ++failures;
  }
}

void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

QueuedRun calling(std::function<void(Result<void>)> done) {
  QueuedRun run;
  run.done = std::move(done);
  return run;
}

// No more at a time than threads, every run once, its own result for each; the caller waits where many wait.
void test_many() {
  constexpr int kRuns = 300;
  constexpr int kThreads = 3;
  std::atomic<int> now{0};
  std::atomic<int> most{0};
  std::atomic<int> count{0};
  std::vector<std::future<Result<void>>> results;
  {
    RunQueue queue(
        [&](TensorViews, TensorViews) -> Result<void> {
          const int here = ++now;
          for (int seen = most; seen < here && !most.compare_exchange_weak(seen, here);) {
          }
          pause();
          --now;
          return ++count % 2 == 0 ? Result<void>() : Result<void>(Error{ErrorCode::backend, "odd"});
        },
        kThreads);
    for (int i = 0; i < kRuns; ++i) {
      QueuedRun run;
      results.push_back(run.result.get_future());
      check(queue.add(std::move(run)).ok(), "add");
      check(i - count <= static_cast<int>(RunQueue::kMostWaiting) + kThreads, "add() did not wait");
    }
  }
  int odd = 0;
  for (auto& result : results) {
    check(result.wait_for(std::chrono::seconds(0)) == std::future_status::ready, "a run was left when the queue ended");
    odd += result.get().ok() ? 0 : 1;
  }
  check(count == kRuns && odd == kRuns / 2, "each run once");
  check(most <= kThreads && most >= 2, "at a time: " + std::to_string(most));
}

// Each `done` adds another one beyond every bound, and throws.
void test_chain() {
  std::atomic<int> count{0};
  std::optional<RunQueue> queue;
  std::function<void(Result<void>)> again = [&](Result<void>) {
    if (count < 200) {
      check(queue->add(calling(again)).ok(), "add in a done");
    }
    throw 1;
  };
  queue.emplace([&](TensorViews, TensorViews) -> Result<void> { return ++count, Result<void>(); }, 1);
  for (int i = 0; i < 60; ++i) {
    check(queue->add(calling(again)).ok(), "add");
  }
  while (count < 200) {
    pause();
  }
  queue.reset();
  check(count >= 200, "chain");
}

// The last run's `done` ends the queue that it is called by, while others wait.
void test_end_from_within() {
  std::atomic<int> count{0};
  std::atomic<bool> ended{false};
  auto queue = std::make_unique<RunQueue>(
      [&](TensorViews, TensorViews) -> Result<void> {
        pause();
        return ++count, Result<void>();
      },
      2);
  RunQueue* const raw = queue.get();
  std::promise<void> all_added;
  std::shared_future<void> go = all_added.get_future().share();
  auto held = std::make_shared<std::unique_ptr<RunQueue>>(std::move(queue));
  check(raw->add(calling([held, go, &ended](Result<void>) {
    go.wait();
    held->reset();
    ended = true;
  })).ok(), "add");
  for (int i = 0; i < 10; ++i) {
    check(raw->add(calling([](Result<void>) {})).ok(), "add");
  }
  held.reset();
  all_added.set_value();
  while (!ended) {
    pause();
  }
  check(count == 11, "runs at the end: " + std::to_string(count));
}

// A chain that goes on while the queue ends: what is added then is refused, whether others wait or not.
void test_end_under_way(bool full) {
  std::atomic<int> refused{0};
  std::promise<void> begun;
  std::shared_future<void> ending = begun.get_future().share();
  std::optional<RunQueue> queue;
  queue.emplace([](TensorViews, TensorViews) { return Result<void>(); }, 1);
  RunQueue* const raw = &*queue;
  check(raw->add(calling([raw, ending, &refused](Result<void>) {
    ending.wait();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the destructor has begun by then
    refused += raw->add(calling([](Result<void>) {})).ok() ? 0 : 1;
  })).ok(), "add");
  for (std::size_t i = 0; full && i < RunQueue::kMostWaiting; ++i) {
    check(raw->add(calling([](Result<void>) {})).ok(), "add");
  }
  begun.set_value();
  queue.reset();
  check(refused == 1, "a run that was added while the queue ended");
}

// A Future that nobody asks holds the caller until the run has ended.
void test_future() {
  std::atomic<bool> ran{false};
  RunQueue queue(
      [&](TensorViews, TensorViews) -> Result<void> {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        ran = true;
        return {};
      },
      1);
  const auto future = [&] {
    QueuedRun run;
    sample::Future made(run.result.get_future());
    check(queue.add(std::move(run)).ok(), "add");
    return made;
  };
  { const sample::Future dropped = future(); }
  check(ran, "the destructor of a Future did not wait");
  ran = false;
  sample::Future first = future();
  first = sample::Future(std::future<Result<void>>());
  check(ran, "a Future that another one replaced did not wait");
}

// Threads that have nothing to do end, and new ones come.
void test_idle() {
  const auto threads = [] {
    int found = 0;
    if (std::FILE* const file = std::fopen("/proc/self/status", "r")) {
      char line[256];
      while (std::fgets(line, sizeof line, file) != nullptr) {
        (void)std::sscanf(line, "Threads: %d", &found);
      }
      std::fclose(file);
    }
    return found;
  };
  const int before = threads();
  RunQueue queue([](TensorViews, TensorViews) { return Result<void>(); }, 2);
  for (int round = 0; round < 2; ++round) {
    QueuedRun run;
    std::future<Result<void>> result = run.result.get_future();
    check(queue.add(std::move(run)).ok() && result.get().ok(), "a run");
    for (int i = 0; i < 5000 && threads() > before; ++i) {
      pause();
    }
    check(threads() == before, "a thread stayed that had nothing to do");
  }
}

}  // namespace

int main() {
  test_many();
  test_chain();
  test_end_from_within();
  test_end_under_way(false);
  test_end_under_way(true);
  test_future();
  test_idle();
  std::printf("%d failed\n", failures);
  return failures == 0 ? 0 : 1;
}
