// Of a generic model: nothing.
#pragma once

namespace sample::app {

struct TaskOptions {};

struct TaskState {};

}  // namespace sample::app
