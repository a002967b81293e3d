# SAMPLE_NVTX: ranges for NVIDIA's profilers in src/tensorrt/trt_slot*.cpp, from the
# header-only NVTX3 of the CUDA toolkit.
option(SAMPLE_NVTX "Mark runs for NVIDIA's profilers (needs nvtx3/nvToolsExt.h)" OFF)
if(SAMPLE_NVTX)
  get_target_property(sample_cuda_includes gencpp::cuda_runtime INTERFACE_INCLUDE_DIRECTORIES)
  find_path(
    SAMPLE_NVTX_INCLUDE
    nvtx3/nvToolsExt.h
    HINTS ${sample_cuda_includes}
    DOC "The folder that holds nvtx3/"
  )
  if(NOT SAMPLE_NVTX_INCLUDE)
    message(
      FATAL_ERROR
      "SAMPLE_NVTX is on, but nvtx3/nvToolsExt.h was not found: name its folder with "
      "-DSAMPLE_NVTX_INCLUDE=DIR (a CUDA toolkit's include folder), or turn SAMPLE_NVTX off"
    )
  endif()
  set_source_files_properties(src/tensorrt/trt_slot.cpp src/tensorrt/trt_slot_run.cpp PROPERTIES
    COMPILE_DEFINITIONS SAMPLE_HAVE_NVTX
    INCLUDE_DIRECTORIES "${SAMPLE_NVTX_INCLUDE}")
endif()
