"""Whether an ONNX file, or what was made of it, gives the module's answers, at every size that may come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from .artifacts import last_line
from .onnx_runtime import Compared, OnnxRunner, compare
from .spec import Dim, ModelSpec, Precision, TensorSpec
from .stimuli import covering, seeded_inputs

SEEDS = (11_003, 11_017)
_MORE_SEEDS = tuple(range(11_100, 11_108))
"""Where the tracer warned: a branch that half of all inputs take slips through ten checks once in 500."""


def parity(module: Any, spec: ModelSpec, path: Path, precision: Precision, *, more: bool = False) -> Compared:
    """The file's answers against `module`'s: for two seeds (ten with `more`), and for other sizes."""
    try:
        runner = OnnxRunner(path)
    except Exception as e:  # noqa: BLE001 - ONNX Runtime raises kinds of its own
        return Compared(problem=f"ONNX Runtime refuses it: {last_line(e)}")
    return parity_of(runner, module, spec, precision, more=more)


def parity_of(
    runner: Any, module: Any, spec: ModelSpec, precision: Precision, *, more: bool = False
) -> Compared:
    """The same for `runner`, a callable that gives outputs by name for inputs in the model's order."""
    worst = 0.0
    seeds = covering(spec.inputs, (*SEEDS, *(_MORE_SEEDS if more else ())))
    for sizes, seed in [*((spec.inputs, s) for s in seeds), *((t, SEEDS[1]) for t in _other_sizes(spec))]:
        found = compare(runner, module, seeded_inputs(sizes, seed), precision)
        if found.problem:
            shapes = ", ".join("x".join(map(str, t.shape())) for t in sizes)
            return Compared(problem=f"{found.problem} (inputs {shapes}, seed {seed})")
        worst = max(worst, found.worst)
    return Compared(worst=worst)


def _other_sizes(spec: ModelSpec) -> list[tuple[TensorSpec, ...]]:
    """The inputs with another number of items, and with all other varying dimensions at their bounds."""

    def sized(pick: Callable[[int, Dim], int]) -> tuple[TensorSpec, ...]:
        return tuple(
            replace(t, dims=tuple(Dim.fixed(pick(i, d)) for i, d in enumerate(t.dims))) for t in spec.inputs
        )

    sizes = [
        sized(lambda i, d: d.opt if i else (d.opt + 1 if d.opt < d.max else d.min)),
        sized(lambda i, d: d.min if i else d.opt),
        sized(lambda i, d: d.max if i else d.opt),
    ]
    opt = [t.shape() for t in spec.inputs]
    return [s for s in dict.fromkeys(sizes) if [t.shape() for t in s] != opt]
