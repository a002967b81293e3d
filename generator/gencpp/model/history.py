"""What a model keeps of its runs: inputs to run between two equal ones, and numbers that it counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..core.spec import Dim, TensorSpec
from ..tensors.fast_path import fast_path_off
from ..tensors.stimuli import seeded_inputs


def between(inputs: Sequence[TensorSpec], seed: int) -> list[list[Any]]:
    """Inputs of the same sizes and other values; then, where sizes may vary, of other sizes, too."""
    found = [seeded_inputs(inputs, seed)]
    if any(d.dynamic for t in inputs for d in t.dims):
        found.append(seeded_inputs([_other_sizes(t) for t in inputs], seed))
    return found


def counted(module: Any, inputs: Sequence[Any]) -> tuple[str, ...]:
    """Plain attributes of its modules and their classes that a run changes: `encoder.steps`.

    What forward does by them later is not in a trace, and no number of runs would show it.
    """
    import torch

    before = _plain(module)
    with torch.inference_mode(), fast_path_off():
        module(*[t.clone() for t in inputs])
    after = _plain(module)
    return tuple(sorted({n for n in before.keys() & after.keys() if before[n] != after[n]}))


def counted_notes(names: Sequence[str]) -> list[str]:
    """For README and terminal."""
    if not names:
        return []
    told = (
        f"forward changes {', '.join(names)} in Python: the artifact does what forward did in its first runs"
    )
    return [f"{told}, whatever is there later."]


def counted_untaken(names: Sequence[str]) -> tuple[str, ...]:
    """For Artifact.untaken."""
    return tuple(f"any by {name}, which forward changes in Python" for name in names)


def _plain(module: Any) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, inner in module.named_modules():
        own = {} if type(inner).__module__.partition(".")[0] == "torch" else vars(type(inner))
        for key, value in (*own.items(), *vars(inner).items()):
            if isinstance(value, int | float | str) and not key.startswith("__"):
                found[f"{name}.{key}".lstrip(".")] = value
    return found


def _other_sizes(tensor: TensorSpec) -> TensorSpec:
    return replace(tensor, dims=tuple(Dim.fixed(_other(d)) for d in tensor.dims))


def _other(dim: Dim) -> int:
    """The smallest size, or the next one where that is the usual one: large ones would cost time."""
    return dim.min if dim.min != dim.opt else min(dim.opt + 1, dim.max)
