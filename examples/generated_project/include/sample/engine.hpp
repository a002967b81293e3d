// How LibTorch runs a model on a GPU. On the CPU it says nothing.
#pragma once

namespace sample {

struct EngineOptions {
  bool cuda_graph = true;  // replay a captured graph where the model allows it
  int contexts = 0;        // callers that run at the same time, the others wait; 0: 8
};

}  // namespace sample
