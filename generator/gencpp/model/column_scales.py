"""Columns of an output that are small beside others: parity is held to the largest value of all.

Boxes in pixels and scores below one in one tensor are such: what is allowed for the boxes is any score.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ..core.spec import ModelSpec

RATIO = 200
"""Of the output's largest value to a column's own, from which on the column is told."""

_MOST_COLUMNS = 256
_LEAST_ROWS = 16
"""Of fewer rows a column may be small by chance."""


def small_columns(spec: ModelSpec, outputs: Sequence[Sequence[Any]], tolerance: float) -> list[str]:
    """``columns 4 to 6 of `output` are ...``, for each output that has such; `outputs`: of every golden."""
    told = []
    for tensor, found in zip(spec.outputs, zip(*outputs, strict=True), strict=True):
        largest = _largest(found)
        if largest is None or not len(largest):
            continue
        whole = float(largest.max())
        small = [i for i, value in enumerate(largest.tolist()) if 0.0 < value * RATIO < whole]
        if small:
            most = max(float(largest[i]) for i in small)
            told.append(
                f"{_ranges(small)} of {tensor.name} hold{'s' * (len(small) == 1)} at most {most:.2g} and"
                f" its largest value is {whole:.3g}: an error of {tolerance * whole:.1g} there would pass"
            )
    return told


def _largest(tensors: Sequence[Any]) -> Any:
    """Of each column (index of the last dimension); None where there are no columns to speak of."""
    import torch

    first = tensors[0]
    if not first.is_floating_point() or first.dim() < 2 or not 2 <= first.shape[-1] <= _MOST_COLUMNS:
        return None
    if any(t.shape[-1] != first.shape[-1] for t in tensors):
        return None
    rows = torch.cat([t.detach().double().abs().reshape(-1, t.shape[-1]) for t in tensors])
    return rows.amax(0) if len(rows) >= _LEAST_ROWS else None


def _ranges(numbers: Sequence[int]) -> str:
    """`columns 0, 4 to 6`"""
    breaks = [0, *(i + 1 for i, (a, b) in enumerate(pairwise(numbers)) if b != a + 1), len(numbers)]
    runs = [numbers[a:b] for a, b in pairwise(breaks)]
    texts = [str(r[0]) if len(r) == 1 else f"{r[0]} to {r[-1]}" for r in runs]
    return f"column{'s' if len(numbers) > 1 else ''} {', '.join(texts)}"
