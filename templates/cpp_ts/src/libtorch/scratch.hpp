// Vectors that each thread keeps, so that a run allocates none.
#pragma once

#include <ATen/core/ivalue.h>
#include <ATen/core/stack.h>

#include <utility>
#include <vector>

namespace {= name =} {

struct Scratch {
  torch::jit::Stack stack;
  std::vector<at::Tensor> tensors;
};

// Lends this thread's vectors for one run (a run within a run gets new ones), and empties them however
// the run ends: no thread keeps a model or its caller's memory alive.
class ScratchLease {
 public:
  ScratchLease() { std::swap(scratch_, kept()); }
  ScratchLease(const ScratchLease&) = delete;
  ScratchLease& operator=(const ScratchLease&) = delete;
  ~ScratchLease() {
    scratch_.stack.clear();
    scratch_.tensors.clear();
    std::swap(scratch_, kept());
  }
  Scratch* operator->() { return &scratch_; }
  Scratch& operator*() { return scratch_; }

 private:
  static Scratch& kept() {
    static thread_local Scratch scratch;
    return scratch;
  }
  Scratch scratch_;
};

}  // namespace {= name =}
