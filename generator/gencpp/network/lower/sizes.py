"""Sizes that are known as numbers or as expressions of named dimensions: `64 * batch`.

A size is an int or a `Size`; every function here takes both and gives an int where the result is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Terms = tuple[tuple[tuple[str, ...], int], ...]


@dataclass(frozen=True, slots=True)
class Size:
    """A sum of products of named dimensions, each at least 1: (("batch",), 64) is 64 * batch."""

    terms: Terms

    def __str__(self) -> str:
        texts = ("*".join([*([str(n)] if n != 1 or not names else []), *names]) for names, n in self.terms)
        return " + ".join(texts)

    def __add__(self, other: Any) -> Any:
        return _plus(self, other, 1)

    def __radd__(self, other: Any) -> Any:
        return _plus(other, self, 1)

    def __sub__(self, other: Any) -> Any:
        return _plus(self, other, -1)

    def __rsub__(self, other: Any) -> Any:
        return _plus(other, self, -1)

    def __neg__(self) -> Any:
        return _plus(0, self, -1)

    def __mul__(self, other: Any) -> Any:
        sums: dict[tuple[str, ...], int] = {}
        for names, n in self.terms:
            for others, m in _terms(other):
                key = tuple(sorted((*names, *others)))
                sums[key] = sums.get(key, 0) + n * m
        return _simple(sums)

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Any:
        exact = divided(self, other)
        return opaque(f"({self})//({other})") if exact is None else exact

    def __rfloordiv__(self, other: Any) -> Any:
        return opaque(f"({other})//({self})")

    @property
    def symbols(self) -> tuple[str, ...]:
        """The named dimensions in it."""
        return tuple(dict.fromkeys(name for names, _ in self.terms for name in names))


AnySize = int | Size
Dims = tuple[AnySize, ...]


def opaque(name: str) -> Size:
    """A size of which nothing is known but that it is at least 1."""
    return Size((((name,), 1),))


def parsed(text: str) -> AnySize:
    """A dimension as ONNX names it: products such as `64*batch` are taken apart, anything else is a name."""
    factors = [f.strip() for f in text.split("*")]
    if not all(re.fullmatch(r"\w+", f) for f in factors):
        return opaque(text)
    size: Any = 1
    for factor in factors:
        size = size * (int(factor) if factor.isdigit() else opaque(factor))
    return size if isinstance(size, int | Size) else opaque(text)


def product(sizes: Iterable[AnySize]) -> AnySize:
    """All of them multiplied."""
    result: Any = 1
    for size in sizes:
        result = result * size
    return result  # type: ignore[no-any-return]


def divided(size: AnySize, by: AnySize) -> AnySize | None:
    """size / by where that is whole whatever the dimensions are, else None."""
    if isinstance(by, int):
        if by == 0 or any(n % by for _, n in _terms(size)):
            return None
        return _simple({names: n // by for names, n in _terms(size)})
    if size == by:
        return 1
    if len(by.terms) != 1:
        return None
    (divisor, m), found = by.terms[0], {}
    for names, n in _terms(size):
        rest = list(names)
        for name in divisor:
            if name not in rest:
                return None
            rest.remove(name)
        if n % m:
            return None
        found[tuple(rest)] = n // m
    return _simple(found)


def equal(a: AnySize, b: AnySize) -> bool | None:
    """Whether they are the same; None where that depends on the dimensions."""
    difference = _plus(a, b, -1)
    if isinstance(difference, int):
        return difference == 0
    if all(n > 0 for _, n in difference.terms) or all(n < 0 for _, n in difference.terms):
        return False
    # at least 1: `batch - 0` and `batch + 3` are never 0
    least = sum(n for _, n in difference.terms)
    named = [n for names, n in difference.terms if names]
    return False if least > 0 and all(n > 0 for n in named) else None


def plain(dims: Sequence[AnySize]) -> tuple[int, ...]:
    """With -1 where a size varies."""
    return tuple(d if isinstance(d, int) else -1 for d in dims)


def _terms(size: Any) -> Terms:
    if isinstance(size, Size):
        return size.terms
    return (((), int(size)),) if size else ()


def _plus(a: Any, b: Any, sign: int) -> AnySize:
    sums = dict(_terms(a))
    for names, n in _terms(b):
        sums[names] = sums.get(names, 0) + sign * n
    return _simple(sums)


def _simple(sums: dict[tuple[str, ...], int]) -> AnySize:
    kept = tuple(sorted((names, n) for names, n in sums.items() if n))
    if not kept:
        return 0
    if len(kept) == 1 and not kept[0][0]:
        return kept[0][1]
    return Size(kept)
