# What only this project's task has.
target_sources(sample_core PRIVATE src/classify.cpp)
