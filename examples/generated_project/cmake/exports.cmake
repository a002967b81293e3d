# sample_has_public_headers(<target>): include/ belongs to what the target gives to those that link it.
function(sample_has_public_headers target)
  target_compile_features(${target} PUBLIC cxx_std_17)
  if(BUILD_SHARED_LIBS)
    target_compile_definitions(${target} PUBLIC SAMPLE_SHARED)
  endif()
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endfunction()

# sample_export_public_headers(<target>): a shared library shows what the headers in include/ declare, and nothing
# else. The compiler hides the rest of sample, and this hides instantiations of the standard library's and the
# backend's templates, which would meet those of other libraries in one process. gencpp_shared is one for all projects
# of a process.
function(sample_export_public_headers target)
  get_target_property(type ${target} TYPE)
  if(NOT type STREQUAL "SHARED_LIBRARY" OR NOT UNIX OR APPLE)
    return()
  endif()
  # By the linker's names: one of std:: whose result is of sample begins with sample:: where it is written out.
  set(own "")
  foreach(name IN ITEMS sample gencpp_shared)
    string(LENGTH "${name}" length)
    foreach(kind IN ITEMS N NK TIN TSN TVN GVN)  # functions, types, what a static variable needs
      string(APPEND own "    _Z${kind}${length}${name}*;\n")
    endforeach()
  endforeach()
  set(script "${CMAKE_CURRENT_BINARY_DIR}/sample.map")
  file(CONFIGURE OUTPUT "${script}" @ONLY CONTENT "{\n  global:\n@own@  local:\n    *;\n};\n")
  target_link_options(${target} PRIVATE "LINKER:--version-script=${script}")
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${script}")
endfunction()
