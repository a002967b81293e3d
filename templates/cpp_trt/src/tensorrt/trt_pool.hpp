// Lends slots to callers.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tensorrt/trt_slot.hpp"

namespace {= name =}::trt {

// Makes slots when they are first needed, up to a limit; then callers wait for one another.
class Pool {
 public:
  Pool(const Engine& engine, GraphSwitch& graphs, std::size_t limit);

  // A slot, given back in the destructor.
  class Lease {
   public:
    Lease(Pool& pool, Slot& slot) : pool_(&pool), slot_(&slot) {}
    Lease(Lease&& other) noexcept : pool_(other.pool_), slot_(other.slot_) { other.slot_ = nullptr; }
    Lease& operator=(Lease&&) = delete;
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      if (slot_ != nullptr) {
        pool_->give_back(*slot_);
      }
    }
    Slot* operator->() const noexcept { return slot_; }

   private:
    Pool* pool_;
    Slot* slot_;
  };

  // The slot that has run these shapes, if it is free; the device is current.
  [[nodiscard]] Result<Lease> take(TensorViews inputs);

  // Slots now, and at most.
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t limit() const;
  // Why the limit is lower than was asked for; or nothing.
  [[nodiscard]] std::string lowered() const;

 private:
  Result<std::unique_ptr<Slot>> make_slot(std::unique_lock<std::mutex>& lock);
  void give_back(Slot& slot) noexcept;

  const Engine* engine_;
  GraphSwitch* graphs_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  std::size_t limit_;
  std::size_t making_ = 0;  // under way, outside of the lock
  std::string lowered_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> free_;  // the last one is the one that was used last, whose memory is warm
};

}  // namespace {= name =}::trt
