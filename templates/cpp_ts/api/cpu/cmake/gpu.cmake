# This project runs on the CPU alone: `gencpp new --device any` makes one that runs on a GPU, too.
if({= NAME =}_CUDA AND NOT {= NAME =}_CUDA STREQUAL "AUTO")
  message(FATAL_ERROR "{= NAME =}_CUDA is ${{= NAME =}_CUDA}, but this project was made for the CPU alone: make "
    "it anew with `gencpp new --device any`, or leave {= NAME =}_CUDA out")
endif()
list(APPEND {= name =}_BACKEND_SOURCES src/libtorch/gpu.cpp)
