"""Which dimension of each input and output counts the items of a batch: the model is run with one more.

It is the first dimension of most tensors, but not of all: a recurrent state is layers x batch x width, and
sequences may come as steps x batch x width.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..core import tolerances
from ..core.loaded import LoadedModel
from ..core.spec import Dim, TensorSpec
from ..core.words import counted
from ..tensors.compare import compared_outputs
from ..tensors.module import run_module
from ..tensors.stimuli import seeded_inputs
from .sizes.value_sizes import without_bounds

MAX_BATCH = 8
_SEED = 90_001
_MOST_WAYS = 12
"""Ways to place a batch of each size that are tried: each is a run or two of the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """Where the batch may be."""

    size: int
    """Items of the inputs as they were given."""
    axes: tuple[int | None, ...]
    """The batch's dimension of each input; None: it has none."""


def batched(
    loaded: LoadedModel, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]
) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]] | str:
    """Inputs and outputs with a batch that varies, or why it must stay as it is."""
    why = ""
    for way in _ways(inputs):
        found = _tried(loaded, inputs, outputs, way)
        if not isinstance(found, str):
            return found
        why = why or found
    return why or "the inputs are scalars"


def given_batch(inputs: Sequence[TensorSpec]) -> int:
    """Items of the inputs as they were given, where their first dimensions count them."""
    return next((t.dims[0].opt for t in inputs if t.dims), 1)


def _ways(inputs: Sequence[TensorSpec]) -> Iterator[_Way]:
    """Those in which most inputs have a batch come first, and of these the first dimensions.

    The batch is as large as the first dimension of the first input. Another size (that of another input's
    first dimension, or 1) is tried where every input has it.
    """
    leading = [t.dims[0].opt for t in inputs if t.dims]
    found = []
    for size in dict.fromkeys((*leading, 1)):
        having = [any(d.opt == size for d in t.dims) for t in inputs]
        whole = all(have or not t.dims for have, t in zip(having, inputs, strict=True))
        if any(having) and (whole or size == leading[0]):
            found.append((sum(having), size))
    for _, size in sorted(found, key=lambda f: -f[0]):
        yield from itertools.islice(_placed(inputs, size), _MOST_WAYS)


def _placed(inputs: Sequence[TensorSpec], size: int) -> Iterator[_Way]:
    """Inputs of one shape have the batch in one place; those of another first dimension may have none."""
    shapes = list(dict.fromkeys(t.shape() for t in inputs))
    options: list[list[int | None]] = []
    for shape in shapes:
        places: list[int | None] = [i for i, s in enumerate(shape) if s == size]
        options.append(places if shape and shape[0] == size else [*places, None])
    if sum(size in shape for shape in shapes) == 1:  # nothing else would say that it is another dimension
        options = [places[:1] for places in options]
    for picked in _fewest_changes([len(o) for o in options]):
        axes = {shape: o[n] for shape, o, n in zip(shapes, options, picked, strict=True)}
        if any(axis is not None for axis in axes.values()):
            yield _Way(size=size, axes=tuple(axes[t.shape()] for t in inputs))


def _fewest_changes(counts: Sequence[int]) -> Iterator[list[int]]:
    """An option of each: the first of all, then what differs from that in one, in two, and so on."""
    for changes in range(len(counts) + 1):
        for which in itertools.combinations(range(len(counts)), changes):
            for picked in itertools.product(*(range(1, counts[i]) for i in which)):
                found = [0] * len(counts)
                for i, n in zip(which, picked, strict=True):
                    found[i] = n
                yield found


def _tried(
    loaded: LoadedModel, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], way: _Way
) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]] | str:
    one, two = way.size, way.size + 1
    batch = Dim(min=1, opt=one, max=max(MAX_BATCH, one))
    wide = tuple(
        replace(t, batch_axis=axis).with_batch(batch) if t.dims else t
        for t, axis in zip(inputs, way.axes, strict=True)
    )
    many = seeded_inputs(wide, _SEED, two)
    try:
        found = run_module(loaded.module, many)
    except Exception as e:  # noqa: BLE001 - the user's code says no in its own way
        return f"with {two} items the model raises {type(e).__name__} ({_last_words(loaded, e)})"
    if len(found) != len(outputs):
        return f"with {two} items it has {counted(len(found), 'output')} instead of {len(outputs)}"
    grown = []
    for spec, (_, tensor) in zip(outputs, found, strict=True):
        made = _grown(spec, list(tensor.shape), batch)
        if isinstance(made, str):
            return made
        grown.append(made)
    if all(t.batch is None for t in grown):
        rows = next((t.name for t in grown if t.dims and t.dims[0].of_values), None)
        return (
            f"how many rows output {rows} has depends on the inputs' values"
            if rows
            else "no output grows with it"
        )
    told = without_bounds(grown)
    return _dependent(loaded, wide, told, many, found, one) or (wide, told)


def _grown(spec: TensorSpec, now: Sequence[int], batch: Dim) -> TensorSpec | str:
    """The output with the dimension that grew by an item as its batch, or why it is none."""
    one, two = batch.opt, batch.opt + 1
    sizes = [d.opt for d in spec.dims]
    if len(sizes) != len(now):
        has = counted(len(now), "dimension")
        return f"output {spec.name} has {has} with {two} items, {len(sizes)} with {one}"
    # Sizes that depend on values say nothing of the batch.
    now = [s if d.of_values else n for d, s, n in zip(spec.dims, sizes, now, strict=True)]
    changed = [i for i, (before, after) in enumerate(zip(sizes, now, strict=True)) if before != after]
    if not changed:
        return replace(spec, batch_axis=None)
    axis = changed[0]
    if len(changed) > 1 or sizes[axis] * two != now[axis] * one:
        return f"output {spec.name} changes from {sizes} to {now} with {two} items"
    each = sizes[axis] // one
    return replace(spec, batch_axis=axis).with_batch(Dim(min=each, opt=sizes[axis], max=each * batch.max))


def _dependent(
    loaded: LoadedModel,
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    many: list[Any],
    found: list[tuple[str, Any]],
    one: int,
) -> str:
    """Which output of an item changes when the last item, or the first, is left out; empty: none does.

    Of what goes forwards in time (a GRU, a cumulative sum) the last step changes none before it.
    """
    for first in (0, 1):
        fewer = [
            t if s.batch_at is None else t.narrow(s.batch_at, first, one).contiguous()
            for s, t in zip(inputs, many, strict=True)
        ]
        try:
            alone = run_module(loaded.module, fewer)
        except Exception as e:  # noqa: BLE001 - the user's code says no in its own way
            said = f"{type(e).__name__} ({_last_words(loaded, e)})"
            return f"with {one} of {one + 1} items the model raises {said}"
        for spec, (_, a), (_, b) in zip(outputs, alone, found, strict=True):
            axis = spec.batch_at
            each = 0 if axis is None else a.shape[axis] // one
            of_many = b if axis is None else b.narrow(axis, first * each, a.shape[axis])
            if compared_outputs([("", a)], [("", of_many)], tolerances.BATCH_ITEM, "alone")[0]:
                return f"the items of a batch influence each other (output {spec.name})"
    return ""


def _last_words(loaded: LoadedModel, e: Exception) -> str:
    """The end of a message, where Python says the most; all of ONNX Runtime's, which ends in advice."""
    lines = str(e).strip().splitlines() or [type(e).__name__]
    if loaded.onnx is None:
        return lines[-1].strip()[:160]
    text = " ".join(" ".join(lines).split())
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : | Please fix .*", "", text)[:160]
