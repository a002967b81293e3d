// The facts of libtorch_info.hpp as functions, and whether this machine is the one that they speak of.
#pragma once

#include <string>

#include "sample/result.hpp"

namespace sample {

// The machine that compiled code was made for.
struct CompiledFor {
  const char* architecture;
  const char* cpu_flags;   // names of /proc/cpuinfo, separated by spaces
  const char* torch;       // version of LibTorch
  int threads;             // that its weights are packed for
  const char* gpu;         // empty: the CPU
  const char* capability;  // of that GPU, "9.0"
};

// An attribute of the TorchScript module that forward changes.
struct ChangedAttribute {
  const char* path;  // "encoder.cache"
  bool in_place;     // its memory is written; else it gets another value
};

// Where the project may run, by `gencpp new --device`.
enum class RunsOn {
  cpu,
  cuda,
  any,
};

struct LibTorchFacts {
  const char* variant;
  RunsOn runs_on;
  bool fusion;                  // configure_process() turns oneDNN graph fusion on
  bool channels_last;           // 4-D inputs are handed over in channels-last order
  const char* precision;        // of weights and arithmetic
  int threads;                  // of configure_process() where the caller says nothing; 0: not tuned
  const CompiledFor* compiled;  // null for TorchScript
  const ChangedAttribute* changed_begin;
  const ChangedAttribute* changed_end;
  const char* serialised;  // why runs take turns; empty: they do not
};

[[nodiscard]] const LibTorchFacts& libtorch_facts() noexcept;

// Fails where code that was compiled for `wanted` must not run: another processor or another LibTorch.
[[nodiscard]] Result<void> check_machine(const CompiledFor& wanted, const std::string& torch);

}  // namespace sample
