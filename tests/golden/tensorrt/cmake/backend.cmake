# The backend of sample: TensorRT. Also part of the installed package.
include("${CMAKE_CURRENT_LIST_DIR}/network_source.cmake")
set(sample_trt_components "")
if(sample_TRT_NEEDS_PARSER)
  set(sample_trt_components COMPONENTS onnxparser)
endif()

list(PREPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")
if(CMAKE_FIND_PACKAGE_NAME STREQUAL "sample")
  find_package(TensorRT MODULE ${sample_trt_components})  # the package config says what a miss means
else()
  find_package(TensorRT REQUIRED MODULE ${sample_trt_components})
endif()
list(POP_FRONT CMAKE_MODULE_PATH)

set(sample_BACKEND_TARGET gencpp::tensorrt)
if(sample_TRT_NEEDS_PARSER)
  set(sample_BACKEND_TARGET gencpp::tensorrt_onnxparser)  # brings gencpp::tensorrt along
endif()
set(sample_BACKEND_CXX_STANDARD 17)
set(sample_BACKEND_SOURCES
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
  ${sample_NETWORK_SOURCES})
include("${CMAKE_CURRENT_LIST_DIR}/nvtx.cmake" OPTIONAL)  # not part of the installed package
set(sample_BACKEND_MODULES  # installed beside the package config
  cmake/FindTensorRT.cmake
  cmake/network_source.cmake
  cmake/cuda_runtime.cmake
  cmake/tensorrt_headers.cmake)

set(sample_PROGRAM_SOURCES "")  # TensorRT needs nothing of the program
# It builds the engine ahead.
set(sample_BACKEND_PROGRAMS sample_build_engine)
function(sample_add_backend_programs)
  add_subdirectory(tools)
endfunction()
