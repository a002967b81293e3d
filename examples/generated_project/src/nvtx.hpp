// Ranges for NVIDIA's profilers; nothing unless the project is built with SAMPLE_NVTX.
#pragma once

#if defined(SAMPLE_HAVE_NVTX)
#include <nvtx3/nvToolsExt.h>
#endif

namespace sample {

class NvtxRange {
 public:
#if defined(SAMPLE_HAVE_NVTX)
  explicit NvtxRange(const char* name) { nvtxRangePushA(name); }
  ~NvtxRange() { nvtxRangePop(); }
#else
  explicit NvtxRange(const char* /*name*/) {}
  ~NvtxRange() {}  // NOLINT: not trivial, so that an unused range is no warning
#endif
  NvtxRange(const NvtxRange&) = delete;
  NvtxRange& operator=(const NvtxRange&) = delete;
};

}  // namespace sample
