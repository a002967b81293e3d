# An installed tree: lib/, include/, share/{= name =}/ with the assets, and a package config.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

if(NOT {= NAME =}_CORE_ONLY)
  set({= name =}_config_folder "${CMAKE_INSTALL_LIBDIR}/cmake/{= name =}")

  install(TARGETS {= name =}_core {= name =}_lib EXPORT {= name =}-targets)
  if({= NAME =}_BUILD_APP)
    install(TARGETS {= name =}_app)
  endif()
  install(DIRECTORY include/ DESTINATION include)
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
    cmake/{= find_module =}
    DESTINATION "${{= name =}_config_folder}")
endif()
