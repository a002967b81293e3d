"""Inputs to run between two runs on equal ones: a model that keeps something of them answers otherwise.

Sits after stimuli.py: imports spec and stimuli only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .spec import Dim, TensorSpec
from .stimuli import seeded_inputs


def between(inputs: Sequence[TensorSpec], seed: int) -> list[list[Any]]:
    """Inputs of the same sizes and other values; then, where sizes may vary, of other sizes, too."""
    found = [seeded_inputs(inputs, seed)]
    if any(d.dynamic for t in inputs for d in t.dims):
        found.append(seeded_inputs([_other_sizes(t) for t in inputs], seed))
    return found


def _other_sizes(tensor: TensorSpec) -> TensorSpec:
    return replace(tensor, dims=tuple(Dim.fixed(_other(d)) for d in tensor.dims))


def _other(dim: Dim) -> int:
    """The smallest size, or the next one where that is the usual one: large ones would cost time."""
    return dim.min if dim.min != dim.opt else min(dim.opt + 1, dim.max)
