# {= name =}_copy_assets(<target>): puts the model beside the program <target>, as {= name =}_assets/, where it is found
# at run time. Also part of the installed package.
if(NOT DEFINED {= name =}_ASSETS_DIR)
  get_filename_component({= name =}_ASSETS_DIR "${CMAKE_CURRENT_LIST_DIR}/../assets" ABSOLUTE)
endif()
set_property(GLOBAL PROPERTY {= name =}_assets_dir "${{= name =}_ASSETS_DIR}")

function({= name =}_copy_assets target)
  get_property(folder GLOBAL PROPERTY {= name =}_assets_dir)
  set(files {= asset_files =})
  list(TRANSFORM files PREPEND "${folder}/")
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND "${CMAKE_COMMAND}" -E make_directory "$<TARGET_FILE_DIR:${target}>/{= name =}_assets"
    COMMAND "${CMAKE_COMMAND}" -E copy_if_different ${files} "$<TARGET_FILE_DIR:${target}>/{= name =}_assets"
    COMMENT "Copying the assets of {= name =}"
    VERBATIM)
endfunction()
