# What a network that is C++ adds: its weights.
{= name =}_test_program({= name =}_test_weights {= name =}::{= name =} test_weights.cpp)
{= name =}_test(weights {= name =}_test_weights)
