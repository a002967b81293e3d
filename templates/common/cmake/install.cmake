# An installed tree: lib/, include/, share/{= name =}/ with the assets, and a package config.
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
  install(TARGETS {= name =}_core {= name =}_lib EXPORT {= name =}-targets)
  foreach(program IN ITEMS {= name =}_app ${{= name =}_BACKEND_PROGRAMS})
    if(TARGET ${program})
      set_property(TARGET ${program} APPEND PROPERTY INSTALL_RPATH "${{= name =}_origin}/${{= name =}_bin_to_lib}")
      install(TARGETS ${program})
    endif()
  endforeach()
  install(DIRECTORY include/ DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
  install(DIRECTORY assets/ DESTINATION "${CMAKE_INSTALL_DATADIR}/{= name =}" PATTERN goldens EXCLUDE)
  install(EXPORT {= name =}-targets NAMESPACE {= name =}:: DESTINATION "${{= name =}_config_folder}")

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
    DESTINATION "${{= name =}_config_folder}")
else()
  message(STATUS "{= name =}: a build with {= NAME =}_CORE_ONLY installs nothing")
endif()
