// The folder that this project was built from.
#pragma once

namespace {= name =} {

// Its assets; null with {= NAME =}_FIND_SOURCE_ASSETS off.
[[nodiscard]] const char* source_assets() noexcept;

}  // namespace {= name =}
