// Runs that nobody waits for: a few threads of a model's own.
#pragma once

#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <vector>

#include "{= name =}/model.hpp"

namespace {= name =} {

// A run, and whom to tell: `done`, or the promise where there is no `done`.
struct QueuedRun {
  std::vector<TensorView> inputs;
  std::vector<TensorView> outputs;
  std::function<void(Result<void>)> done;
  std::promise<Result<void>> result;
  std::optional<CancelFlag> cancel;  // where it is set, the run is not made
};

// Starts threads when they are needed, up to `threads`, and lets those go that had nothing to do for a second: each
// that ran something may hold a team of threads of the library behind.
class RunQueue {
 public:
  using Run = std::function<Result<void>(TensorViews inputs, TensorViews outputs)>;

  // Runs that wait for a thread; beyond them add() waits.
  static constexpr std::size_t kMostWaiting = 64;

  RunQueue(Run run, std::size_t threads);
  RunQueue(const RunQueue&) = delete;
  RunQueue& operator=(const RunQueue&) = delete;
  // Ends what was added, and the threads. From within a `done` it does so, too.
  ~RunQueue();

  // Waits while kMostWaiting runs wait, but not in a `done`, which is called by a thread that they wait for.
  [[nodiscard]] Result<void> add(QueuedRun&& run);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace {= name =}
