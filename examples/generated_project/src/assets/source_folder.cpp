// The one source that names a folder: the others compile to the same objects in every checkout.
#include "assets/source_folder.hpp"

#if defined(SAMPLE_FIND_SOURCE_ASSETS)
#include "source_assets.hpp"  // cmake/core.cmake writes it
#endif

namespace sample {

const char* source_assets() noexcept {
#if defined(SAMPLE_FIND_SOURCE_ASSETS)
  return kSourceAssets;
#else
  return nullptr;
#endif
}

}  // namespace sample
