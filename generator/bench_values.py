"""What benchmarks feed an input, in C++ and in Python: within what its goldens are drawn from.

Sits after values.py; used by cpp and bench.
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
