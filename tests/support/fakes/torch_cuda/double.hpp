// A double of LibTorch's CUDA part, for machines without a GPU: "device memory" is host memory, operators are
// computed by the CPU's, and streams do nothing until somebody waits for them, so that a missing wait shows as old
// outputs. It is for one device and the operators of small models.
//
// GENCPP_TORCH_DOUBLE_LOG: a file that gets one line for each count at exit. GENCPP_TORCH_DOUBLE_FAULT: `capture`
// (no work can be captured), `graphs` (built without), `lane` (no stream of our own).
#pragma once

#include <c10/core/Stream.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace torch_double {

using Work = std::function<void()>;
using Nodes = std::vector<Work>;

bool faulty(const std::string& what);
void count(const std::string& what);

// The only device's current stream of this thread; a new one.
c10::StreamId current_stream();
c10::StreamId new_stream();

void begin_capture(c10::StreamId stream);
// Throws when the work could not be captured. What was captured was not run: its results are not a number.
std::shared_ptr<const Nodes> end_capture(c10::StreamId stream);
void launch(c10::StreamId stream, std::shared_ptr<const Nodes> nodes);

}  // namespace torch_double
