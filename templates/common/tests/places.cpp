#include "places.hpp"

#include "test_folders.hpp"  // CMakeLists.txt writes it

namespace {= name =}::test {

const char* goldens_folder() noexcept { return {= NAME =}_TEST_GOLDENS; }

const char* scratch_root() noexcept { return {= NAME =}_TEST_SCRATCH; }

}  // namespace {= name =}::test
