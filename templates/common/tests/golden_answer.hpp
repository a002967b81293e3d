// What the model's task makes of the outputs, against what Python made of its own.
#pragma once

#include "{= name =}/model.hpp"

#include "check.hpp"
#include "golden_cases.hpp"

namespace {= name =}::test {

void check_answer(const GoldenCase& expected, const Outputs& outputs, Checker& check);

}  // namespace {= name =}::test
