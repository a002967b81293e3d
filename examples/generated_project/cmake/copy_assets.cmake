# sample_copy_assets(<target>): puts the model beside the program <target>, as sample_assets/, where it is found
# at run time. Also part of the installed package.
if(NOT DEFINED sample_ASSETS_DIR)
  get_filename_component(sample_ASSETS_DIR "${CMAKE_CURRENT_LIST_DIR}/../assets" ABSOLUTE)
endif()
set_property(GLOBAL PROPERTY sample_assets_dir "${sample_ASSETS_DIR}")

function(sample_copy_assets target)
  get_property(folder GLOBAL PROPERTY sample_assets_dir)
  set(files model.pt labels.txt)
  list(TRANSFORM files PREPEND "${folder}/")
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND "${CMAKE_COMMAND}" -E make_directory "$<TARGET_FILE_DIR:${target}>/sample_assets"
    COMMAND "${CMAKE_COMMAND}" -E copy_if_different ${files} "$<TARGET_FILE_DIR:${target}>/sample_assets"
    COMMENT "Copying the assets of sample"
    VERBATIM)
endfunction()
