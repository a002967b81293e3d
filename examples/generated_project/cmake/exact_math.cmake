# A host's -ffast-math stays out of this folder: pixels are Pillow's to the last bit, outputs are compared with NaN in
# mind. The last option counts. (Where another build compiles these sources, src/exact_math.hpp stops it.)
set(sample_exact_math "")
if(MSVC)
  set(sample_exact_math /fp:precise)
elseif(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang|IntelLLVM")
  set(sample_exact_math -fno-fast-math -fno-unsafe-math-optimizations -fno-associative-math -fno-reciprocal-math
    -fno-finite-math-only -fsigned-zeros)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "IntelLLVM")
    list(PREPEND sample_exact_math -fp-model=precise)  # its default is fast
  endif()
endif()
foreach(flag IN LISTS sample_exact_math)
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:${flag}>")
endforeach()
