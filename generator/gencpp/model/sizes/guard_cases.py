"""Sizes within a model's bounds that torch.export's guards are not for: there an artifact may be wrong."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from ...core.spec import Dim, TensorSpec
from ...tensors.export_guards import Condition
from .plan import Place, Shapes, SizeCase, alone, at, axes_of

MOST_CASES = 12
"""Of all conditions together; further ones are named, not compared."""

_MOST_SIZES = 4096
"""Combinations of sizes that are looked through for one condition."""


def beyond(
    conditions: Sequence[Condition],
    inputs: Sequence[TensorSpec],
    profile: Sequence[Sequence[Dim]],
    compared: Sequence[SizeCase],
) -> list[SizeCase]:
    """For each condition that no case of `compared` breaks: the nearest sizes that do, and the furthest."""
    found: dict[Shapes, SizeCase] = {}
    for condition in conditions:
        if any(_broken(condition, c.shapes) for c in (*compared, *found.values())):
            continue
        broken = [s for s in _combinations(condition, profile) if not condition.holds(*s)]
        broken.sort(key=lambda sizes: _distance(condition, profile, sizes))
        for sizes in dict.fromkeys((*broken[:1], *broken[-1:])):
            case = _case(condition, inputs, profile, sizes)
            found.setdefault(case.shapes, case)
    return list(found.values())


def _broken(condition: Condition, shapes: Shapes) -> bool:
    return not condition.holds(*(shapes[p[0][0]][p[0][1]] for p in condition.places))


def _combinations(condition: Condition, profile: Sequence[Sequence[Dim]]) -> Iterator[tuple[int, ...]]:
    """Sizes of the condition's dimensions: all where these are few, else some of each."""
    dims = [profile[p[0][0]][p[0][1]] for p in condition.places]
    most = max(2, int(_MOST_SIZES ** (1 / len(dims))))
    return itertools.product(*(_some(d, most) for d in dims))


def _some(dim: Dim, most: int) -> Sequence[int]:
    """At most about `most` sizes: all around the opt size, and others up to the bounds."""
    every = range(dim.min, dim.max + 1)
    if len(every) <= most:
        return every
    near = range(max(dim.min, dim.opt - most // 4), min(dim.max, dim.opt + most // 4) + 1)
    far = range(dim.min, dim.max + 1, max(1, len(every) // (most // 2)))
    return sorted({*near, *far, dim.max})


def _distance(condition: Condition, profile: Sequence[Sequence[Dim]], sizes: Sequence[int]) -> float:
    """From the opt sizes."""
    opts = [profile[p[0][0]][p[0][1]].opt for p in condition.places]
    return sum(abs(math.log(max(s, 1) / max(o, 1))) for s, o in zip(sizes, opts, strict=True))


def _case(
    condition: Condition,
    inputs: Sequence[TensorSpec],
    profile: Sequence[Sequence[Dim]],
    sizes: Sequence[int],
) -> SizeCase:
    """The others at their opt size."""
    wanted: dict[Place, int] = {
        p: size for places, size in zip(condition.places, sizes, strict=True) for p in places
    }
    shapes = at(profile, wanted)
    moved = frozenset(p for p, size in wanted.items() if profile[p[0]][p[1]].opt != size)
    for axis in axes_of(inputs, profile, moved):
        case = alone(inputs, profile, axis, wanted.get(axis.places[0], axis.dim.opt))
        if case.shapes == shapes:
            return case
    name = " and ".join(f"{inputs[i].name}:{d}={wanted[i, d]}" for i, d in sorted(moved))
    return SizeCase(name=name, shapes=shapes)
