# This repository's own rules; they do not touch what it takes in.
add_library(photosort_warnings INTERFACE)
if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  target_compile_options(
    photosort_warnings
    INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
  )
endif()
