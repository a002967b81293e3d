"""Sizes on their way through floating point: `ceil(height / 2)` as exporters write it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .sizes import AnySize

_LARGEST_PART = 1 << 12
"""Denominator up to which a number in floating point is the fraction that it was written for."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A size divided by a positive number, in floating point, which holds it exactly as far as sizes go."""

    size: AnySize
    by: int

    def __add__(self, other: Any) -> Any:
        m = _ratio(other)
        return Ratio(self.size * m.by + m.size * self.by, self.by * m.by)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        m = _ratio(other)
        return Ratio(self.size * m.by - m.size * self.by, self.by * m.by)

    def __rsub__(self, other: Any) -> Any:
        return _ratio(other) - self

    def __mul__(self, other: Any) -> Any:
        m = _ratio(other)
        return Ratio(self.size * m.size, self.by * m.by)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        m = _ratio(other)
        if not isinstance(m.size, int) or m.size == 0:
            raise TypeError("divided by a size that varies")
        sign = 1 if m.size > 0 else -1
        return Ratio(self.size * m.by * sign, self.by * m.size * sign)

    def floor(self) -> Ratio:
        """The largest whole number that is not above it."""
        return Ratio(self.size // self.by, 1)

    def ceil(self) -> Ratio:
        """The smallest whole number that is not below it."""
        return Ratio((self.size + (self.by - 1)) // self.by, 1)


def _ratio(value: Any) -> Ratio:
    if not isinstance(value, Ratio):
        raise TypeError("no floating point")
    return value


def fractions(values: Any) -> Any:
    """Constants in floating point as an array of Ratio; raises TypeError where one is no simple fraction."""
    return each(_simple, values)


def _simple(value: Any) -> Ratio:
    exact = Fraction(float(value))
    if exact.denominator > _LARGEST_PART:
        raise TypeError("no simple fraction")
    return Ratio(exact.numerator, exact.denominator)


def each(function: Callable[[Any], Any], values: Any) -> Any:
    """An array of objects of the same shape."""
    import numpy as np

    made = np.empty(values.shape, dtype=object)
    for index in np.ndindex(*values.shape):
        made[index] = function(values[index])
    return made


def pairwise(function: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    """An array of objects of the shape that both broadcast to."""
    import numpy as np

    pairs = np.broadcast(a, b)
    made = np.empty(pairs.shape, dtype=object)
    for index, (m, n) in zip(np.ndindex(*pairs.shape), pairs, strict=True):
        made[index] = function(m, n)
    return made
