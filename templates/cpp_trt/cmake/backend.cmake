# The backend of {= name =}: TensorRT. Also part of the installed package.
include("${CMAKE_CURRENT_LIST_DIR}/network_source.cmake")
set({= name =}_trt_components "")
if({= name =}_TRT_NEEDS_PARSER)
  set({= name =}_trt_components COMPONENTS onnxparser)
endif()

list(PREPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")
if(CMAKE_FIND_PACKAGE_NAME STREQUAL "{= name =}")
  find_package(TensorRT MODULE ${{= name =}_trt_components})  # the package config says what a miss means
else()
  find_package(TensorRT REQUIRED MODULE ${{= name =}_trt_components})
endif()
list(POP_FRONT CMAKE_MODULE_PATH)

set({= name =}_BACKEND_TARGET gencpp::tensorrt)
if({= name =}_TRT_NEEDS_PARSER)
  set({= name =}_BACKEND_TARGET gencpp::tensorrt_onnxparser)  # brings gencpp::tensorrt along
endif()
set({= name =}_BACKEND_CXX_STANDARD 17)
set({= name =}_BACKEND_SOURCES
  src/tensorrt/engine_facts.cpp
  src/tensorrt/trt_backend.cpp
  src/tensorrt/trt_build.cpp
  src/tensorrt/trt_cache.cpp
  src/tensorrt/trt_engine.cpp
  src/tensorrt/trt_handles.cpp
  src/tensorrt/trt_inspect.cpp
  src/tensorrt/trt_logger.cpp
  src/tensorrt/trt_plan.cpp
  src/tensorrt/trt_pool.cpp
  src/tensorrt/trt_slot.cpp
  src/tensorrt/trt_slot_run.cpp
  src/tensorrt/trt_startup.cpp
  src/tensorrt/trt_tool.cpp
  ${{= name =}_NETWORK_SOURCES})
include("${CMAKE_CURRENT_LIST_DIR}/nvtx.cmake" OPTIONAL)  # not part of the installed package
set({= name =}_BACKEND_MODULES  # installed beside the package config
  cmake/FindTensorRT.cmake
  cmake/network_source.cmake
  cmake/cuda_runtime.cmake
  cmake/tensorrt_headers.cmake)

set({= name =}_PROGRAM_SOURCES "")  # TensorRT needs nothing of the program
# It builds the engine ahead.
set({= name =}_BACKEND_PROGRAMS {= name =}_build_engine)
function({= name =}_add_backend_programs)
  add_subdirectory(tools)
endfunction()
