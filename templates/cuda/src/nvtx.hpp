// Ranges for NVIDIA's profilers; nothing unless the project is built with {= NAME =}_NVTX.
#pragma once

#if defined({= NAME =}_HAVE_NVTX)
#include <nvtx3/nvToolsExt.h>
#endif

namespace {= name =} {

class NvtxRange {
 public:
#if defined({= NAME =}_HAVE_NVTX)
  explicit NvtxRange(const char* name) { nvtxRangePushA(name); }
  ~NvtxRange() { nvtxRangePop(); }
#else
  explicit NvtxRange(const char* /*name*/) {}
  ~NvtxRange() {}  // NOLINT: not trivial, so that an unused range is no warning
#endif
  NvtxRange(const NvtxRange&) = delete;
  NvtxRange& operator=(const NvtxRange&) = delete;
};

}  // namespace {= name =}
