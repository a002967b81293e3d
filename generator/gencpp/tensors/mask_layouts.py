"""Masks that are all true or all false, where an artifact answers otherwise than the model: left out, told.

Attention over nothing is 0 / 0. PyTorch's kernels give numbers for it, the same in plain operators is nan.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, TypeVar

from ..core.spec import ModelSpec, TensorSpec
from .stimuli import MASKS, is_mask

_WORDS = {"all": "all true", "none": "all false"}


class _Compared(Protocol):
    @property
    def problem(self) -> str: ...


_T = TypeVar("_T", bound=_Compared)


def compared_by_layout(spec: ModelSpec, compare: Callable[[ModelSpec], _T]) -> tuple[ModelSpec, _T, str]:
    """(spec, how it compares, a warning): without the masks that alone make the difference."""
    first = compare(spec)
    if not first.problem:
        return spec, first, ""
    for left_out in (("all",), ("none",), ("all", "none")):
        reduced = replace(spec, inputs=tuple(_without(t, left_out) for t in spec.inputs))
        names = [a.name for a, b in zip(spec.inputs, reduced.inputs, strict=True) if a != b]
        if not names:
            continue
        compared = compare(reduced)
        if not compared.problem:
            words = " or ".join(_WORDS[k] for k in left_out)
            warning = (
                f"Where {', '.join(names)} is {words}, the artifact does not answer as the model does"
                f" ({first.problem}). Goldens leave that out: never feed such masks."
            )
            return reduced, compared, warning
    return spec, first, ""


def _without(tensor: TensorSpec, left_out: tuple[str, ...]) -> TensorSpec:
    if not is_mask(tensor) or tensor.values is None:
        return tensor
    kinds = tuple(k for k in tensor.values.kinds or MASKS if k not in left_out)
    if not kinds or kinds == (tensor.values.kinds or MASKS):
        return tensor
    return replace(tensor, values=replace(tensor.values, kinds=kinds))
