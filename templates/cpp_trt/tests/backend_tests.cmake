# What of the backend needs no GPU: the cache of engines, and what a file is that somebody names as one.
if(TARGET {= name =}_lib)
  {= name =}_test_program({= name =}_test_cache {= name =}_inside test_cache.cpp)
  {= name =}_test(cache {= name =}_test_cache)
  {= name =}_test_program({= name =}_test_engine_files {= name =}_inside test_engine_files.cpp)
  {= name =}_test(engine_files {= name =}_test_engine_files)
  include(network_tests.cmake)
endif()
