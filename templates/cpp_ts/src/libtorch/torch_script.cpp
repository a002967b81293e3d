// TorchScript: a module, what each run gets of it for itself, and oneDNN graph fusion of it. All that includes its
// compiler is here: the headers of that take three times as long to read as those of tensors.
#include <ATen/Context.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/codegen/onednn/interface.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/passes/pass_manager.h>
#include <torch/csrc/jit/serialization/import.h>

#include <mutex>
#include <utility>
#include <vector>

#include "libtorch/artifact.hpp"
#include "libtorch/fusion.hpp"
#include "libtorch/run_state.hpp"
#include "libtorch/torch_tensors.hpp"

// LibTorch keeps the passes of all compilations of the process in one list, without a lock. This one is shared by
// all projects of the process: compilations hold it shared, whoever changes the list holds it alone.
namespace gencpp_shared {
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
inline std::shared_mutex libtorch_passes;
}  // namespace gencpp_shared

namespace {= name =} {
namespace {

// Appends the tensors of a result in the order of a depth-first walk; None is dropped, as in the
// reference outputs.
Result<void> flatten(const c10::IValue& value, std::vector<at::Tensor>& tensors) {
  const auto flatten_all = [&](const auto& items) -> Result<void> {
    for (const c10::IValue& item : items) {
      if (Result<void> done = flatten(item, tensors); !done) {
        return done;
      }
    }
    return {};
  };
  if (value.isTensor()) {
    tensors.push_back(value.toTensor());
    return {};
  }
  if (value.isNone()) {
    return {};
  }
  if (value.isTuple()) {
    return flatten_all(value.toTupleRef().elements());
  }
  if (value.isTensorList()) {
    for (const at::Tensor& tensor : value.toTensorVector()) {
      tensors.push_back(tensor);
    }
    return {};
  }
  if (value.isList()) {
    return flatten_all(value.toListRef());
  }
  if (value.isGenericDict()) {
    for (const auto& entry : value.toGenericDict()) {
      if (Result<void> done = flatten(entry.value(), tensors); !done) {
        return done;
      }
    }
    return {};
  }
  return Error{ErrorCode::unsupported,
      "the model returned a " + value.tagKind() +
          "; only tensors, and tuples, lists and dictionaries of them, are supported"};
}

class TorchScript final : public Artifact {
 public:
  TorchScript(torch::jit::Module module, std::size_t inputs)
      : module_(std::move(module)),
        forward_(&module_.get_method("forward").function()),
        state_(module_._ivalue(), libtorch_facts()),
        takes_turns_(*libtorch_facts().serialised != '\0'),
        has_defaults_(forward_->getSchema().arguments().size() > inputs + 1),
        writes_inputs_(takes_turns_ || may_write_inputs()) {}  // what runs share must not hold memory of a caller

  [[nodiscard]] Result<void> forward(Scratch& scratch) const override {
    std::unique_lock<std::mutex> turn(turns_, std::defer_lock);
    if (takes_turns_) {
      turn.lock();
    }
    torch::jit::Stack& stack = scratch.stack;
    stack.emplace_back(state_.own_copy(module_._ivalue()));
    for (at::Tensor& tensor : scratch.tensors) {
      stack.emplace_back(std::move(tensor));
    }
    scratch.tensors.clear();
    if (has_defaults_) {
      static const torch::jit::Kwargs no_kwargs;
      forward_->getSchema().checkAndNormalizeInputs(stack, no_kwargs);  // appends them
    }
    forward_->run(stack);
    Result<void> flat = flatten(stack.back(), scratch.tensors);
    stack.clear();
    if (takes_turns_) {
      for (at::Tensor& tensor : scratch.tensors) {
        tensor = tensor.clone();  // it may be what the next run writes
      }
    }
    return flat;
  }

  [[nodiscard]] bool writes_inputs() const noexcept override { return writes_inputs_; }
  [[nodiscard]] bool takes_turns() const noexcept override { return takes_turns_; }

  [[nodiscard]] std::string describe_state() const override {
    return takes_turns_ ? std::string("one run at a time: ") + libtorch_facts().serialised + "\n" : state_.describe();
  }

 private:
  [[nodiscard]] bool may_write_inputs() const {
    const auto graph = torch::jit::toGraphFunction(*forward_).graph()->copy();
    torch::jit::Inline(*graph);
    const torch::jit::AliasDb aliases(graph);
    bool writes = false;
    for (std::size_t i = 1; i < graph->inputs().size(); ++i) {  // 0 is the module
      writes = writes || aliases.hasWriters(graph->inputs()[i]);
    }
    return writes;
  }

  torch::jit::Module module_;
  torch::jit::Function* forward_;
  RunState state_;
  bool takes_turns_;
  bool has_defaults_;  // forward has arguments with default values besides the inputs
  bool writes_inputs_;
  mutable std::mutex turns_;
};

using Fuser = torch::jit::RegisterLlgaFuseGraph;

// Pauses that this thread holds.
int& held() {
  static thread_local int count = 0;
  return count;
}

}  // namespace

bool fusion_is_on() { return !torch::jit::getCustomPrePasses().empty(); }

void set_fusion(bool on) {
  const std::unique_lock<std::shared_mutex> no_compilation(gencpp_shared::libtorch_passes);
  if (on != Fuser::isEnabled() && at::hasMKLDNN()) {
    Fuser::setEnabled(on);
  }
}

FusionPause::FusionPause(bool wanted) {
  if (held()++ > 0) {  // a run of load()
    return;
  }
  shared_ = std::shared_lock<std::shared_mutex>(gencpp_shared::libtorch_passes);
  if (wanted || !Fuser::isEnabled()) {
    return;
  }
  shared_.unlock();
  alone_ = std::unique_lock<std::shared_mutex>(gencpp_shared::libtorch_passes);
  const std::size_t passes = torch::jit::getCustomPrePasses().size();
  Fuser::clearPass();
  paused_ = torch::jit::getCustomPrePasses().size() != passes;
}

FusionPause::~FusionPause() {
  if (paused_) {
    Fuser::registerPass(torch::jit::fuser::onednn::fuseGraph);
  }
  --held();
}

Result<std::unique_ptr<Artifact>> read_script(std::istream& in, const Place& place, std::size_t inputs) {
  torch::jit::Module module = torch::jit::load(in, to_torch(place.device, place.index));
  return std::unique_ptr<Artifact>(std::make_unique<TorchScript>(std::move(module), inputs));
}

}  // namespace {= name =}
