# SAMPLE_CUDA: what a GPU needs beyond LibTorch itself. Streams and pinned copies need LibTorch's CUDA libraries;
# CUDA graphs need CUDA's headers too, of a toolkit or of pip packages. Without them the rest is built.
string(
  CONCAT text
  "GPUs: AUTO (streams and CUDA graphs where they can be built), ON, OFF (a program for the CPU alone, which "
  "starts faster and takes less memory)"
)
set(SAMPLE_CUDA AUTO CACHE STRING "${text}")
set_property(CACHE SAMPLE_CUDA PROPERTY STRINGS AUTO ON OFF)
set(SAMPLE_CUDA_INCLUDE "" CACHE PATH "A folder with CUDA's headers, where they are not found")

# Sets `out` to the folders of CUDA's headers that fit this LibTorch, or `missing` to what is wrong.
function(sample_find_cuda_headers out missing)
  set(${out} "" PARENT_SCOPE)
  # at::cuda::CUDAGraph has other members from CUDA 12.4 on: the headers have to be those of its CUDA.
  set(wanted "")
  foreach(file IN ITEMS "${LibTorch_ROOT_FOUND}/version.py" "${LibTorch_ROOT_FOUND}/build-version")
    if(NOT wanted AND EXISTS "${file}")
      file(READ "${file}" text)
      if(text MATCHES "cuda[^\n=]*= *'([0-9]+\\.[0-9]+)'")  # version.py
        set(wanted "${CMAKE_MATCH_1}")
      elseif(text MATCHES "\\+cu([0-9]+)([0-9])")  # 2.9.0+cu126
        set(wanted "${CMAKE_MATCH_1}.${CMAKE_MATCH_2}")
      endif()
    endif()
  endforeach()
  if(NOT wanted)
    set(${missing} "${LibTorch_ROOT_FOUND} does not tell which CUDA it was built with" PARENT_SCOPE)
    return()
  endif()

  set(folders ${SAMPLE_CUDA_INCLUDE})
  if(NOT folders)
    file(GLOB folders "${LibTorch_ROOT_FOUND}/../nvidia/*/include")  # pip packages beside torch
    find_package(CUDAToolkit QUIET)
    list(APPEND folders ${CUDAToolkit_INCLUDE_DIRS})
  endif()
  set(crt "")
  foreach(folder IN LISTS folders)
    if(NOT crt AND EXISTS "${folder}/crt/host_config.h")
      set(crt "${folder}")
    endif()
  endforeach()
  set(reason "there is no CUDA toolkit, nor pip's nvidia-cuda-runtime and nvidia-cuda-crt beside torch")
  if(SAMPLE_CUDA_INCLUDE)
    set(reason "SAMPLE_CUDA_INCLUDE is ${SAMPLE_CUDA_INCLUDE}, which has no cuda.h and cuda_runtime_api.h")
  endif()
  foreach(folder IN LISTS folders)
    if(NOT EXISTS "${folder}/cuda.h" OR NOT EXISTS "${folder}/cuda_runtime_api.h")
      continue()
    endif()
    file(STRINGS "${folder}/cuda_runtime_api.h" line REGEX "^#define[ \t]+CUDART_VERSION[ \t]+[0-9]+")
    string(REGEX MATCH "[0-9]+" number "${line}")
    math(EXPR major "${number} / 1000")
    math(EXPR minor "${number} % 1000 / 10")
    set(version "${major}.${minor}")
    string(REGEX MATCH "^[0-9]+" wanted_major "${wanted}")
    set(same_members OFF)
    if(
      (version VERSION_LESS 12.4 AND wanted VERSION_LESS 12.4)
      OR (version VERSION_GREATER_EQUAL 12.4 AND wanted VERSION_GREATER_EQUAL 12.4)
    )
      set(same_members ON)
    endif()
    if(NOT major EQUAL wanted_major OR NOT same_members)
      set(reason "the headers in ${folder} are those of CUDA ${version}, LibTorch was built with ${wanted}")
    elseif(EXISTS "${folder}/crt/host_config.h")
      set(${out} "${folder}" PARENT_SCOPE)
      return()
    elseif(crt)
      set(${out} "${folder};${crt}" PARENT_SCOPE)
      return()
    else()
      string(
        CONCAT reason
        "${folder} has cuda_runtime_api.h but not crt/host_config.h, which another pip package holds "
        "(nvidia-cuda-crt, before CUDA 13 nvidia-cuda-nvcc)"
      )
    endif()
  endforeach()
  set(${missing} "${reason}" PARENT_SCOPE)
endfunction()

list(APPEND sample_BACKEND_SOURCES src/cuda/cuda_driver.cpp src/cuda/gpu.cpp)
if(sample_RUNS_ON STREQUAL "cuda" AND SAMPLE_CUDA STREQUAL "OFF")
  message(FATAL_ERROR "SAMPLE_CUDA is OFF, but this project was made for a GPU alone: "
    "`gencpp new` with --device any or cpu makes one that runs on the CPU. Else leave SAMPLE_CUDA out")
endif()
set(sample_cuda_missing "")
if(NOT SAMPLE_CUDA STREQUAL "OFF")
  if(NOT LibTorch_CUDA)
    set(sample_cuda_missing "this LibTorch is a CPU build")
  elseif(LibTorch_VERSION VERSION_LESS 2.5)
    set(sample_cuda_missing "LibTorch is ${LibTorch_VERSION}, streams need 2.5 or later")
  else()
    list(APPEND sample_BACKEND_SOURCES src/cuda/cuda_runner.cpp src/cuda/cuda_slot.cpp src/cuda/cuda_graph.cpp)
    set_property(SOURCE src/cuda/gpu.cpp APPEND PROPERTY COMPILE_DEFINITIONS SAMPLE_HAVE_CUDA)
    sample_find_cuda_headers(sample_cuda_headers sample_cuda_missing)
    if(sample_cuda_headers)
      set_property(SOURCE src/cuda/cuda_graph.cpp APPEND PROPERTY COMPILE_DEFINITIONS SAMPLE_HAVE_CUDA_GRAPHS)
      foreach(folder IN LISTS sample_cuda_headers)
        if(MSVC)
          set_property(SOURCE src/cuda/cuda_graph.cpp APPEND PROPERTY INCLUDE_DIRECTORIES "${folder}")
        else()  # as headers of the system: their warnings are not ours
          set_property(SOURCE src/cuda/cuda_graph.cpp APPEND PROPERTY COMPILE_OPTIONS -isystem "${folder}")
        endif()
      endforeach()
    endif()
  endif()
  if(sample_cuda_missing AND NOT SAMPLE_CUDA STREQUAL "AUTO")
    message(
      FATAL_ERROR
      "SAMPLE_CUDA is ${SAMPLE_CUDA}, but ${sample_cuda_missing}. Install a CUDA build of "
      "LibTorch, and CUDA's headers (a toolkit, or pip's nvidia-cuda-runtime and nvidia-cuda-crt) or "
      "name their folder with -DSAMPLE_CUDA_INCLUDE=DIR; or leave SAMPLE_CUDA at AUTO"
    )
  elseif(sample_cuda_missing AND LibTorch_CUDA)
    message(STATUS "sample: no CUDA graphs: ${sample_cuda_missing}")
  endif()
endif()

include("${CMAKE_CURRENT_LIST_DIR}/nvtx.cmake")
