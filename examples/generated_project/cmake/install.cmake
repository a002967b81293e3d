# An installed tree: lib/, include/, share/sample/ with the assets, and a package config.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

if(NOT SAMPLE_CORE_ONLY)
  set(sample_config_folder "${CMAKE_INSTALL_LIBDIR}/cmake/sample")

  # Relocatable: programs and libraries find each other from where they lie.
  set(sample_origin "$ORIGIN")
  if(APPLE)
    set(sample_origin "@loader_path")
  endif()
  cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_LIBDIR BASE_DIRECTORY "${CMAKE_INSTALL_FULL_BINDIR}"
    OUTPUT_VARIABLE sample_bin_to_lib)
  set_property(TARGET sample_core sample_lib APPEND PROPERTY INSTALL_RPATH "${sample_origin}")
  install(TARGETS sample_core sample_lib EXPORT sample-targets)
  foreach(program IN ITEMS sample_app ${sample_BACKEND_PROGRAMS})
    if(TARGET ${program})
      set_property(TARGET ${program} APPEND PROPERTY INSTALL_RPATH "${sample_origin}/${sample_bin_to_lib}")
      install(TARGETS ${program})
    endif()
  endforeach()
  install(DIRECTORY include/ DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
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
    ${sample_BACKEND_MODULES}
    cmake/copy_assets.cmake
    DESTINATION "${sample_config_folder}")
else()
  message(STATUS "sample: a build with SAMPLE_CORE_ONLY installs nothing")
endif()
