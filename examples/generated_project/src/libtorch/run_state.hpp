// What a run changes of a TorchScript module: it gets that part for itself, and shares the weights. For
// libtorch/torch_script.cpp.
#pragma once

#include <ATen/core/ivalue.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "libtorch/libtorch_facts.hpp"

namespace sample {

class RunState {
 public:
  RunState() = default;

  // Throws c10::Error where the module has no such attributes: it is another artifact.
  RunState(const c10::IValue& module, const LibTorchFacts& facts) {
    for (const ChangedAttribute* changed = facts.changed_begin; changed != facts.changed_end; ++changed) {
      add(module, changed->path, changed->in_place);
      names_ += (names_.empty() ? "" : ", ") + std::string(changed->path);
    }
  }

  // A module with attributes of its own where runs change them, as they are in `module`, which stays as it is;
  // everything else is shared. `module` itself where runs change nothing.
  [[nodiscard]] c10::IValue own_copy(const c10::IValue& module) const {
    return root_.empty() ? module : copied(module, root_);
  }

  // One line for people; empty where runs change nothing.
  [[nodiscard]] std::string describe() const {
    return names_.empty() ? "" : "each run starts from its own copy of: " + names_ + "\n";
  }

 private:
  // An attribute to copy: of its object the slots in `inner`, or all that it holds.
  struct Slot {
    std::size_t index = 0;
    bool in_place = false;
    std::vector<Slot> inner;
  };

  void add(const c10::IValue& module, const std::string& path, bool in_place) {
    std::vector<Slot>* slots = &root_;
    c10::IValue value = module;
    for (std::size_t begin = 0; begin <= path.size();) {
      const std::size_t dot = std::min(path.find('.', begin), path.size());
      const auto object = value.toObject();
      const std::size_t index = object->type()->getAttributeSlot(path.substr(begin, dot - begin));
      Slot* found = nullptr;
      for (Slot& slot : *slots) {
        found = slot.index == index ? &slot : found;
      }
      if (found == nullptr) {
        found = &slots->emplace_back();
        found->index = index;
      }
      value = object->getSlot(index);
      begin = dot + 1;
      found->in_place = found->in_place || (in_place && begin > path.size());
      slots = &found->inner;
    }
  }

  // NOLINTNEXTLINE(misc-no-recursion): as deep as modules are nested
  static c10::IValue copied(const c10::IValue& value, const std::vector<Slot>& slots) {
    auto object = value.toObject()->copy();  // its slots hold the same values
    for (const Slot& slot : slots) {
      const c10::IValue& shared = object->getSlot(slot.index);
      if (slot.in_place) {
        object->setSlot(slot.index, shared.deepcopy());
      } else if (!slot.inner.empty()) {
        object->setSlot(slot.index, copied(shared, slot.inner));
      }
    }
    return object;
  }

  std::vector<Slot> root_;
  std::string names_;
};

}  // namespace sample
