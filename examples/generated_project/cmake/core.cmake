# sample_core: pictures, preprocessing, labels, .npy. It needs no backend.
add_library(sample_core
  src/assets/assets.cpp
  src/check_views.cpp
  src/assets/embedded.cpp
  src/facts.cpp
  src/image/image.cpp
  src/image/image_jpeg.cpp
  src/image/image_png.cpp
  src/image/image_pnm.cpp
  src/image/image_view.cpp
  src/assets/input_file.cpp
  src/assets/integrity.cpp
  src/assets/labels.cpp
  src/tensor/npy.cpp
  src/tensor/npy_header.cpp
  src/image/pad_grayscale.cpp
  src/image/preprocess.cpp
  src/processors.cpp
  src/image/resize.cpp
  src/image/resize_axis.cpp
  src/image/resize_kernels.cpp
  src/image/resize_neon.cpp
  src/image/resize_x86.cpp
  src/assets/source_folder.cpp
  src/tensor/tensor.cpp
  src/image/workers.cpp)
add_library(sample::core ALIAS sample_core)
include(cmake/exports.cmake)
sample_export_public_headers(sample_core)
include(cmake/task.cmake)

if(BUILD_SHARED_LIBS AND UNIX AND CMAKE_CURRENT_BINARY_DIR MATCHES "[,:]")
  message(FATAL_ERROR "sample: shared libraries are not found in a folder with a comma or a colon in its path, "
    "where the linker and the loader divide it: ${CMAKE_CURRENT_BINARY_DIR}. Build in another folder, or with "
    "BUILD_SHARED_LIBS=OFF.")
endif()
sample_has_public_headers(sample_core)
target_include_directories(sample_core PRIVATE src)
find_package(Threads REQUIRED)
set(sample_CORE_LIBRARIES ${CMAKE_DL_LIBS} Threads::Threads)  # what it needs, and no caller sees
if(SAMPLE_FIND_SOURCE_ASSETS)
  # Folders are named in headers that are written here: CMake leaves out compile definitions with a # in them.
  file(CONFIGURE OUTPUT folders/source_assets.hpp @ONLY CONTENT [[
#pragma once

namespace sample {

inline constexpr const char* kSourceAssets = R"folder(@CMAKE_CURRENT_SOURCE_DIR@/assets)folder";

}  // namespace sample
]])
  set_source_files_properties(src/assets/source_folder.cpp PROPERTIES
    COMPILE_DEFINITIONS SAMPLE_FIND_SOURCE_ASSETS
    INCLUDE_DIRECTORIES "${CMAKE_CURRENT_BINARY_DIR}/folders")
endif()
set_target_properties(sample_core PROPERTIES
  EXPORT_NAME core
  POSITION_INDEPENDENT_CODE ON
  CXX_VISIBILITY_PRESET hidden   # but for what the public headers declare
  VISIBILITY_INLINES_HIDDEN ON
  UNITY_BUILD OFF                # the files use the same names in their anonymous namespaces
  WINDOWS_EXPORT_ALL_SYMBOLS ON
  INSTALL_RPATH_USE_LINK_PATH ON
  DEFINE_SYMBOL ""               # nothing reads it, and objects are the same in a shared and a static library
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR})

# Where the data lies in an installed tree, from the programs and from the libraries.
foreach(folder IN ITEMS BIN LIB)
  cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_DATADIR BASE_DIRECTORY "${CMAKE_INSTALL_FULL_${folder}DIR}"
    OUTPUT_VARIABLE to_data)
  set_property(SOURCE src/assets/assets.cpp APPEND PROPERTY COMPILE_DEFINITIONS
    "SAMPLE_${folder}_TO_DATA=\"${to_data}\"")
endforeach()

find_package(JPEG QUIET)
if(JPEG_FOUND)
  list(APPEND sample_CORE_LIBRARIES JPEG::JPEG)
  target_compile_definitions(sample_core PRIVATE SAMPLE_HAVE_JPEG)
else()
  message(STATUS "sample: no libjpeg, so JPEG files cannot be read (Debian: apt install libjpeg-dev)")
endif()
find_package(PNG QUIET)
if(PNG_FOUND)
  list(APPEND sample_CORE_LIBRARIES PNG::PNG)
  target_compile_definitions(sample_core PRIVATE SAMPLE_HAVE_PNG)
else()
  message(STATUS "sample: no libpng, so PNG files cannot be read (Debian: apt install libpng-dev)")
endif()
target_link_libraries(sample_core PRIVATE ${sample_CORE_LIBRARIES})

if(SAMPLE_EMBED_ASSETS)
  include(cmake/embed.cmake)
endif()

# For tests of this folder, which look inside: with nothing hidden from them.
if(BUILD_SHARED_LIBS)
  add_library(sample_core_inside STATIC EXCLUDE_FROM_ALL $<TARGET_OBJECTS:sample_core>)
  set_target_properties(sample_core_inside PROPERTIES LINKER_LANGUAGE CXX)
  sample_has_public_headers(sample_core_inside)
  target_compile_definitions(sample_core_inside
    PUBLIC $<TARGET_PROPERTY:sample_core,INTERFACE_COMPILE_DEFINITIONS>)
  target_link_libraries(sample_core_inside PRIVATE ${sample_CORE_LIBRARIES})
else()
  add_library(sample_core_inside ALIAS sample_core)
endif()
