# Of classification.
{= name =}_test_program({= name =}_test_classify {= name =}::core test_classify.cpp)
{= name =}_test(classify {= name =}_test_classify)
