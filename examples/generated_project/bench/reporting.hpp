// What the benchmark prints.
#pragma once

#include "sample/model.hpp"

#include "measure.hpp"
#include "options.hpp"

namespace sample::bench {

// A table for people, or one JSON object.
void print_report(const Model& model, const Options& options, const Report& report);

}  // namespace sample::bench
