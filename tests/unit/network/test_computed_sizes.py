"""Sizes as expressions of named dimensions: equal ones are equal, whatever they are computed by."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from gencpp.network.lower.size_text import parsed
from gencpp.network.lower.sizes import (
    Derived,
    Operation,
    Size,
    equal,
    larger,
    least,
    opaque,
    quotient,
    smaller,
)

H, W = opaque("h"), opaque("w")


def value(size: Any, **known: int) -> int:
    """What the size is where the dimensions are known."""
    if isinstance(size, int):
        return size
    total = 0
    for names, n in size.terms:
        product = n
        for name in names:
            product *= _named(name, known)
        total += product
    return total


def _named(name: str, known: dict[str, int]) -> int:
    if not isinstance(name, Derived):
        return known[name]
    a, b = value(name.a, **known), value(name.b, **known)
    return {
        Operation.floor_divide: lambda: a // b,
        Operation.divide: lambda: int(a / b),
        Operation.modulo: lambda: a % b,
        Operation.minimum: lambda: min(a, b),
        Operation.maximum: lambda: max(a, b),
    }[name.operation]()


EXPRESSIONS = {
    "a pool": lambda h, w: (h - 2) // 2 + 1,
    "a strided convolution": lambda h, w: (h + 2 - 3) // 2 + 1,
    "two of them": lambda h, w: ((h - 1) // 2 + 1 - 1) // 2 + 1,
    "a remainder": lambda h, w: (0 - h) % 4 + h,
    "of two sizes": lambda h, w: (2 * h + 3 * w + 5) // 3 - w,
    "a remainder of many": lambda h, w: (9 * h + w + 6) % 4,
    "quotients of quotients": lambda h, w: (h // 2 + 3) // 4 * 8,
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_arithmetic_is_pythons(name: str) -> None:
    expression = EXPRESSIONS[name]
    for h, w in itertools.product(range(1, 14), range(1, 6)):
        assert value(expression(H, W), h=h, w=w) == expression(h, w), (h, w)


def test_integers_are_divided_as_onnx_does() -> None:
    assert [quotient(a, 2) for a in (-3, -2, 3)] == [-1, -1, 1] and quotient(3, -2) == -1
    assert str(quotient(H - W, 2)) == "(h + -1*w)/(2)"  # of either sign
    assert quotient(H + 1, 2) == (H + 1) // 2  # never negative
    for h, w in itertools.product(range(1, 6), repeat=2):
        assert value(quotient(H - W, 2), h=h, w=w) == int((h - w) / 2)


def test_what_names_the_same_is_the_same() -> None:
    assert (H - 2) // 2 + 1 == H // 2
    assert (H // 2 + 1) // 2 == (H + 2) // 4
    assert (2 * H + 5) // 2 == H + 2
    assert parsed("2*(((h - 1)//2)) + 2") == 2 * ((H - 1) // 2 + 1)
    assert parsed("PythonMod(-h, 4)") == (0 - H) % 4
    assert parsed("64*h") == 64 * H and parsed("unk__3") == opaque("unk__3")
    assert parsed("h/2") == opaque("h/2")  # no arithmetic of whole numbers


def test_bounds() -> None:
    assert least(H) == 1 and least(H + 3 * W - 1) == 3
    assert least(H - W) is None and least((0 - H) % 4) == 0 and least(H // 2) == 0
    assert equal(H + (0 - H) % 4, H) is None  # it may be a multiple
    assert equal(H + 1, H) is False and equal(H, W) is None
    assert smaller(H, H + 2) == H and larger(H, 0) == H
    found = smaller(H, 5)
    assert isinstance(found, Size) and least(found) == 1
    assert [value(found, h=h) for h in (3, 5, 9)] == [3, 5, 5]
