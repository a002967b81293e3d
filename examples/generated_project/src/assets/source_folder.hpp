// The folder that this project was built from.
#pragma once

namespace sample {

// Its assets; null with SAMPLE_FIND_SOURCE_ASSETS off.
[[nodiscard]] const char* source_assets() noexcept;

}  // namespace sample
