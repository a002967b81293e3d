// The names of the classes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "result.hpp"

#include "sample/public.hpp"

namespace SAMPLE_PUBLIC sample {

// One label a line, in the order of the classes. Empty path: the project's own labels, which have to be those that
// it was generated with.
[[nodiscard]] Result<std::vector<std::string>> load_labels(const std::filesystem::path& file = {});

}  // namespace sample
