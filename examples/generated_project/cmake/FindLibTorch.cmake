# Finds LibTorch and makes the imported targets gencpp::libtorch, which is what the CPU needs, and
# gencpp::libtorch_all, which is all of it: with a CUDA build, its libraries take time and memory at every start.
#
# Unlike find_package(Torch), it needs no CUDA toolkit for a CUDA build of torch: the libraries of CUDA
# are found at run time through the paths that torch's own libraries carry.
#
# Looked for in this order, the first that is there is taken:
#   1. Torch_ROOT (CMake or environment): a downloaded libtorch/, or site-packages/torch
#   2. Torch_DIR, CMAKE_PREFIX_PATH
#   3. the torch package of LibTorch_PYTHON (default: python3 of the PATH)
#   4. /usr/local, /usr
#
# Sets LibTorch_FOUND, LibTorch_VERSION, LibTorch_CXX_STANDARD (what its headers need) and
# LibTorch_CUDA (whether it is a CUDA build).

function(gencpp_find_libtorch)
  # --- candidates ---------------------------------------------------------------------------------
  set(chosen "")
  foreach(variable IN ITEMS Torch_ROOT TORCH_ROOT LibTorch_ROOT)
    if(DEFINED ${variable})
      list(APPEND chosen "${${variable}}")
    elseif(DEFINED ENV{${variable}})
      list(APPEND chosen "$ENV{${variable}}")
    endif()
  endforeach()
  if(chosen)
    # Somebody named a place: another one is never taken silently.
    set(candidates ${chosen})
  else()
    set(candidates "")
    if(Torch_DIR)
      list(APPEND candidates "${Torch_DIR}/../../..")
    endif()
    set(prefixes ${CMAKE_PREFIX_PATH})
    if(DEFINED ENV{CMAKE_PREFIX_PATH})
      file(TO_CMAKE_PATH "$ENV{CMAKE_PREFIX_PATH}" from_environment)
      list(APPEND prefixes ${from_environment})
    endif()
    foreach(prefix IN LISTS prefixes)
      # torch.utils.cmake_prefix_path is torch/share/cmake.
      list(APPEND candidates "${prefix}" "${prefix}/../.." "${prefix}/torch")
    endforeach()
    find_program(LibTorch_PYTHON NAMES python3 python DOC "Python whose torch package is used")
    if(LibTorch_PYTHON)
      string(
        CONCAT script
        "import importlib.util as u; s = u.find_spec('torch'); "
        "print(s.submodule_search_locations[0] if s else '')"
      )
      execute_process(
        COMMAND "${LibTorch_PYTHON}" -c "${script}"
        OUTPUT_VARIABLE from_python OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
      if(from_python)
        file(TO_CMAKE_PATH "${from_python}" from_python)
        list(APPEND candidates "${from_python}")
      endif()
    endif()
    if(UNIX)
      list(APPEND candidates /usr/local /usr)
    endif()
  endif()

  # --- the first that holds LibTorch ----------------------------------------------------------------
  set(root "")
  foreach(candidate IN LISTS candidates)
    if(EXISTS "${candidate}/include/torch/csrc/jit/api/module.h")
      get_filename_component(root "${candidate}" ABSOLUTE)
      break()
    endif()
  endforeach()
  if(NOT root)
    if(chosen)
      set(reason "Torch_ROOT is ${chosen}, which has no include/torch/csrc/jit/api/module.h.")
    else()
      set(reason "Neither CMAKE_PREFIX_PATH nor the Python '${LibTorch_PYTHON}' has it.")
    endif()
    string(
      CONCAT text
      "${reason} Get it with `pip install torch`, or download LibTorch from pytorch.org, and configure with "
      "-DTorch_ROOT=<site-packages>/torch or -DTorch_ROOT=<libtorch>."
    )
    set(LibTorch_NOT_FOUND_MESSAGE "${text}" PARENT_SCOPE)
    return()
  endif()

  set(folders "${root}/lib" "${root}/lib64" "${root}/lib/${CMAKE_LIBRARY_ARCHITECTURE}")
  foreach(library IN ITEMS torch torch_cpu c10 torch_cuda c10_cuda)
    unset(gencpp_torch_${library})
    find_library(gencpp_torch_${library} NAMES ${library} PATHS ${folders} NO_DEFAULT_PATH NO_CACHE)
    set(${library}_library "${gencpp_torch_${library}}")
  endforeach()
  if(NOT torch_cpu_library OR NOT c10_library)
    string(
      CONCAT text
      "${root} has LibTorch's headers but not its libraries torch_cpu and c10."
    )
    set(LibTorch_NOT_FOUND_MESSAGE "${text}" PARENT_SCOPE)
    return()
  endif()

  # --- what its headers say ---------------------------------------------------------------------------
  set(version "")
  foreach(header IN ITEMS torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
    if(NOT version AND EXISTS "${root}/include/${header}")
      file(STRINGS "${root}/include/${header}" lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH)")
      string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*PATCH ([0-9]+).*" "\\1.\\2.\\3" version "${lines}")
    endif()
  endforeach()
  set(standard 17)
  if(EXISTS "${root}/include/ATen/ATen.h")
    file(STRINGS "${root}/include/ATen/ATen.h" needs_20 REGEX "C\\+\\+20 or later")
    if(needs_20)
      set(standard 20)
    endif()
  endif()

  # --- the target -------------------------------------------------------------------------------------
  set(cuda OFF)
  if(torch_cuda_library AND c10_cuda_library)
    set(cuda ON)
  endif()
  add_library(gencpp::libtorch INTERFACE IMPORTED GLOBAL)
  set_target_properties(gencpp::libtorch PROPERTIES
    GENCPP_VERSION "${version}"
    GENCPP_CXX_STANDARD "${standard}"
    GENCPP_CUDA "${cuda}"
    GENCPP_ROOT "${root}")
  target_include_directories(gencpp::libtorch SYSTEM INTERFACE
    "${root}/include" "${root}/include/torch/csrc/api/include")
  # dlopen is called for NVIDIA's driver and by NVTX.
  target_link_libraries(gencpp::libtorch INTERFACE "${torch_cpu_library}" "${c10_library}" ${CMAKE_DL_LIBS})
  add_library(gencpp::libtorch_all INTERFACE IMPORTED GLOBAL)
  target_link_libraries(gencpp::libtorch_all INTERFACE gencpp::libtorch)
  if(torch_library)
    if(UNIX AND NOT APPLE)
      # No symbol of it is called; compiled artifacts name it, and find it only when it is loaded.
      target_link_libraries(gencpp::libtorch_all INTERFACE
        "-Wl,--push-state,--no-as-needed,\"${torch_library}\",--pop-state")
    else()
      target_link_libraries(gencpp::libtorch_all INTERFACE "${torch_library}")
    endif()
  endif()
  if(cuda)
    if(UNIX AND NOT APPLE)
      # No symbol of torch_cuda is called by name: a linker that drops unused libraries would drop it,
      # and CUDA would be "not available" at run time.
      target_link_libraries(gencpp::libtorch_all INTERFACE
        "-Wl,--push-state,--no-as-needed,\"${torch_cuda_library}\",\"${c10_cuda_library}\",--pop-state")
    else()
      target_link_libraries(gencpp::libtorch_all INTERFACE "${torch_cuda_library}" "${c10_cuda_library}")
      if(MSVC)
        target_link_options(gencpp::libtorch_all INTERFACE "-INCLUDE:?warp_size@cuda@at@@YAHXZ")
      endif()
    endif()
  endif()

  # The ABI of std::string that this LibTorch was built with, as its own package config says it.
  foreach(config IN ITEMS "${root}/share/cmake/Torch/TorchConfig.cmake")
    if(EXISTS "${config}")
      file(STRINGS "${config}" old_abi REGEX "_GLIBCXX_USE_CXX11_ABI=0")
      if(old_abi)
        target_compile_definitions(gencpp::libtorch INTERFACE _GLIBCXX_USE_CXX11_ABI=0)
      endif()
    endif()
  endforeach()
endfunction()

if(NOT TARGET gencpp::libtorch)
  gencpp_find_libtorch()
endif()
if(TARGET gencpp::libtorch)
  get_target_property(LibTorch_VERSION gencpp::libtorch GENCPP_VERSION)
  get_target_property(LibTorch_CXX_STANDARD gencpp::libtorch GENCPP_CXX_STANDARD)
  get_target_property(LibTorch_CUDA gencpp::libtorch GENCPP_CUDA)
  get_target_property(LibTorch_ROOT_FOUND gencpp::libtorch GENCPP_ROOT)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_ROOT_FOUND LibTorch_CXX_STANDARD
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "${LibTorch_NOT_FOUND_MESSAGE}")
