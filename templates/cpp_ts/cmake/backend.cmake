# The backend of {= name =}: LibTorch. Also part of the installed package.
list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")
find_package(LibTorch REQUIRED MODULE)
list(POP_BACK CMAKE_MODULE_PATH)

set({= name =}_BACKEND_TARGET gencpp::libtorch)
set({= name =}_BACKEND_CXX_STANDARD ${LibTorch_CXX_STANDARD})

# Everything that hands std::string to LibTorch's callers has to have LibTorch's ABI.
get_target_property({= name =}_abi gencpp::libtorch INTERFACE_COMPILE_DEFINITIONS)
if({= name =}_abi AND TARGET {= name =}_core)
  get_target_property({= name =}_imported {= name =}_core IMPORTED)
  if(NOT {= name =}_imported)
    target_compile_definitions({= name =}_core PUBLIC ${{= name =}_abi})
  endif()
endif()
