# Puts the artifact and the labels into {= name =}_core (src/assets/embedded.cpp).
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  message(FATAL_ERROR "{= NAME =}_EMBED_ASSETS needs GCC or Clang; this is ${CMAKE_CXX_COMPILER_ID}")
endif()
set({= name =}_embedded_files
  "${CMAKE_CURRENT_SOURCE_DIR}/assets/{= artifact_file =}"
  "${CMAKE_CURRENT_SOURCE_DIR}/assets/{= labels_file =}")
# The assembler reads "PATH": a header has the folder, since CMake leaves out compile definitions with a # in them.
file(CONFIGURE OUTPUT folders/embedded_files.hpp @ONLY CONTENT [[
#pragma once

#define {= NAME =}_ARTIFACT_FILE "{= artifact_file =}"
#define {= NAME =}_LABELS_FILE "{= labels_file =}"
#define {= NAME =}_ARTIFACT_PATH R"folder("@CMAKE_CURRENT_SOURCE_DIR@/assets/{= artifact_file =}")folder"
#define {= NAME =}_LABELS_PATH R"folder("@CMAKE_CURRENT_SOURCE_DIR@/assets/{= labels_file =}")folder"
]])
set_source_files_properties(src/assets/embedded.cpp PROPERTIES
  OBJECT_DEPENDS "${{= name =}_embedded_files}"
  COMPILE_DEFINITIONS {= NAME =}_EMBED_ASSETS
  INCLUDE_DIRECTORIES "${CMAKE_CURRENT_BINARY_DIR}/folders")
