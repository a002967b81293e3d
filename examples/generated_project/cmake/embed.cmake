# Puts the artifact and the labels into sample_core (src/assets/embedded.cpp).
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  message(FATAL_ERROR "SAMPLE_EMBED_ASSETS needs GCC or Clang; this is ${CMAKE_CXX_COMPILER_ID}")
endif()
set(sample_embedded_files
  "${CMAKE_CURRENT_SOURCE_DIR}/assets/model.pt"
  "${CMAKE_CURRENT_SOURCE_DIR}/assets/labels.txt")
# The assembler reads "PATH": a header has the folder, since CMake leaves out compile definitions with a # in them.
file(CONFIGURE OUTPUT folders/embedded_files.hpp @ONLY CONTENT [[
#pragma once

#define SAMPLE_ARTIFACT_FILE "model.pt"
#define SAMPLE_LABELS_FILE "labels.txt"
#define SAMPLE_ARTIFACT_PATH R"folder("@CMAKE_CURRENT_SOURCE_DIR@/assets/model.pt")folder"
#define SAMPLE_LABELS_PATH R"folder("@CMAKE_CURRENT_SOURCE_DIR@/assets/labels.txt")folder"
]])
set_source_files_properties(src/assets/embedded.cpp PROPERTIES
  OBJECT_DEPENDS "${sample_embedded_files}"
  COMPILE_DEFINITIONS SAMPLE_EMBED_ASSETS
  INCLUDE_DIRECTORIES "${CMAKE_CURRENT_BINARY_DIR}/folders")
