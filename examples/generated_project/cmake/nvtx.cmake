# SAMPLE_NVTX: ranges for NVIDIA's profilers in src/cuda/cuda_slot.cpp, from the header-only NVTX3.
option(SAMPLE_NVTX "Mark runs for NVIDIA's profilers (needs nvtx3/nvToolsExt.h)" OFF)
if(SAMPLE_NVTX)
  file(GLOB sample_nvtx_hints "${LibTorch_ROOT_FOUND}/../nvidia/*/include")  # pip packages beside torch
  find_package(CUDAToolkit QUIET)
  find_path(SAMPLE_NVTX_INCLUDE nvtx3/nvToolsExt.h
    HINTS ${SAMPLE_CUDA_INCLUDE} ${sample_nvtx_hints} ${CUDAToolkit_INCLUDE_DIRS}
    DOC "The folder that holds nvtx3/")
  if(NOT SAMPLE_NVTX_INCLUDE)
    message(
      FATAL_ERROR
      "SAMPLE_NVTX is on, but nvtx3/nvToolsExt.h was not found: name its folder with "
      "-DSAMPLE_NVTX_INCLUDE=DIR (a CUDA toolkit's include folder, or that of pip's nvidia-nvtx), "
      "or turn SAMPLE_NVTX off"
    )
  endif()
  set_property(SOURCE src/cuda/cuda_slot.cpp APPEND PROPERTY COMPILE_DEFINITIONS SAMPLE_HAVE_NVTX)
  if(MSVC)
    set_property(SOURCE src/cuda/cuda_slot.cpp APPEND PROPERTY INCLUDE_DIRECTORIES "${SAMPLE_NVTX_INCLUDE}")
  else()  # as headers of the system: their warnings are not ours
    set_property(SOURCE src/cuda/cuda_slot.cpp APPEND PROPERTY COMPILE_OPTIONS -isystem "${SAMPLE_NVTX_INCLUDE}")
  endif()
endif()
