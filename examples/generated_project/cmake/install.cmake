# An installed tree: lib/, include/, share/sample/ with the assets, and what finds it: a package config, and for
# shared libraries a pkg-config file. Two components: sample_runtime is what a program needs on the machine that it
# runs on, sample_development what compiles against it.
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
  install(TARGETS sample_core sample_lib
    EXPORT sample-targets
    RUNTIME COMPONENT sample_runtime
    LIBRARY COMPONENT sample_runtime NAMELINK_COMPONENT sample_development
    ARCHIVE COMPONENT sample_development)
  foreach(program IN ITEMS sample_app ${sample_BACKEND_PROGRAMS})
    if(TARGET ${program})
      set_property(TARGET ${program} APPEND PROPERTY INSTALL_RPATH "${sample_origin}/${sample_bin_to_lib}")
      install(TARGETS ${program} RUNTIME COMPONENT sample_runtime)
    endif()
  endforeach()
  install(DIRECTORY include/ DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT sample_development)
  install(DIRECTORY assets/
    DESTINATION "${CMAKE_INSTALL_DATADIR}/sample"
    COMPONENT sample_runtime
    PATTERN goldens EXCLUDE)
  install(EXPORT sample-targets
    NAMESPACE sample::
    DESTINATION "${sample_config_folder}"
    COMPONENT sample_development)

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
    DESTINATION "${sample_config_folder}"
    COMPONENT sample_development)

  # A static library would need the backend's libraries by name, which the package config has.
  if(BUILD_SHARED_LIBS)
    set(sample_pc_folder "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig")
    set(sample_pc_data "${CMAKE_INSTALL_FULL_DATADIR}/sample")
    foreach(pair IN ITEMS
      "prefix,CMAKE_INSTALL_PREFIX,sample_pc_folder"
      "includedir,CMAKE_INSTALL_FULL_INCLUDEDIR,CMAKE_INSTALL_PREFIX"
      "libdir,CMAKE_INSTALL_FULL_LIBDIR,CMAKE_INSTALL_PREFIX"
      "assets,sample_pc_data,CMAKE_INSTALL_PREFIX")
      string(REPLACE "," ";" pair "${pair}")
      list(GET pair 0 variable)
      list(GET pair 1 folder)
      list(GET pair 2 base)
      cmake_path(RELATIVE_PATH ${folder} BASE_DIRECTORY "${${base}}" OUTPUT_VARIABLE sample_pc_${variable})
    endforeach()
    get_target_property(sample_pc_definitions sample_core INTERFACE_COMPILE_DEFINITIONS)
    if(sample_pc_definitions)
      list(TRANSFORM sample_pc_definitions PREPEND " -D")
      list(JOIN sample_pc_definitions "" sample_pc_definitions)
    else()
      set(sample_pc_definitions "")
    endif()
    configure_file(cmake/sample.pc.in sample.pc @ONLY)
    install(FILES "${CMAKE_CURRENT_BINARY_DIR}/sample.pc"
      DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig"
      COMPONENT sample_development)
  endif()
else()
  message(STATUS "sample: a build with SAMPLE_CORE_ONLY installs nothing")
endif()
