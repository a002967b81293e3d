# {= NAME =}_NVTX: ranges for NVIDIA's profilers in src/tensorrt/trt_slot*.cpp, from the
# header-only NVTX3 of the CUDA toolkit.
option({= NAME =}_NVTX "Mark runs for NVIDIA's profilers (needs nvtx3/nvToolsExt.h)" OFF)
if({= NAME =}_NVTX)
  get_target_property({= name =}_cuda_includes gencpp::cuda_runtime INTERFACE_INCLUDE_DIRECTORIES)
  find_path(
    {= NAME =}_NVTX_INCLUDE
    nvtx3/nvToolsExt.h
    HINTS ${{= name =}_cuda_includes}
    DOC "The folder that holds nvtx3/"
  )
  if(NOT {= NAME =}_NVTX_INCLUDE)
    message(
      FATAL_ERROR
      "{= NAME =}_NVTX is on, but nvtx3/nvToolsExt.h was not found: name its folder with "
      "-D{= NAME =}_NVTX_INCLUDE=DIR (a CUDA toolkit's include folder), or turn {= NAME =}_NVTX off"
    )
  endif()
  set_source_files_properties(src/tensorrt/trt_slot.cpp src/tensorrt/trt_slot_run.cpp PROPERTIES
    COMPILE_DEFINITIONS {= NAME =}_HAVE_NVTX
    INCLUDE_DIRECTORIES "${{= NAME =}_NVTX_INCLUDE}")
endif()
