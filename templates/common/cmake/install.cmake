# An installed tree: lib/, include/, share/{= name =}/ with the assets, and what finds it: a package config, and for
# shared libraries a pkg-config file. Two components: {= name =}_runtime is what a program needs on the machine that it
# runs on, {= name =}_development what compiles against it.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

if(NOT {= NAME =}_CORE_ONLY)
  set({= name =}_config_folder "${CMAKE_INSTALL_LIBDIR}/cmake/{= name =}")

  # Relocatable: programs and libraries find each other from where they lie.
  set({= name =}_origin "$ORIGIN")
  if(APPLE)
    set({= name =}_origin "@loader_path")
  endif()
  cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_LIBDIR BASE_DIRECTORY "${CMAKE_INSTALL_FULL_BINDIR}"
    OUTPUT_VARIABLE {= name =}_bin_to_lib)
  set_property(TARGET {= name =}_core {= name =}_lib APPEND PROPERTY INSTALL_RPATH "${{= name =}_origin}")
  install(TARGETS {= name =}_core {= name =}_lib
    EXPORT {= name =}-targets
    RUNTIME COMPONENT {= name =}_runtime
    LIBRARY COMPONENT {= name =}_runtime NAMELINK_COMPONENT {= name =}_development
    ARCHIVE COMPONENT {= name =}_development)
  foreach(program IN ITEMS {= name =}_app ${{= name =}_BACKEND_PROGRAMS})
    if(TARGET ${program})
      set_property(TARGET ${program} APPEND PROPERTY INSTALL_RPATH "${{= name =}_origin}/${{= name =}_bin_to_lib}")
      install(TARGETS ${program} RUNTIME COMPONENT {= name =}_runtime)
    endif()
  endforeach()
  install(DIRECTORY include/ DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT {= name =}_development)
  install(DIRECTORY assets/
    DESTINATION "${CMAKE_INSTALL_DATADIR}/{= name =}"
    COMPONENT {= name =}_runtime
    PATTERN goldens EXCLUDE)
  install(EXPORT {= name =}-targets
    NAMESPACE {= name =}::
    DESTINATION "${{= name =}_config_folder}"
    COMPONENT {= name =}_development)

  configure_package_config_file(cmake/{= name =}-config.cmake.in {= name =}-config.cmake
    INSTALL_DESTINATION "${{= name =}_config_folder}"
    PATH_VARS CMAKE_INSTALL_DATADIR)
  write_basic_package_version_file({= name =}-config-version.cmake COMPATIBILITY SameMajorVersion)
  install(FILES
    "${CMAKE_CURRENT_BINARY_DIR}/{= name =}-config.cmake"
    "${CMAKE_CURRENT_BINARY_DIR}/{= name =}-config-version.cmake"
    cmake/backend.cmake
    ${{= name =}_BACKEND_MODULES}
    cmake/copy_assets.cmake
    DESTINATION "${{= name =}_config_folder}"
    COMPONENT {= name =}_development)

  # A static library would need the backend's libraries by name, which the package config has.
  if(BUILD_SHARED_LIBS)
    set({= name =}_pc_folder "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig")
    set({= name =}_pc_data "${CMAKE_INSTALL_FULL_DATADIR}/{= name =}")
    foreach(pair IN ITEMS
      "prefix,CMAKE_INSTALL_PREFIX,{= name =}_pc_folder"
      "includedir,CMAKE_INSTALL_FULL_INCLUDEDIR,CMAKE_INSTALL_PREFIX"
      "libdir,CMAKE_INSTALL_FULL_LIBDIR,CMAKE_INSTALL_PREFIX"
      "assets,{= name =}_pc_data,CMAKE_INSTALL_PREFIX")
      string(REPLACE "," ";" pair "${pair}")
      list(GET pair 0 variable)
      list(GET pair 1 folder)
      list(GET pair 2 base)
      cmake_path(RELATIVE_PATH ${folder} BASE_DIRECTORY "${${base}}" OUTPUT_VARIABLE {= name =}_pc_${variable})
    endforeach()
    get_target_property({= name =}_pc_definitions {= name =}_core INTERFACE_COMPILE_DEFINITIONS)
    if({= name =}_pc_definitions)
      list(TRANSFORM {= name =}_pc_definitions PREPEND " -D")
      list(JOIN {= name =}_pc_definitions "" {= name =}_pc_definitions)
    else()
      set({= name =}_pc_definitions "")
    endif()
    configure_file(cmake/{= name =}.pc.in {= name =}.pc @ONLY)
    install(FILES "${CMAKE_CURRENT_BINARY_DIR}/{= name =}.pc"
      DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig"
      COMPONENT {= name =}_development)
  endif()
else()
  message(STATUS "{= name =}: a build with {= NAME =}_CORE_ONLY installs nothing")
endif()
