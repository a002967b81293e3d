"""A LibTorch artifact of one variant, or of all of them."""

from __future__ import annotations

import tempfile
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
from ...model.sizes.bounding import compared_sizes, reach
from ...tensors.compare import channels_last, compared_with_answers
from ...tensors.draws import RandomDraw
from ...tensors.stimuli import covering, seeded_inputs
from . import bare_torch
from .operators import BareTorch, check_operators
from .script_names import check_names
from .spec import CompiledFor, LibTorchSpec, Tuned
from .variants import FEATURES, VARIANTS, Unsuited, Variant, defaults_without

_SEED = 11_017
_TOLD = 3
"""Lines of a reason that are told: what failed, in scripting and in tracing. Its warnings follow."""

Made = tuple[Artifact, ModelSpec, LibTorchSpec]


def export_default(
    loaded: LoadedModel,
    spec: ModelSpec,
    directory: Path,
    progress: Progress,
    answers: Answers | None = None,
    *,
    without: frozenset[str] = frozenset(),
) -> Made:
    """`export_libtorch` of the first variant of DEFAULTS that can run the model; its reason tells of others.

    `without`: FEATURES that are not wanted.
    """
    answers = answers_for(loaded, answers)
    told: dict[str, str] = {}
    while True:
        variant = VARIANTS[defaults_without(without | told.keys())[0]]
        try:
            made = export_libtorch(loaded, spec, directory, variant, progress, answers=answers)
            break
        except Unsuited as e:
            told[e.feature] = " ".join(" ".join(e.message.splitlines()[:_TOLD]).split())
            progress(f"not {variant.name}: {told[e.feature]}")
    if variant.channels_last and made[1].inputs != spec.inputs:
        made = _wider(loaded, spec, directory, variant, made, progress, answers)
    artifact, spec, libtorch = made
    reason = "; ".join(r for r in (artifact.reason, *told.values()) if r)
    return replace(artifact, reason=reason), spec, libtorch


def _wider(
    loaded: LoadedModel,
    spec: ModelSpec,
    directory: Path,
    variant: Variant,
    made: Made,
    progress: Progress,
    answers: Answers,
) -> Made:
    """`made`, which does not reach over all sizes of `spec`; or one in plain order, if that reaches further.

    `view` takes a batch of one in channels-last order, and refuses several.
    """
    without = frozenset(FEATURES) - variant.features | {"channels_last"}
    with tempfile.TemporaryDirectory(prefix=".plain-", dir=directory) as scratch:
        try:
            found = export_default(loaded, spec, Path(scratch), progress, answers, without=without)
        except RandomDraw:
            raise
        except CheckFailed as e:
            progress(f"not in plain order: {e.message}")
            return made
        if reach(found[1]) <= reach(made[1]):
            return made
        why = "; ".join(n for n in made[1].notes if n not in spec.notes)
        told = f"in channels-last order not all sizes are right: {why}"
        progress(f"{found[2].variant} instead of {variant.name}: {told}")
        artifact, spec, libtorch = found
        (Path(scratch) / artifact.file).replace(directory / artifact.file)
    return replace(artifact, reason="; ".join(r for r in (artifact.reason, told) if r)), spec, libtorch


def export_libtorch(
    loaded: LoadedModel,
    spec: ModelSpec,
    directory: Path,
    variant: Variant,
    progress: Progress,
    device: str = "cpu",
    answers: Answers | None = None,
) -> Made:
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
        path = directory / artifact.file
        check_operators(bare, loaded, spec, path, compiled=variant.compiled)
        if variant.fusion:  # elsewhere first: it was seen to end the process
            given = seeded_inputs(spec.inputs, _SEED)
            if ended := bare.fused(path, given, channels_last=variant.channels_last):
                raise Unsuited(
                    f"oneDNN graph fusion cannot run {loaded.source_text}: {ended}", feature="fusion"
                )
    if variant.fusion and (problem := _fusion_problem(answers, spec, directory / artifact.file, variant)):
        raise Unsuited(f"oneDNN graph fusion cannot run {loaded.source_text}: {problem}", feature="fusion")
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
            for _ in range(bare_torch.RUNS):
                problem, relative = compared_with_answers(module, reference, inputs, tolerances.PARITY, given)
                if problem:
                    return problem, 0.0
                worst = max(worst, relative)
            return "", worst

        warm, *ends = _ends(spec.inputs)
        runs = [(warm, _SEED), *((spec.inputs, s) for s in covering(spec.inputs, (_SEED,)))]
        refused, compared = "", False
        for values, seed in (*runs, *((end, _SEED) for end in ends)):
            try:
                given, reference = answers.of(values, seed)
            except Refused as e:  # a corner of the ranges that the model itself does not take
                refused = str(e)
                continue
            compared = True
            problem, _ = check(given, reference)
            if problem:
                return problem
        if not compared:
            return f"nothing could be compared, for the model takes none of the inputs: {refused}"
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
