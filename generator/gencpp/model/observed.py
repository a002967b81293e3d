"""One run of a model, watched operator by operator: what it costs, and what in it makes sizes of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..tensors.module import run_module
from .flops import formulas

_BY_NAME = frozenset({"nms", "batched_nms", "repeat_interleave", "unique_consecutive", "bincount"})
"""Operators whose result's size depends on values, though they lack the tag that says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What one run did."""

    outputs: tuple[tuple[str, Any], ...]
    """(name, tensor)"""
    multiply_adds: int
    """Half of torch's flop counter."""
    elements: int
    """Of all operators' results together."""
    largest: int
    """Bytes of the largest result."""
    sizes_of_values: tuple[str, ...]
    """Operators whose result has a size that depends on values."""


def observe(module: Any, inputs: Sequence[Any]) -> Observed:
    """Runs `module` once; raises what it raises. A module that calls no operators of torch has none seen."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import FlopCounterMode

    elements, largest = 0, 0
    found: dict[str, None] = {}
    mode: Any = TorchDispatchMode

    class Operators(mode):  # type: ignore[misc]
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            nonlocal elements, largest
            result = func(*args, **(kwargs or {}))
            for t in result if isinstance(result, list | tuple) else (result,):
                if isinstance(t, torch.Tensor):
                    elements += t.numel()
                    largest = max(largest, t.numel() * t.element_size())
            if _sizes_of_values(func, args):
                found[func.overloadpacket.__name__] = None
            return result

    flops = FlopCounterMode(display=False, custom_mapping=formulas())
    with flops, Operators():
        outputs = run_module(module, inputs)
    return Observed(
        outputs=tuple(outputs),
        multiply_adds=int(flops.get_total_flops()) // 2,
        elements=elements,
        largest=largest,
        sizes_of_values=tuple(found),
    )


def _sizes_of_values(func: Any, args: Any) -> bool:
    import torch

    name = func.overloadpacket.__name__
    if name == "_local_scalar_dense":  # a number of a tensor as Python's: a size may be made of it
        return True
    if name in ("index", "_unsafe_index"):  # by positions the size is known, by a mask it is not
        indices = args[1] if len(args) > 1 else ()
        return any(isinstance(i, torch.Tensor) and i.dtype in (torch.bool, torch.uint8) for i in indices)
    if name == "repeat_interleave" and len(args) == 2 and not isinstance(args[1], torch.Tensor):
        return False
    return name in _BY_NAME or torch.Tag.dynamic_output_shape in func.tags
