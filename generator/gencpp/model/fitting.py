"""Which values a model takes, where nobody said it: found by running it, used, and told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..core.errors import GencppError
from ..core.spec import DType, TensorSpec, Values
from ..core.values import from_bounds, guessed, is_float, is_guess
from ..tensors.module import run_module
from ..tensors.stimuli import MASKS, is_flag, is_mask, seeded_inputs

_SEED = 90_001
_LAYOUTS = {
    "random": "anyhow",
    "left": "true first, then false",
    "right": "false first, then true",
    "all": "all true",
    "none": "all false",
}
_LOWEST = ((0, 0), (1, 1))
"""Ranges that nearly every model takes, if its shapes are right."""

Problem = Callable[[Sequence[TensorSpec]], str]
"""Why the model does not take inputs; empty: it does."""


def fitted(module: Any, inputs: Sequence[TensorSpec]) -> tuple[tuple[TensorSpec, ...], tuple[str, ...]]:
    """(inputs with the values that they are drawn from, what a user should know of that).

    Integers of which nothing was said get the first of several ranges that the model takes; layouts of masks
    and values of flags that it refuses, or whose outputs are not finite, are left out. What it does not take
    in any way comes back with the first ranges, for the caller to fail on.
    """
    first = tuple(t if t.values is not None else replace(t, values=guessed(t.dtype)) for t in inputs)

    def refuses(tried: Sequence[TensorSpec]) -> str:
        return next((p for drawn in _draws(tried) if (p := _problem(module, drawn, finite=False))), "")

    found, notes = _smaller(first, refuses)
    found, more = _laid_out(module, found)
    unsaid = [t for t in found if is_guess(t.values, t.dtype)]
    notes += more
    if unsaid:
        told = ", ".join(f"{t.name} from {_range(t.values)}" for t in unsaid)
        notes.append(f"Integers are guessed: {told}. Say what they are by {input_text(unsaid[0])}.")
    return found, tuple(notes)


def input_text(tensor: TensorSpec) -> str:
    """`--input ids:1x12:int64=LOW..HIGH (or =VALUE,VALUE, or =FILE.npy)`."""
    sizes = "x".join(map(str, tensor.shape()))
    if tensor.dtype is DType.bool_:
        return f"--input {tensor.name}:{sizes}:bool=true,false (or =FILE.npy)"
    return f"--input {tensor.name}:{sizes}:{tensor.dtype}=LOW..HIGH (or =VALUE,VALUE, or =FILE.npy)"


def values_hint(inputs: Sequence[TensorSpec]) -> str:
    """What to do where a model fails on inputs: shapes, and what integers were drawn from."""
    hint = "pass shapes and element types that it takes, with --input"
    integers = [t for t in inputs if not is_float(t.dtype)]
    if not integers:
        return hint + "."
    ranges = ", ".join(f"{t.name} from {_range(t.values or guessed(t.dtype))}" for t in integers)
    unsaid = next((t for t in integers if t.values is None or t.values.guessed), integers[0])
    return f"{hint}, and values that it takes: {input_text(unsaid)}. Integers were drawn: {ranges}."


def _range(values: Values | None) -> str:
    assert values is not None
    if values.file:
        return values.file
    return ",".join(values.each) if values.each else f"{values.low} to {values.high}"


def _smaller(inputs: tuple[TensorSpec, ...], refuses: Problem) -> tuple[tuple[TensorSpec, ...], list[str]]:
    """The largest ranges of integers that the model takes, one input after the other."""
    open_ = [
        i
        for i, t in enumerate(inputs)
        if t.values is not None and t.values.guessed and t.dtype is not DType.bool_
    ]
    if not open_ or not (said := refuses(inputs)):
        return inputs, []
    for low, high in _LOWEST:
        found = tuple(
            replace(t, values=from_bounds(low, high, guessed=True)) if i in open_ else t
            for i, t in enumerate(inputs)
        )
        if not refuses(found):
            break
    else:
        return inputs, []
    notes = []
    for i in open_:
        own = inputs[i]
        assert own.values is not None
        for low, high in _ranges(own.values):
            tried = (*found[:i], replace(own, values=from_bounds(low, high, guessed=True)), *found[i + 1 :])
            if not refuses(tried):
                found = tried
                break
        if found[i].values != own.values:
            notes.append(
                f"The model refuses {own.name} from {_range(own.values)} ({said}); it takes"
                f" {_range(found[i].values)}, which is used."
            )
    return found, notes


def _ranges(values: Values) -> Iterator[tuple[int, int]]:
    """The range itself, then smaller ones, from 0 and from 1 on."""
    low, high = int(values.low), int(values.high)
    yield low, high
    if high > 9:
        yield from ((0, h) for h in (127, 9) if h < high)
    yield from ((0, h) for h in range(min(high, 9) - 1, 0, -1))
    yield from ((1, h) for h in (9, 4, 2, 1) if h <= high)
    yield 0, 0


def _draws(inputs: Sequence[TensorSpec]) -> Iterator[list[Any]]:
    """Inputs with both ends of every range in them; those of one element at one end after the other."""
    yield seeded_inputs(inputs, _SEED)
    for end in ("high", "low"):
        ends = [
            replace(t, values=replace(t.values, each=(getattr(t.values, end),)))
            if t.values is not None
            and t.values.guessed
            and not is_mask(t)
            and all(d.opt == 1 for d in t.dims)
            else t
            for t in inputs
        ]
        if ends != list(inputs):
            yield seeded_inputs(ends, _SEED)


def _laid_out(module: Any, inputs: tuple[TensorSpec, ...]) -> tuple[tuple[TensorSpec, ...], list[str]]:
    """Masks and flags without what the model refuses, or answers with inf or nan."""
    notes: list[str] = []
    plain = [_with_kinds(t, ("left",)) if is_mask(t) else t for t in inputs]
    for i, own in enumerate(inputs):
        if not is_mask(own):
            continue
        problems = {}
        for kind in MASKS:
            tried = [*plain[:i], _with_kinds(own, (kind,)), *plain[i + 1 :]]
            problems[kind] = _problem(module, seeded_inputs(tried, _SEED))
        good = tuple(kind for kind in MASKS if not problems[kind]) or MASKS
        if len(good) < len(MASKS):
            told = "; ".join(f"{_LAYOUTS[k]} ({problems[k]})" for k in MASKS if k not in good)
            notes.append(f"Goldens leave out {own.name} {told}.")
        inputs = (*inputs[:i], _with_kinds(own, good), *inputs[i + 1 :])
        plain[i] = _with_kinds(own, good[:1] if "left" not in good else ("left",))
    for i, own in enumerate(inputs):
        if not is_flag(own) or own.values is None:
            continue
        ends = (own.values.low, own.values.high)
        refused = {v: _problem(module, seeded_inputs(_flagged(inputs, i, v), _SEED)) for v in ends}
        kept = [v for v in ends if not refused[v]]
        if len(kept) == 1:
            other = ends[1 - ends.index(kept[0])]
            notes.append(f"Goldens leave out {own.name} = {other} ({refused[other]}).")
            inputs = _flagged(inputs, i, kept[0])
    return inputs, notes


def _with_kinds(tensor: TensorSpec, kinds: tuple[str, ...]) -> TensorSpec:
    values = tensor.values
    assert values is not None
    return replace(tensor, values=replace(values, kinds=() if kinds == MASKS else kinds))


def _flagged(inputs: Sequence[TensorSpec], index: int, value: str) -> tuple[TensorSpec, ...]:
    own = inputs[index]
    assert own.values is not None
    fixed = replace(own, values=replace(own.values, low=value, high=value, each=(value,)))
    return (*inputs[:index], fixed, *inputs[index + 1 :])


def _problem(module: Any, tensors: Sequence[Any], *, finite: bool = True) -> str:
    """What the model says against the inputs, in one short line; empty: nothing."""
    import torch

    try:
        outputs = run_module(module, tensors)
    except GencppError:
        return ""  # what it returns is none of our business here
    except Exception as e:  # noqa: BLE001 - the user's code says no in its own way
        lines = [line.strip() for line in str(e).strip().splitlines() if line.strip()]
        text = f"{type(e).__name__}: {lines[-1]}" if lines else type(e).__name__
        return text[:160]
    if finite and not all(bool(torch.isfinite(t).all()) for _, t in outputs if t.is_floating_point()):
        return "the outputs are not finite"
    return ""
