# {= NAME =}_NVTX: ranges for NVIDIA's profilers in src/cuda/cuda_slot.cpp, from the header-only NVTX3.
option({= NAME =}_NVTX "Mark runs for NVIDIA's profilers (needs nvtx3/nvToolsExt.h)" OFF)
if({= NAME =}_NVTX)
  file(GLOB {= name =}_nvtx_hints "${LibTorch_ROOT_FOUND}/../nvidia/*/include")  # pip packages beside torch
  find_package(CUDAToolkit QUIET)
  find_path({= NAME =}_NVTX_INCLUDE nvtx3/nvToolsExt.h
    HINTS ${{= NAME =}_CUDA_INCLUDE} ${{= name =}_nvtx_hints} ${CUDAToolkit_INCLUDE_DIRS}
    DOC "The folder that holds nvtx3/")
  if(NOT {= NAME =}_NVTX_INCLUDE)
    message(
      FATAL_ERROR
      "{= NAME =}_NVTX is on, but nvtx3/nvToolsExt.h was not found: name its folder with "
      "-D{= NAME =}_NVTX_INCLUDE=DIR (a CUDA toolkit's include folder, or that of pip's nvidia-nvtx), "
      "or turn {= NAME =}_NVTX off"
    )
  endif()
  set_property(SOURCE src/cuda/cuda_slot.cpp APPEND PROPERTY COMPILE_DEFINITIONS {= NAME =}_HAVE_NVTX)
  if(MSVC)
    set_property(SOURCE src/cuda/cuda_slot.cpp APPEND PROPERTY INCLUDE_DIRECTORIES "${{= NAME =}_NVTX_INCLUDE}")
  else()  # as headers of the system: their warnings are not ours
    set_property(SOURCE src/cuda/cuda_slot.cpp APPEND PROPERTY COMPILE_OPTIONS -isystem "${{= NAME =}_NVTX_INCLUDE}")
  endif()
endif()
