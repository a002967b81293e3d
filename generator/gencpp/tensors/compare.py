"""Two answers, compared: a module's with its own of before, and an artifact's with the module's."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..core import tolerances
from ..core.errors import CheckFailed
from ..core.messages import last_line, told
from ..core.spec import Dim, ModelSpec, TensorSpec
from ..core.words import counted
from .difference import difference
from .draws import refuse_draws, run_draws
from .fast_path import fast_path_off
from .module import run_module


def check_repeatable(
    module: Any,
    where: str,
    inputs: Sequence[Any],
    names: Sequence[str],
    between: Sequence[Sequence[Any]] = (),
    *,
    of_file: bool = False,
) -> list[str]:
    """Names of the inputs that forward changes in place; raises CheckFailed when it cannot be repeated.

    Equal inputs give equal outputs at once, and again after each of the inputs in `between`, of which those
    that the model does not take are left out. A model that draws random numbers by torch's operators is
    refused with RandomDraw, whether two runs agree or not. `of_file` is as for refuse_draws.
    """
    import torch

    first, second = run_module(module, inputs), run_module(module, inputs)
    # Before the answers are compared: whether two draws differ is chance, which is not to choose the error.
    refuse_draws(where, run_draws(module, inputs), of_file=of_file)
    if problem := _changed(first, second):
        raise CheckFailed(
            f"{where} gives different outputs for equal inputs"
            f" (random numbers or state{'' if of_file else ' in forward'}): {problem}",
            hint=_ANEW
            if of_file
            else "take the random numbers or the state out of forward, or pass them as inputs.",
        )
    for others in between:
        try:
            run_module(module, others)
        except Exception:  # noqa: BLE001 - sizes that it does not take are told by who compares them
            continue
        if problem := _changed(first, run_module(module, inputs)):
            shapes = ", ".join(f"{n} {told(t)}" for n, t in zip(names, others, strict=True))
            raise CheckFailed(
                f"{where} gives different outputs for equal inputs once it has run on others ({shapes}),"
                f" which it must have kept something of: {problem}",
                hint=_ANEW
                if of_file
                else "take the state out of forward, or pass it as an input and return the new one.",
            )
    given = [t.clone() for t in inputs]
    with torch.inference_mode(), fast_path_off():
        module(*given)
    return [n for n, a, b in zip(names, given, inputs, strict=True) if not torch.equal(a, b)]


_ANEW = "export the file anew from a model without them, or with them as inputs and outputs."


def fix_batch(spec: ModelSpec) -> ModelSpec:
    """`spec` with the batch of every input and output fixed at its opt size."""

    def fixed(t: TensorSpec) -> TensorSpec:
        return t if t.batch is None else t.with_batch(Dim.fixed(t.batch.opt))

    return replace(
        spec, inputs=tuple(fixed(t) for t in spec.inputs), outputs=tuple(fixed(t) for t in spec.outputs)
    )


def channels_last(inputs: Sequence[Any]) -> list[Any]:
    """The same tensors, those of four dimensions in channels-last order."""
    import torch

    return [t.contiguous(memory_format=torch.channels_last) if t.dim() == 4 else t for t in inputs]


def compared_with_eager(
    module: Any, eager: Any, inputs: Sequence[Any], tolerance: float, given: Sequence[Any] | None = None
) -> tuple[str, float]:
    """("", largest relative difference), or what is wrong with `module`.

    `given`: the same inputs in the memory layout that `module` wants.
    """
    return compared_with_answers(module, run_module(eager, inputs), inputs, tolerance, given)


def compared_with_answers(
    module: Any,
    reference: Sequence[tuple[str, Any]],
    inputs: Sequence[Any],
    tolerance: float,
    given: Sequence[Any] | None = None,
) -> tuple[str, float]:
    """The same with outputs of the eager module that are there already."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = run_module(module, given or inputs)
    except Exception as e:  # noqa: BLE001 - the interpreter raises many kinds
        return f"it fails: {last_line(e)}", 0.0
    return compared_outputs(reference, found, tolerance, "eager gives")


def compared_outputs(
    reference: Sequence[tuple[str, Any]],
    found: Sequence[tuple[str, Any]],
    tolerance: float,
    who: str,
    *,
    wrong_integers: float | None = None,
) -> tuple[str, float]:
    """("", largest relative difference), or how `found` departs from `reference`, which is `who`'s.

    In number, shape, element type and value. `wrong_integers`: the share of the elements of an output of
    whole numbers that may differ, where those are not held to `tolerance`.
    """
    if len(found) != len(reference):
        return f"it has {counted(len(found), 'output')}, {who} {len(reference)}", 0.0
    worst = 0.0
    for (name, a), (_, b) in zip(reference, found, strict=True):
        if a.shape != b.shape or a.dtype != b.dtype:
            return f"{_shown(name)} is {told(b)}, {who} {told(a)}", 0.0
        if wrong_integers is not None and not a.is_floating_point():
            wrong = float((a != b).double().mean()) if a.numel() else 0.0
            if wrong > wrong_integers:
                return f"{wrong:.1%} of the elements of {_shown(name)} differ", 0.0
            continue
        relative = difference(a, b).relative
        if relative <= tolerance:
            worst = max(worst, relative)
        elif not _same_nonfinite(a, b):
            return f"{_shown(name)} differs by {relative:.1e} of its largest value", 0.0
    return "", worst


def _shown(name: str) -> str:
    return name if name.startswith("output") else f"output {name}"


def _changed(before: Sequence[tuple[str, Any]], now: Sequence[tuple[str, Any]]) -> str:
    return compared_outputs(before, now, tolerances.REPEATED, "before")[0]


def _same_nonfinite(a: Any, b: Any) -> bool:
    """Equal inf and nan are for the goldens to refuse, by name."""
    import torch

    return bool(torch.equal(torch.nan_to_num(a.float()), torch.nan_to_num(b.float())))
