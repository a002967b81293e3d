// What LibTorch loads and calls: TorchScript or compiled code.
#pragma once

#include <cstddef>
#include <istream>
#include <memory>
#include <string>

#include "{= name =}/model.hpp"

#include "libtorch/scratch.hpp"

namespace {= name =} {

class Artifact {
 public:
  Artifact() = default;
  Artifact(const Artifact&) = delete;
  Artifact& operator=(const Artifact&) = delete;
  virtual ~Artifact() = default;

  // Replaces the inputs in scratch.tensors by the outputs.
  [[nodiscard]] virtual Result<void> forward(Scratch& scratch) const = 0;
  // Whether it changes an input in place: it gets a copy then.
  [[nodiscard]] virtual bool writes_inputs() const noexcept = 0;
  // Whether callers wait for one another: runs share state that none can have for itself.
  [[nodiscard]] virtual bool takes_turns() const noexcept = 0;
  // What of its state a run has for itself; a line, or empty.
  [[nodiscard]] virtual std::string describe_state() const = 0;
};

// Where an artifact is loaded to.
struct Place {
  Device device = Device::cpu;
  int index = 0;
};

// Of a model of `inputs` inputs. Throws what LibTorch throws.
[[nodiscard]] Result<std::unique_ptr<Artifact>> read_script(std::istream& in, const Place& place, std::size_t inputs);

}  // namespace {= name =}
