# What of the backend needs no GPU: the cache of engines, and what a file is that somebody names as one.
if(TARGET sample_lib)
  sample_test_program(sample_test_cache sample::sample test_cache.cpp)
  sample_test(cache sample_test_cache)
  sample_test_program(sample_test_engine_files sample::sample test_engine_files.cpp)
  sample_test(engine_files sample_test_engine_files)
  include(network_tests.cmake)
endif()
