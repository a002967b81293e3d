"""Seeded inputs that excite a model: smooth patterns for images, noise, masks as people have them, values.

White noise of two seeds gives nearly the same features, so image-like inputs get patterns whose colour and
contrast follow the seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..core.spec import DType, TensorSpec, Values
from ..core.values import as_number, count, guessed, is_float, is_pair
from .module import torch_dtype

MASKS = ("random", "left", "right", "all", "none")
"""How masks lie: anyhow; true first, then false (valid places); false first, then true (padding); all true;
all false. Each row of the last dimension has its own length."""

MOST_IN_TURN = 16
"""Values that an input of one element takes in turn, and goldens that are made to reach all given values."""

_SCALES = ((2, 1.0), (5, 0.8), (14, 0.6), (40, 0.5))
"""Cells a side and amplitude of each layer of a pattern."""

_IN_A_RANGE = 0.25
"""Of a range's width to a standard deviation of a pattern: two lie on either side, the rest is cut off."""


def seeded_inputs(inputs: Sequence[TensorSpec], seed: int, batch: int | None = None) -> list[Any]:
    """One contiguous CPU tensor an input, of its opt shape or with a batch of `batch` items.

    Every item of a batch differs; the caller's random state is left alone. Floats are about unit
    standard deviation unless the spec has `values`; integers lie in these or in the type's guessed range,
    with both ends among them. What is taken in turn (given values, examples of a file, layouts of a mask)
    goes on with the seed and with the item. A file's inputs are repeated or cut off for other sizes.
    """
    import torch

    counts = [_choices(spec) for spec in inputs]
    tensors = []
    for index, spec in enumerate(inputs):
        shape = spec.shape(batch)
        if spec.values is not None and spec.values.array is not None:
            tensors.append(_of_file(spec, shape, _turn(counts, seed, index)))
        elif not shape or _whole(spec):
            tensors.append(_item(spec, shape, (seed, index, 0), _turn(counts, seed, index)))
        else:
            axis = _items_along(spec)
            alone = (*shape[:axis], *shape[axis + 1 :])
            items = (
                _item(spec, alone, (seed, index, i), _turn(counts, seed + i, index))
                for i in range(shape[axis])
            )
            tensors.append(torch.stack(list(items), axis))
    return tensors


def further_seeds(
    inputs: Sequence[TensorSpec], seen: Sequence[tuple[int, int]], first: int
) -> tuple[list[int], int]:
    """(seeds from `first` on whose inputs take what `seen` left out, how many choices are left even so).

    `seen`: seeds with their number of items. Every choice of every input is taken once, and every
    combination of given values where there are few.
    """
    wanted = _wanted(inputs)
    for seed, items in seen:
        wanted -= _taken(inputs, seed, items)
    seeds: list[int] = []
    seed = first
    while wanted and len(seeds) < MOST_IN_TURN and seed < first + MOST_IN_TURN**2:
        if new := _taken(inputs, seed, 1) & wanted:
            wanted -= new
            seeds.append(seed)
        seed += 1
    return seeds, len(wanted)


def covering(inputs: Sequence[TensorSpec], seeds: Sequence[int]) -> tuple[int, ...]:
    """`seeds`, and more, so that every given value, example and layout of a mask is drawn."""
    return (*seeds, *further_seeds(inputs, [(seed, 1) for seed in seeds], max(seeds) + 1)[0])


def _wanted(inputs: Sequence[TensorSpec]) -> set[tuple[Any, ...]]:
    counts = [_choices(spec) for spec in inputs]
    wanted: set[tuple[Any, ...]] = {(k, i) for k, n in enumerate(counts) if n > 1 for i in range(n)}
    given = [k for k, spec in enumerate(inputs) if counts[k] > 1 and not _is_mask(spec)]
    total = math.prod(counts[k] for k in given)
    if len(given) > 1 and total <= MOST_IN_TURN:
        several: list[tuple[int, ...]] = [()]
        for k in given:
            several = [(*s, i) for s in several for i in range(counts[k])]
        wanted |= {("together", *s) for s in several}
    return wanted


def _taken(inputs: Sequence[TensorSpec], seed: int, items: int) -> set[tuple[Any, ...]]:
    """The choices of one input list, as `_wanted` names them."""
    counts = [_choices(spec) for spec in inputs]
    found: set[tuple[Any, ...]] = set()
    for item in range(max(1, items)):
        turns = []
        for k, spec in enumerate(inputs):
            values = spec.values
            if values is not None and values.array is not None:
                rows = _rows_of_an_example(spec)
                turns.append((_turn(counts, seed, k) + item // rows) % values.examples)
            else:
                alone = not spec.dims or _whole(spec)
                turns.append(_turn(counts, seed + (0 if alone else item), k))
        found |= {(k, i) for k, i in enumerate(turns) if counts[k] > 1}
        given = [k for k, spec in enumerate(inputs) if counts[k] > 1 and not _is_mask(spec)]
        found.add(("together", *(turns[k] for k in given)))
    return found


def _choices(spec: TensorSpec) -> int:
    """What an input takes in turn: given values, examples of a file, layouts of a mask; else 1."""
    values = spec.values or guessed(spec.dtype)
    if values is None:
        return 1
    if values.each:
        return len(values.each)
    if values.array is not None:
        return values.examples
    if _is_mask(spec):
        return len(values.kinds or MASKS)
    few = count(values, spec.dtype) <= MOST_IN_TURN
    if _single(spec) and few and (not values.guessed or is_pair(values, spec.dtype)):
        return int(count(values, spec.dtype))
    return 1


def _turn(counts: Sequence[int], t: int, index: int) -> int:
    """The choice of input `index` at turn `t`: in sequence, shifted so that all combinations come."""
    period = 1
    for n in counts[:index]:
        period *= n
    n = counts[index]
    return (t + t // math.lcm(n, period) % math.gcd(n, period)) % n


def is_mask(spec: TensorSpec) -> bool:
    """Whether it has two values, and more than one element: then it is drawn as masks are laid out."""
    return _is_mask(spec)


def is_flag(spec: TensorSpec) -> bool:
    """Whether it has two values and one element an item."""
    values = spec.values or guessed(spec.dtype)
    return values is not None and is_pair(values, spec.dtype) and _single(spec)


def _is_mask(spec: TensorSpec) -> bool:
    values = spec.values or guessed(spec.dtype)
    return values is not None and is_pair(values, spec.dtype) and not _single(spec)


def _items_along(spec: TensorSpec) -> int:
    """The dimension along which items lie: that of the batch, else the first."""
    return spec.batch_axis or 0


def _rows_of_an_example(spec: TensorSpec) -> int:
    """How many items an example of a file has; examples lie along the first dimension, items may not."""
    assert spec.values is not None
    axis = _items_along(spec)
    rows = int(spec.values.array.shape[axis])
    return max(1, rows // (spec.values.examples if axis == 0 else 1))


def _whole(spec: TensorSpec) -> bool:
    """Whether one dimension is a row, not a batch of single elements."""
    return len(spec.dims) == 1 and not spec.dims[0].dynamic and spec.dims[0].opt > 1


def _single(spec: TensorSpec) -> bool:
    """Whether an item has one element."""
    axis = _items_along(spec)
    return not _whole(spec) and math.prod(d.opt for i, d in enumerate(spec.dims) if i != axis) == 1


def _item(spec: TensorSpec, shape: tuple[int, ...], key: tuple[int, int, int], turn: int) -> Any:
    import torch

    seed, index, item = key
    generator = torch.Generator().manual_seed(((seed + 1) * 1_000_003 + index * 10_007 + item * 101) % 2**63)
    values = spec.values or guessed(spec.dtype)
    dtype = torch_dtype(spec.dtype)
    if values is None:
        drawn = (
            _pattern(shape, generator) if len(shape) in (3, 4) else torch.randn(shape, generator=generator)
        )
        return drawn.to(dtype)
    if values.each:
        number = as_number(values.each[turn % len(values.each)], spec.dtype)
        return torch.full(shape, number, dtype=dtype)
    low, high = as_number(values.low, spec.dtype), as_number(values.high, spec.dtype)
    if _is_mask(spec):
        kinds = values.kinds or MASKS
        mask = _mask(shape, kinds[turn % len(kinds)], generator)
        return torch.where(mask, torch.tensor(high, dtype=dtype), torch.tensor(low, dtype=dtype))
    if is_float(spec.dtype) or (spec.dtype is DType.uint8 and len(shape) == 3):
        return _in_range(shape, low, high, spec.dtype, generator)
    if _choices(spec) > 1:  # of one element, each in turn
        return torch.full(shape, low + turn, dtype=dtype)
    # torch takes no bound beyond int64: its largest number is planted below.
    drawn = torch.randint(low, min(high + 1, 2**63 - 1), shape, generator=generator).to(dtype)
    if drawn.numel() > 1:
        ends = torch.randperm(drawn.numel(), generator=generator)[:2]
        drawn.view(-1)[ends] = torch.tensor([high, low], dtype=dtype)
    return drawn


def _in_range(shape: tuple[int, ...], low: float, high: float, dtype: DType, generator: Any) -> Any:
    """A pattern from `low` to `high` for images (channels first, or last where they are few), else noise."""
    import torch

    if len(shape) in (3, 4):
        last = shape[-1] <= 4 < shape[0]
        pattern = _pattern((shape[-1], *shape[:-1]) if last else shape, generator)
        share = (0.5 + _IN_A_RANGE * pattern).clamp(0, 1)
        share = share.movedim(0, -1).contiguous() if last else share
    else:
        share = torch.rand(shape, generator=generator)
    value = low * (1 - share.double()) + high * share.double()
    value = value if is_float(dtype) else value.round()
    return value.clamp(low, high).to(torch_dtype(dtype))


def _mask(shape: tuple[int, ...], kind: str, generator: Any) -> Any:
    import torch

    if kind == "random":
        # A row with nothing in it, or nothing left out, is another layout's.
        share = torch.rand(shape, generator=generator)
        return share > share.mean(-1, keepdim=True)
    if kind in ("all", "none"):
        return torch.full(shape, kind == "all")
    *rows, length = shape
    valid = torch.randint(1, max(2, length), (*rows, 1), generator=generator)
    left = torch.arange(length) < valid
    return left if kind == "left" else ~left


def _of_file(spec: TensorSpec, shape: tuple[int, ...], example: int) -> Any:
    """An example of a file, and the next for the next item; repeated or cut off where it has other sizes."""
    import torch

    values: Values | None = spec.values
    assert values is not None
    array = torch.from_numpy(values.array)
    if not shape:
        return array[example].clone().to(torch_dtype(spec.dtype))
    axis, rows = _items_along(spec), _rows_of_an_example(spec)
    examples = array.reshape(values.examples, -1, *array.shape[1:])
    items = []
    for item in range(shape[axis]):
        one = examples[(example + item // rows) % values.examples].narrow(axis, item % rows, 1)
        for dim, size in enumerate(shape):
            if dim != axis:
                one = one.index_select(dim, torch.arange(size) % one.shape[dim])
        items.append(one)
    return torch.cat(items, axis).contiguous().to(torch_dtype(spec.dtype))


def _pattern(shape: tuple[int, ...], generator: Any) -> Any:
    """Channels x (depth x) height x width: layers of smooth noise, colour cast, contrast, a little grain."""
    import torch

    channels, *space = shape
    mode = "bilinear" if len(space) == 2 else "trilinear"
    pattern = torch.zeros(shape)
    for cells, amplitude in _SCALES:
        grid = [max(1, min(cells, s)) for s in space]
        grey = torch.randn((1, 1, *grid), generator=generator)
        colour = torch.randn((1, channels, *grid), generator=generator)
        layer = torch.nn.functional.interpolate(
            grey + 0.7 * colour, size=tuple(space), mode=mode, align_corners=False
        )
        pattern += amplitude * layer[0]
    tail = (1,) * len(space)
    contrast = 0.6 + 0.6 * torch.rand((channels, *tail), generator=generator)
    cast = 0.6 * torch.randn((channels, *tail), generator=generator)
    pattern = pattern / pattern.std(correction=0).clamp_min(0.1)
    return pattern * contrast + cast + 0.1 * torch.randn(shape, generator=generator)
