# Puts the artifact and the labels into sample_core (src/embedded.cpp).
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  message(FATAL_ERROR "SAMPLE_EMBED_ASSETS needs GCC or Clang; this is ${CMAKE_CXX_COMPILER_ID}")
endif()
set(sample_embedded_files
  "${CMAKE_CURRENT_SOURCE_DIR}/assets/model.pt"
  "${CMAKE_CURRENT_SOURCE_DIR}/assets/labels.txt")
set_source_files_properties(src/embedded.cpp PROPERTIES
  OBJECT_DEPENDS "${sample_embedded_files}"
  COMPILE_DEFINITIONS "SAMPLE_EMBED_ASSETS;SAMPLE_ARTIFACT_FILE=\"model.pt\";SAMPLE_LABELS_FILE=\"labels.txt\";SAMPLE_ARTIFACT_PATH=\"${CMAKE_CURRENT_SOURCE_DIR}/assets/model.pt\";SAMPLE_LABELS_PATH=\"${CMAKE_CURRENT_SOURCE_DIR}/assets/labels.txt\"")
