# The CUDA runtime for C++ without the CUDA language: the target gencpp::cuda_runtime. Part of FindTensorRT.cmake.

# Makes gencpp::cuda_runtime, or sets `message`. `pip` are folders of pip packages.
#
# The static library is preferred. Then a program needs nothing of CUDA but the driver, as TensorRT itself
# does; and LibTorch in the same process keeps its own libcudart.so.13, where ours would be loaded in its place
# and may be older. The archive's symbols are hidden, and several runtimes in a process share the GPU's context.
function(gencpp_find_cuda_runtime pip message)
  gencpp_tensorrt_named(chosen CUDAToolkit_ROOT)
  set(includes "")
  if(chosen)
    set(roots ${chosen})
  else()
    find_package(CUDAToolkit QUIET)
    if(CUDAToolkit_FOUND)
      set(includes ${CUDAToolkit_INCLUDE_DIRS})
    endif()
    set(roots ${pip})
  endif()
  foreach(root IN LISTS roots)
    file(GLOB folders "${root}/targets/*")
    list(PREPEND folders "${root}")
    foreach(folder IN LISTS folders)
      list(APPEND includes "${folder}/include")
    endforeach()
  endforeach()

  gencpp_tensorrt_folder_with(cuda_runtime_api.h include ${includes})
  if(NOT include)
    if(chosen)
      set(reason "CUDAToolkit_ROOT is ${chosen}, which has no include/cuda_runtime_api.h.")
    else()
      set(reason "There is no CUDA toolkit, and the Python '${TensorRT_PYTHON}' has no package of the CUDA runtime.")
    endif()
    string(
      CONCAT text
      "TensorRT's headers need the CUDA runtime's. ${reason} Install a CUDA toolkit, or `pip install "
      "nvidia-cuda-runtime nvidia-cuda-crt` (CUDA 12: nvidia-cuda-runtime-cu12 nvidia-cuda-nvcc-cu12) "
      "into the Python that -DTensorRT_PYTHON names."
    )
    set(${message} "${text}" PARENT_SCOPE)
    return()
  endif()
  file(STRINGS "${include}/cuda_runtime_api.h" line REGEX "^#define[ \t]+CUDART_VERSION[ \t]+[0-9]+")
  string(REGEX MATCH "[0-9]+" number "${line}")
  math(EXPR major "${number} / 1000")
  math(EXPR minor "${number} % 1000 / 10")

  # The pip package of the runtime lacks crt/: before CUDA 13 that of nvcc has it, a folder further.
  get_filename_component(parent "${include}/../.." ABSOLUTE)
  gencpp_tensorrt_folder_with(crt/host_defines.h crt ${include}
    "${parent}/cuda_nvcc/include" "${parent}/cuda_crt/include")
  if(NOT crt)
    set(package "nvidia-cuda-crt")
    if(major LESS 13)
      set(package "nvidia-cuda-nvcc-cu${major}")
    endif()
    string(
      CONCAT text
      "${include} has cuda_runtime_api.h but not crt/host_defines.h, which another pip package holds: "
      "`pip install \"${package}==${major}.${minor}.*\"`, or install a CUDA toolkit."
    )
    set(${message} "${text}" PARENT_SCOPE)
    return()
  endif()
  list(APPEND include "${crt}")
  list(REMOVE_DUPLICATES include)

  # The library of the same installation as the headers.
  list(GET include 0 folder)
  get_filename_component(folder "${folder}" DIRECTORY)
  set(folders "${folder}/lib64" "${folder}/lib" "${folder}/lib/x64")
  if(CUDAToolkit_FOUND AND NOT chosen)
    list(PREPEND folders ${CUDAToolkit_LIBRARY_DIR})
  endif()
  if(TensorRT_CUDART_LIBRARY)
    set(library "${TensorRT_CUDART_LIBRARY}")
  else()
    unset(library)  # the caller's, which a function sees
    find_library(library NAMES cudart_static PATHS ${folders} NO_DEFAULT_PATH NO_CACHE)
    if(NOT library)
      gencpp_tensorrt_library(cudart library ${folders})
    endif()
  endif()
  if(NOT library)
    string(
      CONCAT text
      "The CUDA runtime's headers are in ${include}, but neither libcudart_static.a nor libcudart.so "
      "is beside them. Install a CUDA toolkit, or configure with -DTensorRT_CUDART_LIBRARY=<file>."
    )
    set(${message} "${text}" PARENT_SCOPE)
    return()
  endif()

  add_library(gencpp::cuda_runtime INTERFACE IMPORTED GLOBAL)
  set_target_properties(gencpp::cuda_runtime PROPERTIES
    GENCPP_VERSION "${major}.${minor}"
    GENCPP_LIBRARY "${library}")
  target_include_directories(gencpp::cuda_runtime SYSTEM INTERFACE ${include})
  # dlopen is called by the static library, and by our own search for the driver.
  target_link_libraries(gencpp::cuda_runtime INTERFACE "${library}" ${CMAKE_DL_LIBS})
  if(UNIX AND library MATCHES "\\.a$")
    find_package(Threads QUIET)
    target_link_libraries(gencpp::cuda_runtime INTERFACE ${CMAKE_THREAD_LIBS_INIT})
    if(NOT APPLE)
      target_link_libraries(gencpp::cuda_runtime INTERFACE rt)
    endif()
  endif()
endfunction()
