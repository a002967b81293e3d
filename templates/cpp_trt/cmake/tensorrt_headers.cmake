# The headers that go with TensorRT's library: where they are, or where they are downloaded from. Part of
# FindTensorRT.cmake.

option({= NAME =}_FETCH_TENSORRT_HEADERS "Download TensorRT's headers when only its libraries are found" ON)
set({= NAME =}_TENSORRT_HEADERS "" CACHE PATH "A folder with TensorRT's headers")
set({= NAME =}_TENSORRT_HEADERS_URL "https://raw.githubusercontent.com" CACHE STRING
  "Where TensorRT's headers are downloaded from")
mark_as_advanced({= NAME =}_TENSORRT_HEADERS_URL)

# version, tag and commit of NVIDIA/TensorRT, commit of onnx/onnx-tensorrt that the tag names (up to 10.13
# NvOnnxParser.h is only there). Commits, because a tag can be moved.
set(gencpp_tensorrt_tags
  "8.5   8.5.3    b0c259a749aab1486ed3b4458e7176555b003497 fd119fec8565264add819f8edc801066116a32dd"
  "8.6   v8.6.1   a25ca8bba2a164179046afc2f5d7f478e280f8c0 6ba67d3428e05f690145373ca87fb8d32f98df45"
  "10.0  v10.0.1  d2f4ef789a9a6ffdf37b55c3f81b486225f6b380 eb43908b02a296ea0594432f06e9d3fac288d672"
  "10.1  v10.1.0  9db1508f7479b24857d4fb81e33b6b10cede6bd0 96e781103cfc4adf4a6bb557e94bac8e693f6f4c"
  "10.2  v10.2.0  2332a7191d03e8ec6f85e5d3004803f13659aecf 706f02e74366b2cbaacf87be61de95df051a2788"
  "10.3  v10.3.0  c5b9de37f7ef9034e2efc621c664145c7c12436e 62bdde2a04fcd53c2409cb895ee18db445b7e755"
  "10.4  v10.4.0  866548c95c6d7113a4c5f6a440022b2d216c04cf 3775e499322eee17c837e27bff6d07af4261767a"
  "10.5  v10.5.0  c8a50438f6929470800c22088480784b254a7ac0 886aff917b63f10a81c5f31e89752a3b46169623"
  "10.6  v10.6.0  c468d67760e066f4d85c3e7f2fa89aa221fac83f 4442153a4483c29e109241eb11752f3e59be62f8"
  "10.7  v10.7.0  17003e43da9858f574e3a4a1d795fcf218862fe3 9c69a24bc2e20c8a511a4e6b06fd49639ec5300a"
  "10.8  v10.8.0  64e56ab6cbe95c8220d80bc7ff10ccf61935759a 118ed0aea197fa9a7d3ea66180a1d5ddb9deecc3"
  "10.9  v10.9.0  8c6d69ddec0b2feff12f55472dc5d55cb6861d53 d5dce67db7c2e64b07e055571f5ec06f7f254de2"
  "10.10 v10.10.0 665cfbe8623652e706ce7e616a3db42dbff94f5f 3b9c961a4318cea6fa1fa5f064562064eb27a9bd"
  "10.11 v10.11   9255eb39e6642787828a4c1f7fc1d09fe004e7a2 745bde22c2fe883968cf18cc9ebdfb2e2985166d"
  "10.12 v10.12.0 6d178ce8c736c4397317b24205fb4333218e5c89 ff761afc76f4a352e88200199e86a375bfbf9928"
  "10.13 v10.13.3 94e2b9ef6d2cce74c76cdad499cca36cc4949197 9a9f7883dd7b8cb0a718395bac2075fab6f97da8"
  "10.14 v10.14   3b4ddc1d45f11167f2ea53dc6046bba8df800e2d -"
  "10.15 v10.15   9973b2f4ab5c0d0055e9d36cd94a5692f8f8da1f -"
  "10.16 v10.16   52399f555c2f80cb690a4a558b604e1a5f227e7c -"
  "11.0  v11.0    771d8efdf7f9d7b1eeb0864eb05d4dd8a7755bb5 -"
  "11.1  v11.1    82d1dca801c8318a5605399d5240780d0679e4e1 -")

# The version of `versions` (X.Y each) that fits a library: its major, the highest minor not above its own;
# the lowest when its minor is not known, because newer headers call what an older library lacks.
function(gencpp_tensorrt_fitting library_version versions out)
  set(best "")
  string(REGEX MATCH "^[0-9]+" major "${library_version}")
  string(REGEX MATCH "^[0-9]+\\.[0-9]+" wanted "${library_version}")
  foreach(version IN LISTS versions)
    if(NOT version MATCHES "^${major}\\.[0-9]+$")
      continue()
    endif()
    if(wanted)
      if(version VERSION_LESS_EQUAL wanted AND (NOT best OR version VERSION_GREATER best))
        set(best "${version}")
      endif()
    elseif(NOT best OR version VERSION_LESS best)
      set(best "${version}")
    endif()
  endforeach()
  set(${out} "${best}" PARENT_SCOPE)
endfunction()

# Downloads one file to `target`, from the first of `ARGN` that has it; `out` is empty or says what failed.
function(gencpp_tensorrt_download target out)
  set(${out} "" PARENT_SCOPE)
  set(failed "")
  foreach(url IN LISTS ARGN)
    file(DOWNLOAD "${url}" "${target}" STATUS status TLS_VERIFY ON INACTIVITY_TIMEOUT 30)
    list(POP_FRONT status code)
    if(code EQUAL 0)
      return()
    endif()
    file(REMOVE "${target}")
    if(NOT failed)
      set(failed "${url}: ${status}")
    endif()
  endforeach()
  set(${out} "${failed}" PARENT_SCOPE)
endfunction()

# The headers for a library of this version, downloaded: sets `out` to their folder, or `message`.
function(gencpp_tensorrt_fetch library library_version out message)
  set(${out} "" PARENT_SCOPE)
  string(REGEX REPLACE "(^|;)([0-9.]+)[^;]*" "\\1\\2" versions "${gencpp_tensorrt_tags}")
  gencpp_tensorrt_fitting("${library_version}" "${versions}" version)
  set(remedy "configure with -D{= NAME =}_TENSORRT_HEADERS=<folder>, which holds the headers of this version")
  if(NOT version)
    string(
      CONCAT text
      "${library} is TensorRT ${library_version}, for which this project knows no public headers: "
      "${remedy}."
    )
    set(${message} "${text}" PARENT_SCOPE)
    return()
  endif()
  string(REPLACE "." "\\." pattern "${version}")
  set(row ${gencpp_tensorrt_tags})
  list(FILTER row INCLUDE REGEX "^${pattern} ")
  string(REGEX REPLACE " +" ";" row "${row}")
  list(GET row 1 tag)
  list(GET row 2 commit)
  list(GET row 3 parser_commit)
  set(sources "the folder include/ of NVIDIA/TensorRT at ${tag}")
  if(NOT parser_commit STREQUAL "-")
    string(APPEND sources " and NvOnnxParser.h of onnx/onnx-tensorrt at ${parser_commit}")
  endif()
  if(NOT {= NAME =}_FETCH_TENSORRT_HEADERS)
    string(
      CONCAT text
      "${library} has no headers beside it (pip packages have none), and "
      "{= NAME =}_FETCH_TENSORRT_HEADERS is OFF. Get ${sources}, and ${remedy}; or allow the download."
    )
    set(${message} "${text}" PARENT_SCOPE)
    return()
  endif()

  set(base "${CMAKE_BINARY_DIR}/_deps")
  if(FETCHCONTENT_BASE_DIR)
    set(base "${FETCHCONTENT_BASE_DIR}")
  endif()
  set(folder "${base}/tensorrt-headers-${version}")
  if(NOT EXISTS "${folder}/NvInfer.h")
    if(FETCHCONTENT_FULLY_DISCONNECTED)
      string(
        CONCAT text
        "${library} has no headers beside it, and FETCHCONTENT_FULLY_DISCONNECTED forbids the "
        "download. Get ${sources}, and ${remedy}."
      )
      set(${message} "${text}" PARENT_SCOPE)
      return()
    endif()
    message(STATUS "Downloading the headers of TensorRT ${version} (NVIDIA/TensorRT, ${tag}) for ${library}")
    # Aside, then renamed: what was interrupted is not taken for complete.
    string(RANDOM LENGTH 8 random)
    set(aside "${folder}.${random}")
    set(url "${{= NAME =}_TENSORRT_HEADERS_URL}")
    set(failed "")
    set(todo NvInfer.h NvInferPlugin.h NvOnnxParser.h)
    set(done "")
    while(todo AND NOT failed)
      list(POP_FRONT todo header)
      list(APPEND done "${header}")
      set(urls "${url}/NVIDIA/TensorRT/${commit}/include/${header}")
      if(header STREQUAL "NvOnnxParser.h" AND NOT parser_commit STREQUAL "-")
        set(urls
          "${url}/onnx/onnx-tensorrt/${parser_commit}/${header}"
          "${url}/onnx/onnx-tensorrt/release/${version}-GA/${header}")
      endif()
      gencpp_tensorrt_download("${aside}/${header}" failed ${urls})
      if(NOT failed)
        file(STRINGS "${aside}/${header}" includes REGEX "^#[ \t]*include[ \t]+\"")
        get_filename_component(directory "${header}" DIRECTORY)
        foreach(line IN LISTS includes)
          string(REGEX REPLACE "^[^\"]*\"([^\"]+)\".*" "\\1" included "${line}")
          if(directory)
            cmake_path(SET included NORMALIZE "${directory}/${included}")
          endif()
          if(NOT included IN_LIST done AND NOT included IN_LIST todo)
            list(APPEND todo "${included}")
          endif()
        endforeach()
      endif()
    endwhile()
    if(failed)
      file(REMOVE_RECURSE "${aside}")
      string(
        CONCAT text
        "${library} has no headers beside it (pip packages have none), and they could not be "
        "downloaded (${failed}). Get ${sources}, and ${remedy}."
      )
      set(${message} "${text}" PARENT_SCOPE)
      return()
    endif()
    file(REMOVE_RECURSE "${folder}")
    file(RENAME "${aside}" "${folder}")
  endif()
  set(${out} "${folder}" PARENT_SCOPE)
endfunction()

# Major.minor.patch of the headers in a folder, and whether they are TensorRT-RTX's.
function(gencpp_tensorrt_headers_version folder out rtx)
  set(${rtx} OFF PARENT_SCOPE)
  set(version "")
  foreach(header IN ITEMS NvInferVersion.h NvInfer.h)
    if(version OR NOT EXISTS "${folder}/${header}")
      continue()
    endif()
    foreach(part IN ITEMS MAJOR MINOR PATCH)
      # From 10.11 on NV_TENSORRT_MAJOR is defined as another macro, TRT_MAJOR_ENTERPRISE or _RTX.
      set(macro "(NV_TENSORRT|TRT)_${part}(_ENTERPRISE|_RTX)?")
      file(STRINGS "${folder}/${header}" lines REGEX "^#define[ \t]+${macro}[ \t]+[0-9]+")
      if(lines)
        list(GET lines 0 line)
        string(REGEX MATCH "(_RTX)?[ \t]+([0-9]+)" ignored "${line}")
        string(APPEND version ".${CMAKE_MATCH_2}")
        if(CMAKE_MATCH_1)
          set(${rtx} ON PARENT_SCOPE)
        endif()
      endif()
    endforeach()
  endforeach()
  string(REGEX REPLACE "^\\." "" version "${version}")
  set(${out} "${version}" PARENT_SCOPE)
endfunction()

# The headers that the user named, or that lie beside the library, or downloaded ones; checked against the
# library. Sets `out` and `version`, or `message`.
function(gencpp_tensorrt_headers library library_version rtx root out version message)
  set(${out} "" PARENT_SCOPE)
  set(sdk "Its headers are only in NVIDIA's TensorRT-RTX SDK: unpack it and configure with -DTensorRT_ROOT=<SDK>")
  set(named "${{= NAME =}_TENSORRT_HEADERS}")
  get_filename_component(library_folder "${library}" DIRECTORY)
  if(named)
    gencpp_tensorrt_folder_with(NvInfer.h folder "${named}" "${named}/include")
    if(NOT folder)
      file(GLOB versions RELATIVE "${named}" "${named}/*.*")
      gencpp_tensorrt_fitting("${library_version}" "${versions}" fitting)
      gencpp_tensorrt_folder_with(NvInfer.h folder "${named}/${fitting}/include")
    endif()
    if(NOT folder AND rtx)
      string(
        CONCAT text
        "{= NAME =}_TENSORRT_HEADERS is ${named}, which has no headers of TensorRT-RTX, but ${library} "
        "is TensorRT-RTX's. ${sdk}."
      )
      set(${message} "${text}" PARENT_SCOPE)
      return()
    elseif(NOT folder)
      string(
        CONCAT text
        "{= NAME =}_TENSORRT_HEADERS is ${named}, which has no NvInfer.h, no include/NvInfer.h and no "
        "X.Y/include/NvInfer.h that fits ${library} (version ${library_version}): name the folder "
        "include/ of an SDK, or of NVIDIA/TensorRT at the tag of this version."
      )
      set(${message} "${text}" PARENT_SCOPE)
      return()
    endif()
  else()
    gencpp_tensorrt_folder_with(NvInfer.h folder
      "${root}/include/${CMAKE_LIBRARY_ARCHITECTURE}" "${root}/include" "${root}"
      "${library_folder}/../include/${CMAKE_LIBRARY_ARCHITECTURE}" "${library_folder}/../include"
      "${library_folder}/../../include/${CMAKE_LIBRARY_ARCHITECTURE}" "${library_folder}/../../include")
  endif()
  if(NOT folder AND rtx)
    string(
      CONCAT text
      "${library} is TensorRT-RTX's, which has no public headers. ${sdk}, or install TensorRT itself "
      "and name it with -DTensorRT_ROOT=<folder>."
    )
    set(${message} "${text}" PARENT_SCOPE)
    return()
  endif()
  if(NOT folder)
    gencpp_tensorrt_fetch("${library}" "${library_version}" folder failed)
    if(NOT folder)
      set(${message} "${failed}" PARENT_SCOPE)
      return()
    endif()
  endif()

  gencpp_tensorrt_headers_version("${folder}" found found_rtx)
  string(REGEX MATCH "^[0-9]+" major "${found}")
  string(REGEX MATCH "^[0-9]+\\.[0-9]+" minor "${found}")
  string(REGEX MATCH "^[0-9]+" library_major "${library_version}")
  string(REGEX MATCH "^[0-9]+\\.[0-9]+" library_minor "${library_version}")
  set(both "The headers in ${folder} are of version ${found}, the library ${library} is of version ${library_version}")
  string(
    CONCAT remedy
    "Give headers and library of one version: -D{= NAME =}_TENSORRT_HEADERS=<folder>, "
    "-DTensorRT_ROOT=<folder>."
  )
  if(NOT found)
    string(
      CONCAT text
      "${folder} has NvInfer.h, but no version of TensorRT can be read from NvInferVersion.h: the "
      "folder is not complete."
    )
    set(${message} "${text}" PARENT_SCOPE)
  elseif(rtx AND NOT found_rtx)
    string(
      CONCAT text
      "${library} is TensorRT-RTX's, but the headers in ${folder} are those of TensorRT ${found}, "
      "which do not fit it (the program would crash). ${sdk}."
    )
    set(${message} "${text}" PARENT_SCOPE)
  elseif(found_rtx AND NOT rtx)
    string(
      CONCAT text
      "The headers in ${folder} are those of TensorRT-RTX ${found}, but ${library} is TensorRT's. "
      "${remedy}"
    )
    set(${message} "${text}" PARENT_SCOPE)
  elseif(library_major AND NOT major EQUAL library_major)
    set(${message} "${both}: another major version, with which the program would crash. ${remedy}" PARENT_SCOPE)
  elseif(library_minor AND minor VERSION_GREATER library_minor)
    set(${message} "${both}: newer headers call functions that an older library does not have. ${remedy}" PARENT_SCOPE)
  else()
    set(${out} "${folder}" PARENT_SCOPE)
    set(${version} "${found}" PARENT_SCOPE)
  endif()
endfunction()
