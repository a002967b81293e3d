"""What programs feed an input without a user: warm-up, benchmarks in C++ and in Python.

Within what its goldens are drawn from.
"""

from __future__ import annotations

from dataclasses import dataclass

from .spec import TensorSpec
from .values import as_number, guessed, is_float


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchValues:
    """Uniform from low to high (floating point) or first to last (whole numbers), or a golden's elements."""

    low: float = -1.0
    high: float = 1.0
    first: int = 0
    last: int = 0
    golden: str = ""
    """A file of assets/goldens; empty: none."""


def bench_values(tensor: TensorSpec, golden: str) -> BenchValues:
    """Of given values the first; of a file those of the golden input `golden`."""
    values = tensor.values or guessed(tensor.dtype)
    if values is None:
        return BenchValues()
    if values.file:
        return BenchValues(golden=golden)
    low, high = values.low, values.high
    if values.each:
        low = high = values.each[0]
    elif values.kinds and "random" not in values.kinds:  # a mask that must not be mixed
        low = high = low if "none" in values.kinds else high
    if is_float(tensor.dtype):
        return BenchValues(low=as_number(low, tensor.dtype), high=as_number(high, tensor.dtype))
    return BenchValues(first=as_number(low, tensor.dtype), last=as_number(high, tensor.dtype))


def fill_value(tensor: TensorSpec) -> float:
    """A value that every element may have: 0 where that is in the range, else the nearest, or a given one."""
    values = tensor.values
    if values is None:
        return 0.0
    if values.each and not any(as_number(v, tensor.dtype) == 0 for v in values.each):
        return float(as_number(values.each[0], tensor.dtype))
    low, high = as_number(values.low, tensor.dtype), as_number(values.high, tensor.dtype)
    if values.kinds and "none" not in values.kinds:
        return float(high)
    return float(min(max(0, low), high))
