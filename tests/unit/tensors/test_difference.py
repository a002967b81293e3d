"""The one difference of two answers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gencpp.tensors.difference import difference

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("reference", "other", "absolute", "relative"),
    [
        ([1.0, -4.0], [1.0, -4.0], 0.0, 0.0),
        ([1.0, -4.0], [1.5, -4.0], 0.5, 0.125),
        ([1.0, -4.0], [1.0, -4.0, 1.0], INF, INF),  # another shape
        ([0.0, 0.0], [0.0, 0.0], 0.0, 0.0),
        ([0.0, 0.0], [0.0, 1e-30], 1e-30, INF),  # nothing to be relative to
        ([], [], 0.0, 0.0),
        ([1.0, 2.0], [1.0, NAN], INF, INF),
        ([1.0, NAN], [1.0, NAN], INF, INF),  # equal, and yet no number: whoever allows that compares bits
        ([1.0, INF], [1.0, INF], INF, INF),
        ([1.0, 2.0], [1.0, INF], INF, INF),
    ],
)
def test_absolute_and_relative(
    reference: list[float], other: list[float], absolute: float, relative: float
) -> None:
    found = difference(np.array(reference), np.array(other))
    assert (found.absolute, found.relative) == (absolute, relative)


def test_float64_inside() -> None:
    """Whole numbers and halves do not overflow or round."""
    low, high = np.array([-128, 5], np.int8), np.array([127, 5], np.int8)
    assert difference(low, high).absolute == 255.0
    a, b = np.array([60000.0], np.float16), np.array([-60000.0], np.float16)
    assert difference(a, b).relative == 2.0
    assert difference(np.array([True]), np.array([False])).absolute == 1.0
