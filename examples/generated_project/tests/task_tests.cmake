# Of classification.
sample_test_program(sample_test_classify sample::core test_classify.cpp)
sample_test(classify sample_test_classify)
