#include "places.hpp"

#include "test_folders.hpp"  // CMakeLists.txt writes it

namespace sample::test {

const char* goldens_folder() noexcept { return SAMPLE_TEST_GOLDENS; }

const char* scratch_root() noexcept { return SAMPLE_TEST_SCRATCH; }

}  // namespace sample::test
