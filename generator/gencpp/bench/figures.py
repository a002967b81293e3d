"""Statistics of samples: quantiles, ratios with their spread over rounds, growth."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ..core.spec import JsonValue

LINEAR = 1.1
"""Exponent up to which a curve counts as linear: what caches and noise bend."""

STEADY = 0.01
"""Growth of memory, as a share, up to which it counts as none: what an allocator keeps back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio(JsonValue):
    """Ours over theirs, in each round and over all; below 1 ours is faster."""

    median: float
    low: float
    """The least and the most of any round."""
    high: float
    rounds: tuple[float, ...]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Of two subjects that were measured in the same rounds."""
    each = tuple(a / b for a, b in zip(ours, theirs, strict=True))
    return Ratio(median=statistics.median(each), low=min(each), high=max(each), rounds=each)


def times(factor: float) -> str:
    """`2.2`, `14`; `1.04` for what is nearly 1; `0.003`."""
    if factor >= 10:
        return f"{factor:.0f}"
    if factor < 0.1:
        return f"{factor:.2g}"
    return f"{factor:.1f}" if factor >= 1.1 else f"{factor:.2f}"


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value that `share` of the sorted samples do not exceed (nearest rank, as the C++ program)."""
    rank = math.ceil(share * len(ordered))
    return ordered[max(rank, 1) - 1]


def quantiles(samples: Sequence[float], steps: int = 100) -> list[float]:
    """The least, steps - 1 values between, and the most, at equal shares of the samples."""
    ordered = sorted(samples)
    return [quantile(ordered, i / steps) for i in range(steps + 1)]


def geometric_mean(values: Sequence[float]) -> float:
    """Of positive values."""
    return math.exp(statistics.fmean(map(math.log, values)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit(JsonValue):
    """y = c * x ** exponent by least squares on logarithms."""

    exponent: float
    """Over all points."""
    upper: float
    """Over the upper half of the sizes, where what a small size hides shows; as `exponent` below 4 points."""
    steepest: tuple[float, float]
    """Two neighbouring sizes, between which y grows most for what x does."""
    steepest_exponent: float

    @property
    def linear(self) -> bool:
        """Whether nothing grows faster than its size."""
        return max(self.exponent, self.upper) <= LINEAR


def fit(points: Sequence[tuple[float, float]]) -> Fit | None:
    """The exponent of a curve; None below three points, or where a value is not positive."""
    if len(points) < 3 or any(x <= 0 or y <= 0 for x, y in points):
        return None
    ordered = sorted(points)
    half = ordered[len(ordered) // 2 - 1 :] if len(ordered) >= 4 else ordered
    steepest = max(itertools.pairwise(ordered), key=_slope)
    return Fit(
        exponent=_slope(ordered),
        upper=_slope(half),
        steepest=(steepest[0][0], steepest[1][0]),
        steepest_exponent=_slope(steepest),
    )


def _slope(points: Sequence[tuple[float, float]]) -> float:
    xs = [math.log(x) for x, _ in points]
    ys = [math.log(y) for _, y in points]
    return statistics.linear_regression(xs, ys).slope


def memory_growth(points: Sequence[tuple[int, int]]) -> float:
    """Growth of the most that was resident, last tenth of a curve over its first, as a share."""
    count = points[-1][0]
    first = [bytes_ for done, bytes_ in points if done <= max(count / 10, points[0][0])]
    last = [bytes_ for done, bytes_ in points if done > count * 0.9]
    return max(last) / max(first) - 1
