"""A TorchScript module whose numbers (int, float, bool) are tensors of one element, as C++ passes them."""

from __future__ import annotations

import re
from typing import Any

from ...core.errors import CheckFailed

_PASSED = {"int": "int({})", "float": "float({})", "bool": "bool({})", "Tensor": "{}"}


def with_tensor_arguments(module: Any, count: int) -> Any:
    """`module`, or one around it that converts its first `count` arguments; raises CheckFailed for others.

    Python turns a tensor into a number by itself; LibTorch's forward refuses it.
    """
    import torch

    arguments = module.forward.schema.arguments[1 : count + 1]
    kinds = [re.sub(r"^Optional\[(.*)\]$", r"\1", str(a.type)) for a in arguments]
    if all(kind == "Tensor" for kind in kinds):
        return module
    wrong = [f"{a.name} is {a.type}" for a, kind in zip(arguments, kinds, strict=True) if kind not in _PASSED]
    if wrong:
        raise CheckFailed(
            f"arguments of forward that no tensor can be given for: {', '.join(wrong)}",
            hint="take tensors, int, float or bool.",
        )

    class TensorArguments(torch.jit.ScriptModule):
        def __init__(self) -> None:
            super().__init__()
            self.inner = module

    made: Any = TensorArguments()
    names = [f"x{i}" for i in range(len(arguments))]
    passed = ", ".join(_PASSED[kind].format(n) for n, kind in zip(names, kinds, strict=True))
    made.define(f"def forward(self, {', '.join(names)}):\n    return self.inner({passed})\n")
    return made.eval() if hasattr(module, "training") else made
