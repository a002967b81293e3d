"""A LibTorch artifact of one variant, or of all of them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .artifacts import channels_last, compared_with_eager
from .draws import RandomDraw
from .errors import CheckFailed, GencppError
from .libtorch_operators import BareTorch, check_operators
from .sources import LoadedModel, Progress
from .spec import PARITY_TOLERANCE, Artifact, CompiledFor, LibTorchSpec, ModelSpec, Tuned
from .stimuli import covering, seeded_inputs
from .variants import DEFAULT, UNFUSED, VARIANTS, Variant

_SEED = 11_017
_SETTLED = 3
"""Runs after which fused code has been compiled and run: the executor profiles, fuses, then runs it."""


class NotFused(CheckFailed):
    """A model that oneDNN graph fusion fails on, or changes."""


def export_default(
    loaded: LoadedModel, spec: ModelSpec, directory: Path, progress: Progress
) -> tuple[Artifact, ModelSpec, LibTorchSpec]:
    """`export_libtorch` of the static default; without fusion where that cannot run the model."""
    try:
        return export_libtorch(loaded, spec, directory, VARIANTS[DEFAULT], progress)
    except NotFused as e:
        progress(e.message)
        artifact, spec, libtorch = export_libtorch(loaded, spec, directory, VARIANTS[UNFUSED], progress)
        reason = "; ".join(r for r in (artifact.reason, e.message) if r)
        return replace(artifact, reason=reason), spec, libtorch


def export_libtorch(
    loaded: LoadedModel,
    spec: ModelSpec,
    directory: Path,
    variant: Variant,
    progress: Progress,
    device: str = "cpu",
) -> tuple[Artifact, ModelSpec, LibTorchSpec]:
    """Writes the artifact into `directory`; gives the spec back with the batch fixed where it needs that."""
    compiled: CompiledFor | None = None
    with BareTorch() as bare:  # it imports torch while the model is exported
        if variant.compiled:
            from .aoti import export_aoti

            artifact, spec, compiled = export_aoti(loaded, spec, directory, variant, progress, device)
        else:
            from .export import export_torchscript

            artifact, spec = export_torchscript(loaded, spec, directory, progress, variant)
        check_operators(bare, loaded, spec, directory / artifact.file, compiled=variant.compiled)
    if variant.fusion and (problem := _fusion_problem(loaded, spec, directory / artifact.file, variant)):
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


def export_candidates(loaded: LoadedModel, spec: ModelSpec, work: Path, progress: Progress) -> Candidates:
    """Writes `work`/<variant>/assets/<artifact> for each variant; raises CheckFailed when there is none."""
    kept: ModelSpec | None = None
    made: dict[str, tuple[Artifact, LibTorchSpec]] = {}
    lost: list[Tuned] = []
    for variant in VARIANTS.values():
        own = work / variant.name / "assets"
        own.mkdir(parents=True)
        progress(f"exporting {variant.name}")
        try:
            artifact, found, libtorch = export_libtorch(loaded, spec, own, variant, progress)
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


def _fusion_problem(loaded: LoadedModel, spec: ModelSpec, path: Path, variant: Variant) -> str:
    """Why fusion cannot run the artifact, or that it answers otherwise; empty: neither."""
    import torch

    first = spec.inputs[0].dims[:1]
    batches = (None, first[0].opt + 1) if first and first[0].dynamic else (None,)
    jit: Any = torch.jit
    before = jit.onednn_fusion_enabled()
    jit.enable_onednn_fusion(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = jit.load(str(path))
        seeds = covering(spec.inputs, (_SEED,))
        for seed, batch in [*((s, None) for s in seeds), *((_SEED, b) for b in batches if b is not None)]:
            inputs = seeded_inputs(spec.inputs, seed, batch)
            given = channels_last(inputs) if variant.channels_last else inputs
            for _ in range(_SETTLED):
                problem, _ = compared_with_eager(module, loaded.module, inputs, PARITY_TOLERANCE, given)
                if problem:
                    return problem
    finally:
        jit.enable_onednn_fusion(before)
    return ""


def _lost(variant: str, problem: str) -> Tuned:
    return Tuned(
        variant=variant,
        threads=0,
        p50_ms=None,
        spread=None,
        max_rel_diff=None,
        problem=problem.splitlines()[0],
    )
