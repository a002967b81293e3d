// The fault double: what its parts share. It stands in for the CUDA runtime, TensorRT and its ONNX parser
// on a machine without a GPU, so that a generated project runs its whole flow and meets faults. It computes
// nothing: outputs come from a table. It is never evidence that TensorRT runs.
//
// Environment:
//   GENCPP_DOUBLE_MODEL   the table (table.hpp); several, separated by ':'
//   GENCPP_DOUBLE_FAULT   NAME, every time; NAME@3, the third time only; several, separated by ','
//   GENCPP_DOUBLE_LOG     a file to which each call that matters adds a line "PID what"
//   GENCPP_DOUBLE_LEAKS   1: at exit, name what was never released and exit with 66
//   GENCPP_DOUBLE_RECORD  a file for the network that a program defines (fake_record.cpp)
//   GENCPP_DOUBLE_EAGER   1: streams work at once; default: only when somebody waits for them
//   GENCPP_DOUBLE_GPU     "NAME:8.6", GENCPP_DOUBLE_DEVICES 1, GENCPP_DOUBLE_MEMORY bytes of a device
//   GENCPP_DOUBLE_BUILD_MS  how long a build takes
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace gencpp_double {

// Whether this call is to fail. Counts the calls of each fault by its name.
bool faulty(const char* name);

// Adds a line to the log.
void note(const std::string& line);

// What a real GPU would answer with a crash, a race or wrong numbers: says so and ends the process.
[[noreturn]] void violation(const std::string& what);
[[noreturn]] void not_implemented(const char* function);

std::string environment(const char* name, const std::string& otherwise);
std::uint32_t crc32(const void* data, std::size_t bytes, std::uint32_t start = 0);

struct Gpu {
  std::string name;
  int major = 0;
  int minor = 0;
};
Gpu gpu();

// Counts objects that the program has to release; what is left at exit is a leak.
void born(const char* kind);
void died(const char* kind);

// The bytes behind an address that the GPU can reach; a violation if it cannot reach `bytes` there.
unsigned char* device_bytes(const void* address, std::size_t bytes, const std::string& what);
// Whether an address is in device memory or in pinned host memory.
bool reachable(const void* address);

// Work on a stream, or a node of the graph that it is capturing.
void submit(cudaStream_t stream, std::function<void()> work);
// Runs what is in the stream's queue, whoever put it there.
void drain(cudaStream_t stream);
bool capturing(cudaStream_t stream);
// A call that is not allowed while a capture is under way: true, and the captures are lost.
bool breaks_capture();
// As a kernel that touched bad memory: every later call fails.
void fail_device(cudaError_t error);

}  // namespace gencpp_double
