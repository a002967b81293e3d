// Where the files are that the programs need at run time.
#pragma once

#include <filesystem>
#include <string>

#include "result.hpp"

namespace sample {

// Looks for assets/<name> in this order: the folder in the environment variable SAMPLE_ASSETS;
// sample_assets/ beside the program; share/sample/ beside the program or its parent folder, or beside
// the folder of a shared library (an installed tree); the source tree that the library was built from,
// unless SAMPLE_FIND_SOURCE_ASSETS was off. The error lists where it looked.
[[nodiscard]] Result<std::filesystem::path> find_asset(const std::string& name);

}  // namespace sample
