"""Dimensions that vary, as torch.export wants to be told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..core.spec import Dim, TensorSpec
from .stimuli import seeded_inputs

_SEED = 11_003


def examples(inputs: Sequence[TensorSpec]) -> list[Any]:
    """Of sizes above one where a dimension varies: torch.export takes a one for a constant."""

    def example(d: Dim) -> Dim:
        return Dim.fixed(min(max(d.opt, 2), d.max))

    return seeded_inputs([replace(t, dims=tuple(example(d) for d in t.dims)) for t in inputs], _SEED)


def dynamic_shapes(inputs: Sequence[TensorSpec], *, tied: bool = False, least: int = 1) -> Any:
    """For torch.export: a symbol for every dimension that varies, by input; None when none does.

    `tied`: dimensions with equal bounds are one and the same (a mask as long as its tokens). `least`: a
    lower bound for all of them.
    """
    from torch.export import Dim as Symbol

    symbols: dict[str, Any] = {}
    names: dict[tuple[int, int, int], str] = {}

    def symbol(t: TensorSpec, i: int, d: Dim) -> Any:
        name = axis_name(t, i)
        if tied and i != t.batch_axis:
            name = names.setdefault((d.min, d.opt, d.max), name)
        if name not in symbols:
            symbols[name] = Symbol(name, min=max(d.min, least), max=d.max)
        return symbols[name]

    shapes = tuple({i: symbol(t, i, d) for i, d in enumerate(t.dims) if d.dynamic} for t in inputs)
    return shapes if any(shapes) else None


def axis_name(tensor: TensorSpec, index: int) -> str:
    """All inputs and outputs share the batch; `_` keeps other names identifiers, as torch wants them."""
    if index == tensor.batch_at:
        return "batch"
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in f"dim_{tensor.name}_{index}")
