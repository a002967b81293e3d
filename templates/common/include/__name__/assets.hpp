// Where the files are that the programs need at run time.
#pragma once

#include <filesystem>
#include <string>

#include "result.hpp"

namespace {= name =} {

// Looks for assets/<name> in this order: the folder in the environment variable {= NAME =}_ASSETS;
// {= name =}_assets/ beside the program; share/{= name =}/ beside the program or its parent folder, or beside
// the folder of a shared library (an installed tree); the source tree that the library was built from,
// unless {= NAME =}_FIND_SOURCE_ASSETS was off. The error lists where it looked.
[[nodiscard]] Result<std::filesystem::path> find_asset(const std::string& name);

}  // namespace {= name =}
