// The facts of libtorch_info.hpp as functions, and whether this machine is the one that they speak of.
#pragma once

#include <string>

#include "sample/result.hpp"

namespace sample {

// The machine that compiled code was made for.
struct CompiledFor {
  const char* architecture;
  const char* cpu_flags;  // names of /proc/cpuinfo, separated by spaces
  const char* torch;      // version of LibTorch
  int threads;            // that its weights are packed for
};

struct LibTorchFacts {
  const char* variant;
  bool fusion;                  // configure_process() turns oneDNN graph fusion on
  bool channels_last;           // 4-D inputs are handed over in channels-last order
  const char* precision;        // of weights and arithmetic
  int threads;                  // of configure_process() where the caller says nothing; 0: LibTorch's choice
  const CompiledFor* compiled;  // null for TorchScript
};

[[nodiscard]] const LibTorchFacts& libtorch_facts() noexcept;

// Fails where code that was compiled for `wanted` must not run: another processor or another LibTorch.
[[nodiscard]] Result<void> check_machine(const CompiledFor& wanted, const std::string& torch);

}  // namespace sample
