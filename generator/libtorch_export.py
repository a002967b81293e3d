"""A LibTorch artifact of one variant, or of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .errors import CheckFailed, GencppError
from .sources import LoadedModel, Progress
from .spec import Artifact, CompiledFor, LibTorchSpec, ModelSpec, Tuned
from .variants import VARIANTS, Variant


def export_libtorch(
    loaded: LoadedModel, spec: ModelSpec, directory: Path, variant: Variant, progress: Progress
) -> tuple[Artifact, ModelSpec, LibTorchSpec]:
    """Writes the artifact into `directory`; gives the spec back with the batch fixed where it needs that."""
    compiled: CompiledFor | None = None
    if variant.compiled:
        from .aoti import export_aoti

        artifact, spec, compiled = export_aoti(loaded, spec, directory, variant, progress)
    else:
        from .export import export_torchscript

        artifact, spec = export_torchscript(loaded, spec, directory, progress, variant)
    libtorch = LibTorchSpec(
        variant=variant.name,
        fusion=variant.fusion,
        channels_last=variant.channels_last,
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
        except GencppError as e:
            lost.append(_lost(variant.name, e.message))
            continue
        kept = kept or found
        made[variant.name] = (artifact, libtorch)
    if kept is None:
        told = "".join(f"\n  {row.variant}: {row.problem}" for row in lost)
        raise CheckFailed(f"{loaded.source_text} cannot be exported:{told}")
    return Candidates(spec=kept, made=made, lost=tuple(lost))


def _lost(variant: str, problem: str) -> Tuned:
    return Tuned(
        variant=variant,
        threads=0,
        p50_ms=None,
        spread=None,
        max_rel_diff=None,
        problem=problem.splitlines()[0],
    )
