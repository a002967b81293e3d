// Where the files are that the programs need at run time.
#pragma once

#include <filesystem>
#include <string>

#include "result.hpp"

#include "sample/public.hpp"

namespace SAMPLE_PUBLIC sample {

// Looks for the file of the assets. Where the environment variable SAMPLE_ASSETS names a folder, in that alone;
// else in this order: sample_assets/ beside the program; share/sample/ beside the program, or where an
// installed program or shared library finds it; the source tree that the library was built from, unless
// SAMPLE_FIND_SOURCE_ASSETS was off. The error lists where it looked.
[[nodiscard]] Result<std::filesystem::path> find_asset(const std::string& name);

}  // namespace sample
