# An installed tree: lib/, include/, share/sample/ with the assets, and a package config.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

if(NOT SAMPLE_CORE_ONLY)
  set(sample_config_folder "${CMAKE_INSTALL_LIBDIR}/cmake/sample")

  install(TARGETS sample_core sample_lib EXPORT sample-targets)
  if(SAMPLE_BUILD_APP)
    install(TARGETS sample_app)
  endif()
  install(DIRECTORY include/ DESTINATION include)
  install(DIRECTORY assets/ DESTINATION "${CMAKE_INSTALL_DATADIR}/sample" PATTERN goldens EXCLUDE)
  install(EXPORT sample-targets NAMESPACE sample:: DESTINATION "${sample_config_folder}")

  configure_package_config_file(cmake/sample-config.cmake.in sample-config.cmake
    INSTALL_DESTINATION "${sample_config_folder}"
    PATH_VARS CMAKE_INSTALL_DATADIR)
  write_basic_package_version_file(sample-config-version.cmake COMPATIBILITY SameMajorVersion)
  install(FILES
    "${CMAKE_CURRENT_BINARY_DIR}/sample-config.cmake"
    "${CMAKE_CURRENT_BINARY_DIR}/sample-config-version.cmake"
    cmake/backend.cmake
    cmake/FindLibTorch.cmake
    DESTINATION "${sample_config_folder}")
endif()
