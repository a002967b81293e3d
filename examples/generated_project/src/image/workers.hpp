// Threads that wait for work, so that a batch starts none.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

namespace sample::detail {

class Workers {
 public:
  // `threads` of them work, the caller's own among them. Throws what std::thread throws.
  explicit Workers(int threads);
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers();

  [[nodiscard]] std::size_t count() const noexcept { return threads_.size() + 1; }

  // Calls job(item, worker) once for every item below `items`, and returns when all are done. Not to be called
  // by two threads at once; the job must not throw.
  template <typename Job>
  void run(std::size_t items, Job& job) {
    start(items, &job,
        [](void* context, std::size_t item, std::size_t worker) { (*static_cast<Job*>(context))(item, worker); });
  }

 private:
  using Call = void (*)(void* context, std::size_t item, std::size_t worker);

  void stop();
  void start(std::size_t items, void* context, Call call);
  void work(std::size_t worker);
  void wait_for_work(std::size_t worker);

  std::mutex mutex_;
  std::condition_variable begun_;
  std::condition_variable ended_;
  std::vector<std::thread> threads_;
  void* context_ = nullptr;
  Call call_ = nullptr;
  std::size_t items_ = 0;
  std::size_t next_ = 0;
  std::size_t running_ = 0;
  std::size_t round_ = 0;
  bool stopping_ = false;
};

}  // namespace sample::detail
