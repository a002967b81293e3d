#include "tensorrt/trt_pool.hpp"

#include <algorithm>

namespace sample::trt {

Pool::Pool(const Engine& engine, GraphSwitch& graphs, std::size_t limit)
    : engine_(&engine), graphs_(&graphs), limit_(limit) {
  if (limit_ > 1 && engine.one_context_a_profile()) {
    limit_ = 1;
    lowered_ = kContextsShareProfiles
        ? "TensorRT 8.6 has one context for a profile of an engine that was not built here"
        : "TensorRT 8.5 has one context for a profile";
  }
  slots_.reserve(limit_);
  free_.reserve(limit_);
}

Result<Pool::Lease> Pool::take(TensorViews inputs) {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    if (!free_.empty()) {
      auto chosen = std::find_if(free_.begin(), free_.end(), [&](const Slot* slot) { return slot->knows(inputs); });
      if (chosen == free_.end()) {
        chosen = free_.end() - 1;
      }
      Slot& slot = **chosen;
      free_.erase(chosen);
      return Lease(*this, slot);
    }
    if (slots_.size() + making_ >= limit_) {
      freed_.wait(lock);
      continue;
    }
    Result<std::unique_ptr<Slot>> made = make_slot(lock);
    if (made) {
      slots_.push_back(*std::move(made));
      return Lease(*this, *slots_.back());
    }
    if (slots_.empty()) {
      return made.error();
    }
    // There is memory for fewer than was asked for: they have to do.
    limit_ = slots_.size();
    lowered_ = made.error().message;
  }
}

// Takes a while, in which the others run: it is done outside of the lock, which is held again at the end.
Result<std::unique_ptr<Slot>> Pool::make_slot(std::unique_lock<std::mutex>& lock) {
  struct Unlocked {
    Pool& pool;
    std::unique_lock<std::mutex>& held;
    ~Unlocked() {
      held.lock();
      --pool.making_;
      pool.freed_.notify_all();  // whoever waits for this slot has to look again if there is none
    }
  };
  ++making_;
  lock.unlock();
  const Unlocked unlocked{*this, lock};
  return Slot::make(*engine_, *graphs_);
}

void Pool::give_back(Slot& slot) noexcept {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    free_.push_back(&slot);  // within its capacity
  }
  freed_.notify_one();
}

std::size_t Pool::size() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return slots_.size();
}

std::size_t Pool::limit() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return limit_;
}

std::string Pool::lowered() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return lowered_;
}

}  // namespace sample::trt
