// What the project's backend adds to the command line of every program: options that other backends lack.
#pragma once

#include <string_view>

#include "sample/model.hpp"

namespace sample::app {

// What --help says of them; empty: there are none.
extern const char* const kBackendUsage;
// Takes `option` if it is one of those without a value.
[[nodiscard]] bool set_backend_switch(std::string_view option, LoadOptions& options);
// Whether `option` is one of those with a value.
[[nodiscard]] bool is_backend_option(std::string_view option) noexcept;
[[nodiscard]] Result<void> set_backend_option(std::string_view option, std::string_view value, LoadOptions& options);

}  // namespace sample::app
