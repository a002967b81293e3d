# This project runs on the CPU alone.
set({= name =}_remedy "`gencpp new --device any` makes one that runs on a GPU, too")
if({= name =}_ARTIFACT_IS_COMPILED)
  set({= name =}_remedy "`gencpp new --artifact aoti --device cuda` compiles for a GPU")
endif()
foreach(option IN ITEMS {= NAME =}_CUDA {= NAME =}_NVTX)
  if(${option} AND NOT ${option} STREQUAL "AUTO")
    message(FATAL_ERROR "${option} is ${${option}}, but this project was made for the CPU alone: "
      "${{= name =}_remedy}. Else leave ${option} out")
  endif()
endforeach()
list(APPEND {= name =}_BACKEND_SOURCES src/libtorch/gpu.cpp)
