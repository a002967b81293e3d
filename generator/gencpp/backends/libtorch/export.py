"""A LibTorch artifact of one variant, or of all of them."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...core import tolerances
from ...core.bench_values import fill_value
from ...core.errors import CheckFailed, GencppError
from ...core.loaded import LoadedModel
from ...core.progress import Progress
from ...core.spec import Artifact, ModelSpec, TensorSpec, Values
from ...core.values import guessed, is_float
from ...model.sizes.answers import Answers, Refused, answers_for
from ...model.sizes.bounding import compared_sizes
from ...tensors.compare import channels_last, compared_with_answers
from ...tensors.draws import RandomDraw
from ...tensors.stimuli import covering
from .operators import BareTorch, check_operators
from .script_names import check_names
from .spec import CompiledFor, LibTorchSpec, Tuned
from .variants import DEFAULT, UNFUSED, VARIANTS, Variant

_SEED = 11_017
_SETTLED = 3
"""Runs after which fused code has been compiled and run: the executor profiles, fuses, then runs it."""


class NotFused(CheckFailed):
    """A model that oneDNN graph fusion fails on, or changes."""


def export_default(
    loaded: LoadedModel,
    spec: ModelSpec,
    directory: Path,
    progress: Progress,
    answers: Answers | None = None,
) -> tuple[Artifact, ModelSpec, LibTorchSpec]:
    """`export_libtorch` of the static default; without fusion where that cannot run the model."""
    answers = answers_for(loaded, answers)
    try:
        return export_libtorch(loaded, spec, directory, VARIANTS[DEFAULT], progress, answers=answers)
    except NotFused as e:
        progress(e.message)
        artifact, spec, libtorch = export_libtorch(
            loaded, spec, directory, VARIANTS[UNFUSED], progress, answers=answers
        )
        reason = "; ".join(r for r in (artifact.reason, e.message) if r)
        return replace(artifact, reason=reason), spec, libtorch


def export_libtorch(
    loaded: LoadedModel,
    spec: ModelSpec,
    directory: Path,
    variant: Variant,
    progress: Progress,
    device: str = "cpu",
    answers: Answers | None = None,
) -> tuple[Artifact, ModelSpec, LibTorchSpec]:
    """Writes the artifact into `directory`; gives the spec back with the bounds that it is right for."""
    answers = answers_for(loaded, answers)
    if not variant.compiled:
        check_names(loaded, frozen=variant.freeze)
    compiled: CompiledFor | None = None
    with BareTorch() as bare:  # it imports torch while the model is exported
        if variant.compiled:
            from .aoti import export_aoti

            artifact, spec, compiled = export_aoti(
                loaded, spec, directory, variant, progress, device, answers
            )
        else:
            from .torchscript import export_torchscript

            artifact, spec = export_torchscript(loaded, spec, directory, progress, variant, answers)
        check_operators(bare, loaded, spec, directory / artifact.file, compiled=variant.compiled)
    if variant.fusion and (problem := _fusion_problem(answers, spec, directory / artifact.file, variant)):
        raise NotFused(
            f"oneDNN graph fusion cannot run {loaded.source_text}: {problem}",
            hint="Choose another artifact, or leave --artifact out.",
        )
    libtorch = LibTorchSpec(
        variant=variant.name,
        fusion=variant.fusion,
        channels_last=variant.channels_last,
        precision=loaded.precision,
        compiled=compiled,
    )
    return artifact, spec, libtorch


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What could be made of one model."""

    spec: ModelSpec
    """The same for all of them."""
    made: dict[str, tuple[Artifact, LibTorchSpec]]
    """By the variant's name."""
    lost: tuple[Tuned, ...]
    """What could not be made, and why."""


def export_candidates(
    loaded: LoadedModel,
    spec: ModelSpec,
    work: Path,
    progress: Progress,
    answers: Answers | None = None,
) -> Candidates:
    """Writes `work`/<variant>/assets/<artifact> for each variant; raises CheckFailed when there is none."""
    answers = answers_for(loaded, answers)
    kept: ModelSpec | None = None
    made: dict[str, tuple[Artifact, LibTorchSpec]] = {}
    lost: list[Tuned] = []
    for variant in VARIANTS.values():
        own = work / variant.name / "assets"
        own.mkdir(parents=True)
        progress(f"exporting {variant.name}")
        try:
            artifact, found, libtorch = export_libtorch(loaded, spec, own, variant, progress, answers=answers)
            if kept is not None and found.inputs != kept.inputs:
                raise CheckFailed("it needs a fixed batch, which the others do not")
        except RandomDraw:
            raise
        except GencppError as e:
            lost.append(_lost(variant.name, e.message))
            continue
        kept = kept or found
        made[variant.name] = (artifact, libtorch)
    if kept is None:
        told = "".join(f"\n  {row.variant}: {row.problem}" for row in lost)
        raise CheckFailed(f"{loaded.source_text} cannot be exported:{told}")
    return Candidates(spec=kept, made=made, lost=tuple(lost))


def _fusion_problem(answers: Answers, spec: ModelSpec, path: Path, variant: Variant) -> str:
    """Why fusion cannot run the artifact, or that it answers otherwise; empty: neither."""
    import torch

    jit: Any = torch.jit
    before = jit.onednn_fusion_enabled()
    jit.enable_onednn_fusion(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = jit.load(str(path))

        def check(inputs: Sequence[Any], reference: Sequence[tuple[str, Any]]) -> tuple[str, float]:
            given = channels_last(inputs) if variant.channels_last else inputs
            worst = 0.0
            for _ in range(_SETTLED):
                problem, relative = compared_with_answers(module, reference, inputs, tolerances.PARITY, given)
                if problem:
                    return problem, 0.0
                worst = max(worst, relative)
            return "", worst

        warm, *ends = _ends(spec.inputs)
        runs = [(warm, _SEED), *((spec.inputs, s) for s in covering(spec.inputs, (_SEED,)))]
        for values, seed in (*runs, *((end, _SEED) for end in ends)):
            with contextlib.suppress(Refused):  # a corner of the ranges that the model itself does not take
                problem, _ = check(*answers.of(values, seed))
                if problem:
                    return problem
        sizes, _ = compared_sizes(answers, spec, check)
        return sizes.text if sizes else ""
    finally:
        jit.enable_onednn_fusion(before)


def _ends(inputs: Sequence[TensorSpec]) -> list[list[TensorSpec]]:
    """What the program warms up on, and then each whole number alone at the ends of its range.

    How often a loop runs may decide what the fuser can take; no seed need draw that.
    """

    def only(tensor: TensorSpec, value: str) -> TensorSpec:
        return replace(tensor, values=Values(low=value, high=value, each=(value,)))

    def warm(tensor: TensorSpec) -> TensorSpec:
        value = fill_value(tensor)
        return only(tensor, str(value if is_float(tensor.dtype) else int(value)))

    found = [[warm(t) for t in inputs]]
    for i, t in enumerate(inputs):
        values = t.values or guessed(t.dtype)
        if t.dims or is_float(t.dtype) or values is None or values.file:
            continue
        ends = (values.each[0], values.each[-1]) if values.each else (values.low, values.high)
        found += [[*inputs[:i], only(t, end), *inputs[i + 1 :]] for end in ends]
    return found


def _lost(variant: str, problem: str) -> Tuned:
    return Tuned(
        variant=variant,
        threads=0,
        p50_ms=None,
        spread=None,
        max_rel_diff=None,
        problem=problem.splitlines()[0],
    )
