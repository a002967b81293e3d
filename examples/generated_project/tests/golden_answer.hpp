// What the model's task makes of the outputs, against what Python made of its own.
#pragma once

#include "sample/model.hpp"

#include "check.hpp"
#include "golden_cases.hpp"

namespace sample::test {

void check_answer(const GoldenCase& expected, const Outputs& outputs, Checker& check);

}  // namespace sample::test
