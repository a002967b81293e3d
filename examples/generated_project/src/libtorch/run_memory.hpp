// What glibc keeps of the memory that runs have freed.
#pragma once

#include <atomic>
#include <cstddef>

#include "sample/tensor.hpp"

namespace sample {

// From now on memory that a run frees stays with the process: left alone, glibc gives that of intermediate tensors
// back when the run is over, and the next run waits while the system maps and clears it anew.
void keep_memory();

// Gives back what is free, where it is kept: of a load, whose threads are not those that run the model.
void release_memory();

// Gives memory back now and then where the sizes of inputs change all the time: what runs of one size freed, those of
// another can use in part only, so that memory would grow from size to size.
class SizeWatch {
 public:
  void before_run(TensorViews inputs);

 private:
  // A hash of the last run's sizes, and how many runs had others than the run before.
  std::atomic<std::size_t> last_{0};
  std::atomic<unsigned> others_{0};
};

}  // namespace sample
