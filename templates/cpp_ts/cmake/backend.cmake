# The backend of {= name =}: LibTorch. Also part of the installed package.
list(PREPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")
if(CMAKE_FIND_PACKAGE_NAME STREQUAL "{= name =}")
  find_package(LibTorch MODULE)  # the package config says what a miss means
else()
  find_package(LibTorch REQUIRED MODULE)
endif()
list(POP_FRONT CMAKE_MODULE_PATH)

set({= name =}_BACKEND_SOURCES
  src/libtorch/backend.cpp
  src/libtorch/process.cpp
  src/libtorch/run_memory.cpp
  src/libtorch/torch_script.cpp
  src/libtorch/libtorch_facts.cpp
  src/libtorch/memory_file.cpp
  src/libtorch/wait_policy.cpp)
include("${CMAKE_CURRENT_LIST_DIR}/facts.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/gpu.cmake" OPTIONAL)  # no part of the installed package
set({= name =}_BACKEND_TARGET gencpp::libtorch_all)
if(NOT {= name =}_ARTIFACT_IS_COMPILED  # which names all of LibTorch
  AND ({= name =}_RUNS_ON STREQUAL "cpu" OR {= NAME =}_CUDA STREQUAL "OFF"))
  set({= name =}_BACKEND_TARGET gencpp::libtorch)
elseif(NOT TARGET gencpp::libtorch_all)  # a project of an earlier gencpp found LibTorch: all of it is one target
  set({= name =}_BACKEND_TARGET gencpp::libtorch)
endif()
# Of this project's own programs.
set({= name =}_PROGRAM_SOURCES "${CMAKE_CURRENT_LIST_DIR}/../src/libtorch/passive_start.cpp")
set({= name =}_BACKEND_PROGRAMS "")
set({= name =}_BACKEND_MODULES cmake/FindLibTorch.cmake cmake/facts.cmake)  # installed beside the package config
set({= name =}_BACKEND_CXX_STANDARD ${LibTorch_CXX_STANDARD})

# This backend needs no programs besides the app.
function({= name =}_add_backend_programs)
endfunction()

# Everything that hands std::string to LibTorch's callers has to have LibTorch's ABI.
get_target_property({= name =}_abi gencpp::libtorch INTERFACE_COMPILE_DEFINITIONS)
if({= name =}_abi AND TARGET {= name =}_core)
  get_target_property({= name =}_imported {= name =}_core IMPORTED)
  if(NOT {= name =}_imported)
    target_compile_definitions({= name =}_core PUBLIC ${{= name =}_abi})
  endif()
endif()
