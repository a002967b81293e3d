# The backend of sample: LibTorch. Also part of the installed package.
list(PREPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")
if(CMAKE_FIND_PACKAGE_NAME STREQUAL "sample")
  find_package(LibTorch MODULE)  # the package config says what a miss means
else()
  find_package(LibTorch REQUIRED MODULE)
endif()
list(POP_FRONT CMAKE_MODULE_PATH)

set(sample_BACKEND_SOURCES
  src/libtorch/backend.cpp
  src/libtorch/process.cpp
  src/libtorch/run_memory.cpp
  src/libtorch/torch_script.cpp
  src/libtorch/libtorch_facts.cpp
  src/libtorch/memory_file.cpp
  src/libtorch/wait_policy.cpp)
include("${CMAKE_CURRENT_LIST_DIR}/facts.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/gpu.cmake" OPTIONAL)  # no part of the installed package
set(sample_BACKEND_TARGET gencpp::libtorch_all)
if(NOT sample_ARTIFACT_IS_COMPILED  # which names all of LibTorch
  AND (sample_RUNS_ON STREQUAL "cpu" OR SAMPLE_CUDA STREQUAL "OFF"))
  set(sample_BACKEND_TARGET gencpp::libtorch)
elseif(NOT TARGET gencpp::libtorch_all)  # a project of an earlier gencpp found LibTorch: all of it is one target
  set(sample_BACKEND_TARGET gencpp::libtorch)
endif()
# Of this project's own programs.
set(sample_PROGRAM_SOURCES "${CMAKE_CURRENT_LIST_DIR}/../src/libtorch/passive_start.cpp")
set(sample_BACKEND_PROGRAMS "")
set(sample_BACKEND_MODULES cmake/FindLibTorch.cmake cmake/facts.cmake)  # installed beside the package config
set(sample_BACKEND_CXX_STANDARD ${LibTorch_CXX_STANDARD})

# This backend needs no programs besides the app.
function(sample_add_backend_programs)
endfunction()

# Everything that hands std::string to LibTorch's callers has to have LibTorch's ABI.
get_target_property(sample_abi gencpp::libtorch INTERFACE_COMPILE_DEFINITIONS)
if(sample_abi AND TARGET sample_core)
  get_target_property(sample_imported sample_core IMPORTED)
  if(NOT sample_imported)
    target_compile_definitions(sample_core PUBLIC ${sample_abi})
  endif()
endif()
