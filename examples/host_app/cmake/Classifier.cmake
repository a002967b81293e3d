# classifier::classifier: from the source folder when there is one, else an installed package.
set(
  PHOTOSORT_CLASSIFIER_DIR
  "${PROJECT_SOURCE_DIR}/third_party/classifier"
  CACHE PATH
  "Folder that `gencpp new --name classifier` wrote; empty: find an installed one"
)

if(PHOTOSORT_CLASSIFIER_DIR AND EXISTS "${PHOTOSORT_CLASSIFIER_DIR}/CMakeLists.txt")
  add_subdirectory("${PHOTOSORT_CLASSIFIER_DIR}" classifier EXCLUDE_FROM_ALL)
else()
  find_package(classifier CONFIG REQUIRED)
endif()
