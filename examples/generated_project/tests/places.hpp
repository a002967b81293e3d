// Folders of the tests.
#pragma once

namespace sample::test {

// Of the reference inputs and outputs.
const char* goldens_folder() noexcept;

// For files that tests write.
const char* scratch_root() noexcept;

}  // namespace sample::test
