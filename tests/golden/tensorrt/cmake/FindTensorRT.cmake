# Finds TensorRT and makes the imported targets gencpp::tensorrt (with the CUDA runtime) and, where the
# ONNX parser is there, gencpp::tensorrt_onnxparser. Several projects in one build share them.
#
# Libraries are looked for in this order, the first that are there are taken:
#   1. TensorRT_ROOT, TENSORRT_ROOT (CMake, then environment): an SDK, or a pip package's folder
#   2. CMAKE_PREFIX_PATH, then the system: /usr, /usr/local, /usr/local/TensorRT*, /opt/TensorRT*
#   3. pip packages of TensorRT_PYTHON (default: python3 of the PATH): tensorrt_libs, tensorrt,
#      tensorrt_rtx_libs, tensorrt_lean_libs
# Headers:
#   1. SAMPLE_TENSORRT_HEADERS: a folder with NvInfer.h, or include/NvInfer.h, or one X.Y/include a version
#   2. beside the library
#   3. downloaded from the public repository, unless SAMPLE_FETCH_TENSORRT_HEADERS is OFF
# The CUDA runtime:
#   1. CUDAToolkit_ROOT (CMake, then environment); 2. find_package(CUDAToolkit); 3. pip packages
#   TensorRT_CUDART_LIBRARY names its library, when it is to be another one than beside the headers.
#
# Sets TensorRT_FOUND, TensorRT_VERSION (the library's), TensorRT_HEADERS_VERSION, TensorRT_RTX,
# TensorRT_ONNX_PARSER_FOUND and TensorRT_CUDA_VERSION. Component: onnxparser.

include("${CMAKE_CURRENT_LIST_DIR}/tensorrt_headers.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/cuda_runtime.cmake")

# lib<stem>.so in one of the folders `ARGN`; pip packages have only the versioned name.
function(gencpp_tensorrt_library stem out)
  set(${out} "" PARENT_SCOPE)
  foreach(folder IN LISTS ARGN)
    file(GLOB found "${folder}/lib${stem}.so.*" "${folder}/${stem}_*.lib")
    list(FILTER found INCLUDE REGEX "(\\.so\\.[0-9.]+|${stem}_[0-9]+\\.lib)$")
    # The highest major, and of libnvinfer.so.10 and libnvinfer.so.10.9.0 the former.
    list(SORT found COMPARE NATURAL ORDER DESCENDING)
    string(REGEX REPLACE "(\\.so\\.[0-9]+)[0-9.]*(;|$)" "\\1\\2" short "${found}")
    list(PREPEND short "${folder}/lib${stem}.so" "${folder}/${stem}.lib")
    foreach(file IN LISTS short found)
      if(EXISTS "${file}" AND NOT IS_DIRECTORY "${file}")
        set(${out} "${file}" PARENT_SCOPE)
        return()
      endif()
    endforeach()
  endforeach()
endfunction()

# Folders of a root that may hold libraries; the root itself may be one (pip packages).
function(gencpp_tensorrt_library_folders root out)
  set(folders "${root}/lib/${CMAKE_LIBRARY_ARCHITECTURE}" "${root}/lib64" "${root}/lib" "${root}/lib/x64" "${root}")
  file(GLOB targets "${root}/targets/*/lib")
  set(${out} "${folders};${targets}" PARENT_SCOPE)
endfunction()

# The first of the folders `ARGN` that has a header.
function(gencpp_tensorrt_folder_with header out)
  set(${out} "" PARENT_SCOPE)
  foreach(folder IN LISTS ARGN)
    if(EXISTS "${folder}/${header}")
      get_filename_component(folder "${folder}" ABSOLUTE)
      set(${out} "${folder}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

# What these variables name, in CMake or else in the environment.
function(gencpp_tensorrt_named out)
  set(named "")
  foreach(variable IN LISTS ARGN)
    if(NOT named AND DEFINED ${variable} AND NOT "${${variable}}" STREQUAL "")
      file(TO_CMAKE_PATH "${${variable}}" named)
    endif()
  endforeach()
  foreach(variable IN LISTS ARGN)
    if(NOT named AND NOT "$ENV{${variable}}" STREQUAL "")
      file(TO_CMAKE_PATH "$ENV{${variable}}" named)
    endif()
  endforeach()
  set(${out} "${named}" PARENT_SCOPE)
endfunction()

# Folders of pip packages, found without importing them: of TensorRT, and of the CUDA runtime.
function(gencpp_tensorrt_pip tensorrt cuda)
  find_program(TensorRT_PYTHON NAMES python3 python DOC "Python whose TensorRT packages are used")
  set(found "")
  if(TensorRT_PYTHON)
    execute_process(COMMAND "${TensorRT_PYTHON}" -c [=[
import importlib.util
import os

def folders(package):
    spec = importlib.util.find_spec(package)
    return list(spec.submodule_search_locations or []) if spec else []

for package in ("tensorrt_libs", "tensorrt", "tensorrt_rtx_libs", "tensorrt_lean_libs"):
    for folder in folders(package):
        print("tensorrt=" + folder)
for folder in folders("nvidia"):
    # CUDA 13 has one folder for all packages, before that each package has its own.
    one = [name for name in os.listdir(folder) if name[:2] == "cu" and name[2:].isdigit()]
    for name in sorted(one, reverse=True) + ["cuda_runtime"]:
        print("cuda=" + os.path.join(folder, name))
]=] OUTPUT_VARIABLE found ERROR_QUIET)
  endif()
  file(TO_CMAKE_PATH "${found}" found)
  string(REGEX REPLACE "\r?\n" ";" found "${found}")
  foreach(kind IN ITEMS tensorrt cuda)
    set(folders ${found})
    list(FILTER folders INCLUDE REGEX "^${kind}=")
    list(TRANSFORM folders REPLACE "^${kind}=" "")
    set(${${kind}} "${folders}" PARENT_SCOPE)
  endforeach()
endfunction()

# The version of a library, as exactly as its surroundings tell: 10.13.3, or only 10.
function(gencpp_tensorrt_library_version library out)
  get_filename_component(folder "${library}" DIRECTORY)
  file(REAL_PATH "${library}" real)
  set(version "")
  if(real MATCHES "(\\.so\\.|_)([0-9.]*[0-9])(\\.lib)?$")
    set(version "${CMAKE_MATCH_2}")
  elseif(CMAKE_READELF)
    execute_process(COMMAND "${CMAKE_READELF}" -d "${real}" OUTPUT_VARIABLE dynamic ERROR_QUIET)
    if(dynamic MATCHES "soname: \\[[^]]*\\.so\\.([0-9.]+)\\]")
      set(version "${CMAKE_MATCH_1}")
    endif()
  endif()
  if(NOT version MATCHES "\\.")
    # A pip package: tensorrt_libs/ was installed by tensorrt_cu13_libs-11.1.0.dist-info.
    get_filename_component(package "${folder}" NAME)
    string(REPLACE "_libs" "(_cu[0-9]+)?_libs" pattern "${package}")
    file(GLOB neighbours RELATIVE "${folder}/.." "${folder}/../tensorrt*.dist-info")
    list(FILTER neighbours INCLUDE REGEX "^${pattern}-[0-9.]+[^-]*\\.dist-info$")
    string(REGEX REPLACE "(^|;)[^;]*-([0-9.]*[0-9])[^;-]*\\.dist-info" "\\1\\2" told "${neighbours}")
    # An SDK or a pip package: the builder's resources carry the whole version.
    file(GLOB resources "${folder}/libnvinfer_builder_resource*.so.*")
    string(REGEX REPLACE "(^|;)[^;]*\\.so\\.([0-9.]+)" "\\1\\2" resources "${resources}")
    foreach(candidate IN LISTS told resources)
      if(candidate MATCHES "^${version}\\." OR (NOT version AND candidate MATCHES "^[0-9]+\\."))
        set(version "${candidate}")
        break()
      endif()
    endforeach()
  endif()
  set(${out} "${version}" PARENT_SCOPE)
endfunction()

# Makes the targets, or sets TensorRT_NOT_FOUND_MESSAGE.
function(gencpp_find_tensorrt)
  gencpp_tensorrt_pip(pip_tensorrt pip_cuda)
  gencpp_tensorrt_named(chosen TensorRT_ROOT TENSORRT_ROOT)
  if(chosen)
    # Somebody named a place: another one is never taken silently.
    set(roots ${chosen})
  else()
    set(roots ${CMAKE_PREFIX_PATH})
    file(TO_CMAKE_PATH "$ENV{CMAKE_PREFIX_PATH}" from_environment)
    file(GLOB unpacked "${CMAKE_SYSROOT}/usr/local/[Tt]ensor[Rr][Tt]*" "${CMAKE_SYSROOT}/opt/[Tt]ensor[Rr][Tt]*")
    list(SORT unpacked COMPARE NATURAL ORDER DESCENDING)
    list(APPEND roots ${from_environment})
    if(UNIX)
      list(APPEND roots "${CMAKE_SYSROOT}/usr" "${CMAKE_SYSROOT}/usr/local" ${unpacked})
    endif()
    list(APPEND roots ${pip_tensorrt})
  endif()

  # --- the libraries: the full one anywhere, else TensorRT-RTX's, else the lean one, which is refused ------
  set(library "")
  foreach(candidate_stem IN ITEMS nvinfer tensorrt_rtx nvinfer_lean)
    foreach(candidate IN LISTS roots)
      if(NOT library)
        gencpp_tensorrt_library_folders("${candidate}" folders)
        gencpp_tensorrt_library(${candidate_stem} library ${folders})
        set(stem ${candidate_stem})
        set(root "${candidate}")
      endif()
    endforeach()
  endforeach()
  string(
    CONCAT get
    "Install TensorRT (its archive or packages, or `pip install tensorrt`) and configure with "
    "-DTensorRT_ROOT=<folder>, or -DTensorRT_PYTHON=<the Python that has it>"
  )
  if(NOT library)
    set(headers_only "${SAMPLE_TENSORRT_HEADERS}")
    foreach(root IN LISTS roots)
      gencpp_tensorrt_folder_with(NvInfer.h found
        "${root}/include/${CMAKE_LIBRARY_ARCHITECTURE}" "${root}/include" "${root}")
      if(found AND NOT headers_only)
        set(headers_only "${found}")
      endif()
    endforeach()
    if(chosen)
      string(
        CONCAT reason
        "TensorRT_ROOT is ${chosen}, which has no libnvinfer.so (looked for in it, lib/, lib64/ and "
        "lib/${CMAKE_LIBRARY_ARCHITECTURE}/)."
      )
    else()
      string(
        CONCAT reason
        "No libnvinfer.so in CMAKE_PREFIX_PATH, the system's folders and the packages of the Python "
        "'${TensorRT_PYTHON}'."
      )
    endif()
    if(headers_only)
      string(APPEND reason " There are headers without a library in ${headers_only}.")
    endif()
    set(TensorRT_NOT_FOUND_MESSAGE "${reason} ${get}." PARENT_SCOPE)
    return()
  endif()
  if(stem STREQUAL "nvinfer_lean")
    string(
      CONCAT text
      "${library} is TensorRT's lean runtime, which cannot build engines. ${get}."
    )
    set(TensorRT_NOT_FOUND_MESSAGE "${text}" PARENT_SCOPE)
    return()
  endif()
  set(rtx OFF)
  set(parser_stem nvonnxparser)
  if(stem STREQUAL "tensorrt_rtx")
    set(rtx ON)
    set(parser_stem tensorrt_onnxparser_rtx)
  endif()
  get_filename_component(folder "${library}" DIRECTORY)
  gencpp_tensorrt_library_version("${library}" version)

  # --- headers, and the parser -------------------------------------------------------------------------
  gencpp_tensorrt_headers("${library}" "${version}" ${rtx} "${root}" include headers_version failed)
  if(NOT include)
    set(TensorRT_NOT_FOUND_MESSAGE "${failed}" PARENT_SCOPE)
    return()
  endif()
  gencpp_tensorrt_library(${parser_stem} parser_library "${folder}")
  # A checkout of the public repository has the parser's header as a submodule.
  gencpp_tensorrt_folder_with(NvOnnxParser.h parser_include "${include}" "${include}/../parsers/onnx")
  if(NOT parser_library)
    string(
      CONCAT no_parser
      "TensorRT's ONNX parser is missing: ${folder} has no lib${parser_stem}.so. Install it (Debian "
      "packages: apt install libnvonnxparsers-dev), or name a complete SDK with "
      "-DTensorRT_ROOT=<folder>."
    )
  elseif(NOT parser_include)
    string(REGEX MATCH "^[0-9]+\\.[0-9]+" minor "${headers_version}")
    string(
      CONCAT no_parser
      "${include} has no NvOnnxParser.h. Before TensorRT 10.14 it is not in NVIDIA/TensorRT but in "
      "onnx/onnx-tensorrt, branch release/${minor}-GA: put it beside NvInfer.h."
    )
  else()
    set(no_parser "")
  endif()

  if(NOT TARGET gencpp::cuda_runtime)
    set(failed "")
    gencpp_find_cuda_runtime("${pip_cuda}" failed)
    if(failed)
      set(TensorRT_NOT_FOUND_MESSAGE "${failed}" PARENT_SCOPE)
      return()
    endif()
  endif()
  get_target_property(cuda_version gencpp::cuda_runtime GENCPP_VERSION)
  get_target_property(cuda_library gencpp::cuda_runtime GENCPP_LIBRARY)

  # --- the targets ---------------------------------------------------------------------------------------
  set(said "${library}, headers ${headers_version} in ${include}, ")
  if(no_parser)
    string(APPEND said "no ONNX parser, ")
  else()
    string(APPEND said "ONNX parser ${parser_library}, ")
  endif()
  string(APPEND said "CUDA runtime ${cuda_version} ${cuda_library}")
  add_library(gencpp::tensorrt INTERFACE IMPORTED GLOBAL)
  set_target_properties(gencpp::tensorrt PROPERTIES
    GENCPP_VERSION "${version}"
    GENCPP_HEADERS_VERSION "${headers_version}"
    GENCPP_RTX "${rtx}"
    GENCPP_NO_PARSER "${no_parser}"
    GENCPP_FOUND "${said}")
  target_include_directories(gencpp::tensorrt SYSTEM INTERFACE "${include}")
  target_link_libraries(gencpp::tensorrt INTERFACE "${library}" gencpp::cuda_runtime)
  if(UNIX AND NOT APPLE)
    # What its libraries need of each other, which the linker looks for by its own rules.
    target_link_options(gencpp::tensorrt INTERFACE "LINKER:-rpath-link,${folder}")
  endif()
  if(NOT no_parser)
    add_library(gencpp::tensorrt_onnxparser INTERFACE IMPORTED GLOBAL)
    target_include_directories(gencpp::tensorrt_onnxparser SYSTEM INTERFACE "${parser_include}")
    target_link_libraries(gencpp::tensorrt_onnxparser INTERFACE "${parser_library}" gencpp::tensorrt)
  endif()
endfunction()

set(TensorRT_onnxparser_FOUND FALSE)
if(NOT TARGET gencpp::tensorrt)
  gencpp_find_tensorrt()
endif()
if(TARGET gencpp::tensorrt)
  get_target_property(TensorRT_VERSION gencpp::tensorrt GENCPP_VERSION)
  get_target_property(TensorRT_HEADERS_VERSION gencpp::tensorrt GENCPP_HEADERS_VERSION)
  get_target_property(TensorRT_RTX gencpp::tensorrt GENCPP_RTX)
  get_target_property(TensorRT_LIBRARIES_AND_HEADERS gencpp::tensorrt GENCPP_FOUND)
  get_target_property(TensorRT_CUDA_VERSION gencpp::cuda_runtime GENCPP_VERSION)
  get_target_property(TensorRT_NOT_FOUND_MESSAGE gencpp::tensorrt GENCPP_NO_PARSER)
  if(TARGET gencpp::tensorrt_onnxparser)
    set(TensorRT_onnxparser_FOUND TRUE)
  endif()
endif()
set(TensorRT_ONNX_PARSER_FOUND ${TensorRT_onnxparser_FOUND})

# An argument that is passed on splits at every semicolon.
string(REPLACE ";" "," TensorRT_NOT_FOUND_MESSAGE "${TensorRT_NOT_FOUND_MESSAGE}")
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(TensorRT
  REQUIRED_VARS TensorRT_LIBRARIES_AND_HEADERS
  VERSION_VAR TensorRT_VERSION
  HANDLE_COMPONENTS
  REASON_FAILURE_MESSAGE "${TensorRT_NOT_FOUND_MESSAGE}")
