// The one source that names a folder: the others compile to the same objects in every checkout.
#include "source_folder.hpp"

namespace {= name =} {

const char* source_assets() noexcept {
#if defined({= NAME =}_SOURCE_ASSETS)
  return {= NAME =}_SOURCE_ASSETS;
#else
  return nullptr;
#endif
}

}  // namespace {= name =}
