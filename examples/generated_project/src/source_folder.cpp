// The one source that names a folder: the others compile to the same objects in every checkout.
#include "source_folder.hpp"

namespace sample {

const char* source_assets() noexcept {
#if defined(SAMPLE_SOURCE_ASSETS)
  return SAMPLE_SOURCE_ASSETS;
#else
  return nullptr;
#endif
}

}  // namespace sample
