# {= name =}_export_own_symbols(<target>): a shared library shows what is in the namespace {= name =}, and in
# gencpp_shared, which is one for all projects of a process, and nothing else. Instantiations of the standard
# library's and the backend's templates would meet those of other libraries in one process.
function({= name =}_export_own_symbols target)
  get_target_property(type ${target} TYPE)
  if(NOT type STREQUAL "SHARED_LIBRARY" OR NOT UNIX OR APPLE)
    return()
  endif()
  set(script "${CMAKE_CURRENT_BINARY_DIR}/{= name =}.map")
  file(CONFIGURE OUTPUT "${script}" @ONLY CONTENT [[
{
  global:
    extern "C++" {
      {= name =}::*;
      gencpp_shared::*;
      typeinfo?for?{= name =}::*;
      typeinfo?name?for?{= name =}::*;
      vtable?for?{= name =}::*;
      guard?variable?for?{= name =}::*;
    };
  local:
    *;
};
]])
  target_link_options(${target} PRIVATE "LINKER:--version-script=${script}")
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${script}")
endfunction()
