// Of a generic model: nothing.
#pragma once

namespace {= name =}::app {

struct TaskOptions {};

struct TaskState {};

}  // namespace {= name =}::app
