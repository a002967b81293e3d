# A host's -ffast-math stays out of this folder: pixels are Pillow's to the last bit, and outputs are compared with NaN
# in mind. These options belong to each source file, for those come after the flags of the toolchain, of the build type,
# of the directory, of the target and of what it links, and the last option counts. (Where another build compiles these
# sources, src/exact_math.hpp stops it.)
set(sample_exact_math "")
if(MSVC)
  set(sample_exact_math /fp:precise)
elseif(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang|IntelLLVM")
  set(sample_exact_math -fno-fast-math -fno-unsafe-math-optimizations -fno-associative-math -fno-reciprocal-math
    -fno-finite-math-only -fsigned-zeros)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "IntelLLVM")
    list(PREPEND sample_exact_math -fp-model=precise)  # its default is fast
  elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND sample_exact_math -fno-single-precision-constant)
    if(CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 10)
      list(APPEND sample_exact_math -fno-allow-store-data-races)  # of -Ofast; threads write side by side here
    endif()
  endif()
  # A fused multiply-add rounds once where Pillow and torchvision round twice. Last, for -fno-fast-math changes it, too.
  list(APPEND sample_exact_math -ffp-contract=off)
endif()

# With -ffast-math the linker takes crtfastmath.o along, and a program or a library that has it rounds tiny numbers to 0
# in the whole process. Whether a host's own program does so is for the host to say.
set(sample_exact_math_link "")
if(NOT MSVC AND sample_exact_math)
  set(sample_exact_math_link -fno-fast-math -fno-unsafe-math-optimizations)
  set(all_flags "${CMAKE_CXX_FLAGS}")
  foreach(type IN LISTS CMAKE_BUILD_TYPE CMAKE_CONFIGURATION_TYPES)
    string(TOUPPER "${type}" type)
    string(APPEND all_flags " ${CMAKE_CXX_FLAGS_${type}}")
  endforeach()
  if(all_flags MATCHES "-Ofast")
    list(APPEND sample_exact_math_link -O3)  # which no -fno- takes back
  endif()
  unset(all_flags)
endif()

# For every target of `directory` and of the folders below it.
function(sample_keep_math_exact directory)
  get_property(folders DIRECTORY "${directory}" PROPERTY SUBDIRECTORIES)
  foreach(folder IN LISTS folders)
    sample_keep_math_exact("${folder}")
  endforeach()
  get_property(targets DIRECTORY "${directory}" PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    get_target_property(sources ${target} SOURCES)
    foreach(source IN LISTS sources)
      cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${directory}" NORMALIZE)
      get_property(exact SOURCE "${source}" TARGET_DIRECTORY ${target} PROPERTY sample_exact)
      if(source MATCHES "[.]cpp$" AND NOT exact)  # a source may be of several targets
        set_property(SOURCE "${source}" TARGET_DIRECTORY ${target} PROPERTY sample_exact ON)
        set_property(SOURCE "${source}" TARGET_DIRECTORY ${target}
          APPEND PROPERTY COMPILE_OPTIONS ${sample_exact_math})
      endif()
    endforeach()
    if(type MATCHES "EXECUTABLE|SHARED_LIBRARY")
      set_property(TARGET ${target} APPEND PROPERTY LINK_OPTIONS ${sample_exact_math_link})
    endif()
  endforeach()
endfunction()
