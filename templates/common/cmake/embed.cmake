# Puts the artifact and the labels into {= name =}_core (src/embedded.cpp).
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  message(FATAL_ERROR "{= NAME =}_EMBED_ASSETS needs GCC or Clang; this is ${CMAKE_CXX_COMPILER_ID}")
endif()
set({= name =}_embedded_files
  "${CMAKE_CURRENT_SOURCE_DIR}/assets/{= artifact_file =}"
  "${CMAKE_CURRENT_SOURCE_DIR}/assets/{= labels_file =}")
set_source_files_properties(src/embedded.cpp PROPERTIES
  OBJECT_DEPENDS "${{= name =}_embedded_files}"
  COMPILE_DEFINITIONS "{= NAME =}_EMBED_ASSETS;{= NAME =}_ARTIFACT_FILE=\"{= artifact_file =}\";{= NAME =}_LABELS_FILE=\"{= labels_file =}\";{= NAME =}_ARTIFACT_PATH=\"${CMAKE_CURRENT_SOURCE_DIR}/assets/{= artifact_file =}\";{= NAME =}_LABELS_PATH=\"${CMAKE_CURRENT_SOURCE_DIR}/assets/{= labels_file =}\"")
