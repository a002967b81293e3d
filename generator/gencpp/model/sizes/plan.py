"""Which sizes of a model's inputs are compared: pure, the same for every artifact and for the goldens.

Each dimension that varies is taken alone at its smallest, one odd and its largest size, the others staying at
their opt size; then all are taken at their smallest, and all at their largest. All inputs share one batch.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ...core.spec import Dim, Profiles, TensorSpec

Place = tuple[int, int]
"""(index of an input, index of a dimension)"""

Shapes = tuple[tuple[int, ...], ...]
"""The sizes of every input."""

BATCH_SEED = 2
_SEEDS = range(10, 1000)
"""Of other cases, by their sizes; a user's seed is multiplied by 1000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A dimension that varies, with all that have the same size as it."""

    places: tuple[Place, ...]
    dim: Dim
    batch: bool = False
    """Whether it counts the items, which all inputs with a batch share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeCase:
    """Sizes of all inputs at which answers are compared."""

    name: str
    """For people: `x:2=64`, `all smallest`."""
    shapes: Shapes
    axis: Axis | None = None
    """What is at another size than its opt; None: several."""
    kind: str = "sizes"
    """`batch`: several items of the opt sizes."""

    @property
    def items(self) -> int:
        """Of a case of several items of the opt sizes: how many; else 1."""
        if self.axis is None or not self.axis.batch:
            return 1
        i, d = self.axis.places[0]
        return self.shapes[i][d]

    @property
    def seed(self) -> int:
        """Of its inputs, by its sizes alone: narrower bounds leave it as it was."""
        if self.kind == "batch":
            return BATCH_SEED
        return _SEEDS[zlib.crc32(repr(self.shapes).encode()) % len(_SEEDS)]


def axis_text(inputs: Sequence[TensorSpec], axis: Axis) -> str:
    """`x:2`, as --dynamic names it; with those that move with it: `ids:1 and mask:1`."""
    places = axis.places[:1] if axis.batch else axis.places
    return " and ".join(f"{inputs[i].name}:{d}" for i, d in places)


def axes_of(
    inputs: Sequence[TensorSpec], profile: Sequence[Sequence[Dim]], tied: frozenset[Place] = frozenset()
) -> tuple[Axis, ...]:
    """The axes of one profile; of those in `tied`, the ones with equal bounds move together."""
    batch = batch_places(inputs)
    found: dict[object, list[Place]] = {}
    for i, dims in enumerate(profile):
        for d, dim in enumerate(dims):
            if (i, d) not in batch and dim.dynamic:
                found.setdefault(dim if (i, d) in tied else (i, d), []).append((i, d))
    groups = [batch] if batch else []
    groups += [tuple(places) for places in found.values()]
    axes = (Axis(places=p, dim=profile[p[0][0]][p[0][1]], batch=p == batch) for p in groups)
    return tuple(a for a in axes if a.dim.dynamic)


def batch_places(inputs: Sequence[TensorSpec]) -> tuple[Place, ...]:
    """Where the inputs have the batch that varies, in their order."""
    return tuple((i, t.batch_at) for i, t in enumerate(inputs) if t.batch_at is not None)


def partners(inputs: Sequence[TensorSpec], profile: Sequence[Sequence[Dim]], axis: Axis) -> frozenset[Place]:
    """The dimensions of equal bounds, which exporters tie where the model needs it; empty: there are none."""
    if axis.batch:
        return frozenset()
    batch = batch_places(inputs)
    places = ((i, d) for i, dims in enumerate(profile) for d in range(len(dims)))
    equal = {p for p in places if p not in batch and profile[p[0]][p[1]] == axis.dim}
    return frozenset(equal) if equal > set(axis.places) else frozenset()


def odd_size(dim: Dim, *, step: int = 1) -> int | None:
    """A size between the smallest and the largest, near their geometric mean; None where there is none.

    With `step` 1 it is odd where that can be, else a multiple of `step` above the smallest.
    """
    middle = math.sqrt(dim.min * dim.max)
    inside = [s for s in _near(dim, round(middle), step) if s not in (dim.min, dim.opt, dim.max)]
    odd = [s for s in inside if s % 2] if step == 1 else []
    return min(odd or inside, key=lambda s: (abs(s - middle), s), default=None)


def _near(dim: Dim, middle: int, step: int) -> range:
    """Multiples of `step` above the smallest size, some on each side of the middle."""
    reach = 4 * step
    first = max(dim.min, dim.min + (middle - reach - dim.min) // step * step)
    return range(first, min(dim.max, middle + reach) + 1, step)


def sizes_alone(axis: Axis) -> tuple[int, ...]:
    """Smallest, odd and largest, without the opt size."""
    sizes = (axis.dim.max, odd_size(axis.dim), axis.dim.min)
    return tuple(dict.fromkeys(s for s in sizes if s is not None and s != axis.dim.opt))


def at(profile: Sequence[Sequence[Dim]], sizes: dict[Place, int]) -> Shapes:
    """The opt sizes of a profile, with these in their place."""
    return tuple(
        tuple(sizes.get((i, d), dim.opt) for d, dim in enumerate(dims)) for i, dims in enumerate(profile)
    )


def alone(inputs: Sequence[TensorSpec], profile: Sequence[Sequence[Dim]], axis: Axis, size: int) -> SizeCase:
    """One axis at `size`, the others at their opt."""
    several = axis.batch and size not in (1, axis.dim.min)
    first = several and size == (odd_size(axis.dim) or axis.dim.max)
    return SizeCase(
        name=f"{axis_text(inputs, axis)}={size}",
        shapes=at(profile, dict.fromkeys(axis.places, size)),
        axis=axis,
        kind="batch" if first else "sizes",
    )


def together(profile: Sequence[Sequence[Dim]], axes: Sequence[Axis]) -> Iterator[SizeCase]:
    """All at their smallest, all at their largest; nothing where one axis varies."""
    if len(axes) < 2:
        return
    for what in ("smallest", "largest"):
        sizes = {p: a.dim.min if what == "smallest" else a.dim.max for a in axes for p in a.places}
        yield SizeCase(name=f"all {what}", shapes=at(profile, sizes))


def distinct(cases: Sequence[SizeCase]) -> tuple[SizeCase, ...]:
    """Without those whose sizes an earlier one has."""
    found: dict[Shapes, SizeCase] = {}
    for case in cases:
        found.setdefault(case.shapes, case)
    return tuple(found.values())


def profiles_of(inputs: Sequence[TensorSpec], profiles: Profiles) -> Profiles:
    """The profiles within the inputs' bounds; one of these bounds where there are none.

    A dimension that an export had to fix or to bound is so in every profile.
    """
    if not profiles:
        return (tuple(t.dims for t in inputs),)
    return tuple(
        tuple(
            tuple(within(mine, fact) for mine, fact in zip(dims, t.dims, strict=True))
            for dims, t in zip(profile, inputs, strict=True)
        )
        for profile in profiles
    )


def within(dim: Dim, bounds: Dim) -> Dim:
    """`dim`, cut to `bounds`."""

    def cut(size: int) -> int:
        return max(bounds.min, min(size, bounds.max))

    return Dim(min=cut(dim.min), opt=cut(dim.opt), max=cut(dim.max))


def sized(inputs: Sequence[TensorSpec], shapes: Shapes) -> list[TensorSpec]:
    """The inputs with exactly these sizes."""
    return [
        replace(t, dims=tuple(Dim.fixed(s) for s in shape)) for t, shape in zip(inputs, shapes, strict=True)
    ]


def shapes_text(inputs: Sequence[TensorSpec], shapes: Shapes) -> str:
    """`x 1x3x64x64, mask 1x64`"""
    return ", ".join(
        f"{t.name} {'x'.join(map(str, s)) or 'a scalar'}" for t, s in zip(inputs, shapes, strict=True)
    )
