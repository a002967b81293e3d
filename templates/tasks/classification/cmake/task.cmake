# What only this project's task has.
target_sources({= name =}_core PRIVATE src/classify.cpp)
