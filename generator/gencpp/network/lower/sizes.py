"""Sizes that are known as numbers or as expressions of named dimensions: `64 * batch`.

A size is an int or a `Size`; every function here takes both and gives an int where the result is one.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Terms = tuple[tuple[tuple[str, ...], int], ...]


class Operation(enum.StrEnum):
    """What makes a size of two others that is no sum of products of them."""

    floor_divide = "//"
    divide = "/"
    """Towards 0, as ONNX divides integers; the other one where what is divided is not negative."""
    modulo = "%"
    """As Python's."""
    minimum = "min"
    maximum = "max"


class Derived(str):
    """The name of a size that is computed of two others: `(height)//(2)`. Equal names are equal sizes."""

    operation: Operation
    a: AnySize
    b: AnySize

    def __new__(cls, operation: Operation, a: AnySize, b: AnySize) -> Derived:
        """The name that says how it is computed."""
        made = super().__new__(cls, f"({a}){operation}({b})")
        made.operation, made.a, made.b = operation, a, b
        return made


@dataclass(frozen=True, slots=True)
class Size:
    """A sum of products of named dimensions: (("batch",), 64) is 64 * batch.

    What a file names is at least 1; a name may be Derived.
    """

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
        if exact is not None:
            return exact
        if isinstance(other, int) and other > 0:
            # (2 * height + 3) // 2 is height + 1 + 1 // 2: equal sizes get equal names
            whole = _simple({names: n // other for names, n in self.terms})
            rest = _simple({names: n % other for names, n in self.terms})
            if whole != 0:
                return whole + rest // other
            if (inner := _quotient_and_number(self)) is not None:
                name, number = inner  # (height // 2 + 1) // 2 is (height + 2) // 4
                return (name.a + number * name.b) // (name.b * other)
        return opaque(Derived(Operation.floor_divide, self, other))

    def __rfloordiv__(self, other: Any) -> Any:
        return opaque(Derived(Operation.floor_divide, other, self))

    def __mod__(self, other: Any) -> Any:
        if divided(self, other) is not None:
            return 0
        if isinstance(other, int) and other > 0:
            rest = _simple({names: n % other for names, n in self.terms})
            if rest != self:
                return rest % other
        return opaque(Derived(Operation.modulo, self, other))

    def __rmod__(self, other: Any) -> Any:
        return opaque(Derived(Operation.modulo, other, self))

    @property
    def symbols(self) -> tuple[str, ...]:
        """The named dimensions in it."""
        return tuple(dict.fromkeys(name for names, _ in self.terms for name in names))


AnySize = int | Size
Dims = tuple[AnySize, ...]


def _quotient_and_number(size: Size) -> tuple[Derived, int] | None:
    """Of a size that is a quotient by a number, and a number added to it."""
    named = [(names, n) for names, n in size.terms if names]
    if len(named) != 1 or named[0][1] != 1 or len(named[0][0]) != 1:
        return None
    name = named[0][0][0]
    if not isinstance(name, Derived) or name.operation is not Operation.floor_divide:
        return None
    fits = isinstance(name.b, int) and name.b > 0
    return (name, sum(n for names, n in size.terms if not names)) if fits else None


def opaque(name: str) -> Size:
    """A size of that name."""
    return Size((((name,), 1),))


def quotient(a: AnySize, b: AnySize) -> AnySize:
    """a / b as ONNX divides integers: towards 0."""
    if isinstance(a, int) and isinstance(b, int):
        return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    exact = divided(a, b)
    if exact is not None:
        return exact
    if any(bound is None or bound < 0 for bound in (least(a), least(b))):
        return opaque(Derived(Operation.divide, a, b))
    return a // b


def smaller(a: AnySize, b: AnySize) -> AnySize:
    """The smaller of two."""
    return _chosen(Operation.minimum, a, b)


def larger(a: AnySize, b: AnySize) -> AnySize:
    """The larger of two."""
    return _chosen(Operation.maximum, a, b)


def _chosen(operation: Operation, a: AnySize, b: AnySize) -> AnySize:
    apart = least(_plus(a, b, -1)), least(_plus(b, a, -1))
    if apart[0] is not None and apart[0] >= 0:  # a is never smaller
        return b if operation is Operation.minimum else a
    if apart[1] is not None and apart[1] >= 0:
        return a if operation is Operation.minimum else b
    return opaque(Derived(operation, a, b))


def least(size: AnySize) -> int | None:
    """A bound that the size is never below; None where none is known."""
    total = 0
    for names, n in _terms(size):
        bounds = [_least_of(name) for name in names]
        known = [b for b in bounds if b is not None and b >= 0]
        if len(known) < len(bounds) or (n < 0 and names):
            return None
        product_ = n
        for bound in known:
            product_ *= bound
        total += product_
    return total


def _least_of(name: str) -> int | None:
    if not isinstance(name, Derived):
        return 1
    a, b = least(name.a), least(name.b)
    match name.operation:
        case Operation.floor_divide:
            if a is None or b is None or a < 0 or b < 1:
                return None
            return a // name.b if isinstance(name.b, int) else 0
        case Operation.modulo:
            return 0 if b is not None and b >= 1 else None
        case Operation.minimum:
            return None if a is None or b is None else min(a, b)
        case Operation.maximum:
            return max((x for x in (a, b) if x is not None), default=None)
    return None


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
    for one in (difference, -difference):
        bound = least(one)
        if bound is not None and bound > 0:
            return False
    return None


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
