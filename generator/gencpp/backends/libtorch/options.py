"""Options of `gencpp new` for LibTorch, and the export that they ask for."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...core.backend import Backend, Completed, Exported, Folders, Inspection, Tried
from ...core.errors import EnvironmentLacks, GencppError, UsageError
from ...core.processors import available_processors
from ...core.progress import Progress
from ...core.recipe import ProjectRecipe
from ...core.request import Request
from ...core.spec import Precision, ProjectSpec
from .spec import LibTorchSpec, RunsOn
from .variants import UNFUSED, Variant, variant_named

MOST_ROUNDS = 1000
"""Of --tune."""


def check_python(version: tuple[int, int] = sys.version_info[:2]) -> None:
    """Raises EnvironmentLacks on a Python that has no TorchScript."""
    if version >= (3, 14):
        raise EnvironmentLacks(
            f"TorchScript does not support Python {version[0]}.{version[1]}",
            hint="Run gencpp with Python 3.11, 3.12 or 3.13.",
        )


def need_torch() -> None:
    """Raises EnvironmentLacks when torch cannot be imported."""
    from . import bare_torch

    first = "torch" not in sys.modules and bare_torch.alone()
    try:
        import torch  # noqa: F401
    except ImportError as e:
        raise EnvironmentLacks(
            f"torch cannot be imported: {e}", hint="pip install torch torchvision"
        ) from None
    if first:
        from .operators import keep_bare_torch

        keep_bare_torch()


def _asks_for_fusion(artifact: str | None) -> bool:
    """By a variant's name; what torchscript stands for is made without, where that is not to be had."""
    return artifact not in (None, "torchscript") and variant_named(artifact).fusion


def check_precision(request: Request) -> None:
    """Raises UsageError for a precision that the artifact that is asked for does not have."""
    if request.precision in (None, Precision.fp32):
        return
    if request.tune:
        raise UsageError(
            f"--tune and --precision {request.precision}: --tune measures on the CPU, in float32",
            hint="Leave one of them out.",
        )
    if _asks_for_fusion(request.artifact):
        raise UsageError(
            f"--artifact {request.artifact} and --precision {request.precision}: oneDNN graph fusion is for "
            "float32 on the CPU",
            hint=f"Use --artifact {UNFUSED}, or leave --artifact out.",
        )


def check_device(request: Request, variant: Variant) -> None:
    """Raises UsageError for what cannot run there, EnvironmentLacks where code is compiled without a GPU."""
    if request.device not in (None, *RunsOn):
        raise UsageError(f"there is no device '{request.device}'", hint=f"Choose from: {', '.join(RunsOn)}.")
    if request.device == RunsOn.any and variant.compiled:
        raise UsageError(
            "--device any: --artifact aoti compiles for one device",
            hint="Choose cpu (the default) or cuda; or leave --artifact out: TorchScript runs on both.",
        )
    if request.device == RunsOn.cuda and request.tune:
        raise UsageError(
            "--tune and --device cuda: --tune measures on the CPU", hint="Leave one of them out."
        )
    if request.device == RunsOn.cuda and _asks_for_fusion(request.artifact):
        raise UsageError(
            f"--artifact {request.artifact} and --device cuda: oneDNN graph fusion is for the CPU",
            hint=f"Use --artifact {UNFUSED}, or leave --artifact out.",
        )
    if request.device == RunsOn.cuda and variant.compiled:
        need_torch()
        from .aoti import check_gpu

        check_gpu()


def excluded(given: Mapping[str, Any], recipe: ProjectRecipe) -> tuple[str, ...]:
    """Fields of `recipe` that those in `given` leave no room for: what was asked for last decides."""
    asked = {name for name, value in given.items() if value and value != Precision.fp32}
    gone = {other for name, other in _INSTEAD if name in asked} - set(given)
    device, artifact, tune = (
        None if name in gone else given.get(name, getattr(recipe, name))
        for name in ("device", "artifact", "tune")
    )
    compiled = artifact is not None and variant_named(artifact).compiled
    on_cpu = tune or _asks_for_fusion(artifact)
    if (device == RunsOn.any and compiled) or (device == RunsOn.cuda and on_cpu):
        gone |= {"artifact", "tune"} if "device" in asked else {"device"}
    return tuple(sorted(gone - set(given)))


_INSTEAD = (("artifact", "tune"), ("precision", "tune"), ("tune", "artifact"))
"""(what is asked for, what goes)."""


def refuse_onnx(source: str) -> None:
    """Raises UsageError for a source that LibTorch cannot run."""
    from ...core.loaded import OnnxSource
    from ...sources.load import parse_source

    if isinstance(parse_source(source), OnnxSource):
        raise UsageError(
            "LibTorch does not run ONNX files",
            hint="Add --backend tensorrt, or name the Python model (module:factory) or a TorchScript file.",
        )


def check(request: Request) -> None:
    """Raises UsageError for options that do not go together, EnvironmentLacks without what they need."""
    if request.artifact is not None and request.tune:
        raise UsageError("--artifact and --tune: --tune chooses the artifact", hint="Leave one of them out.")
    if not 1 <= request.tune_rounds <= MOST_ROUNDS:
        raise UsageError(f"--rounds {request.tune_rounds}: from 1 to {MOST_ROUNDS} are measured")
    variant = variant_named(request.artifact or "torchscript")
    check_precision(request)
    check_device(request, variant)
    if not variant.compiled:
        check_python()
    refuse_onnx(request.source)


def export(
    backend: Backend, request: Request, inspected: Inspection, folders: Folders, progress: Progress
) -> Exported:
    """The artifact that is asked for; with `tune`, all of them, of which the fastest is kept."""
    from .export import export_default, export_libtorch
    from .precision import in_precision

    if request.tune:
        return _candidates(backend, request, inspected, folders, progress)
    loaded, model, answers = inspected.loaded, inspected.model, inspected.answers
    precision = Precision(request.precision or Precision.fp32)
    named = None if request.artifact == "torchscript" else request.artifact
    made = in_precision(loaded, model, precision)
    if named is None:
        fuses = precision is Precision.fp32 and request.device != RunsOn.cuda
        without = frozenset[str]() if fuses else frozenset({"fusion"})
        artifact, model, runtime = export_default(
            made, model, folders.assets, progress, answers, without=without
        )
    else:
        artifact, model, runtime = export_libtorch(
            made,
            model,
            folders.assets,
            variant_named(named),
            progress,
            device=request.device or "cpu",
            answers=answers,
        )
    return Exported(artifact=artifact, model=model, runtime=_placed(runtime, request))


def _placed(runtime: LibTorchSpec, request: Request) -> LibTorchSpec:
    """With where it may run."""
    if runtime.compiled is not None:
        return replace(runtime, device=runtime.runs_on)
    return runtime if request.device is None else replace(runtime, device=RunsOn(request.device))


def _candidates(
    backend: Backend, request: Request, inspected: Inspection, folders: Folders, progress: Progress
) -> Exported:
    """All variants, in the scratch folder; the goldens decide which may be chosen, and time which is."""
    from .export import export_candidates
    from .tune import TuneOptions, fastest, thread_counts, tune, tuned

    assets, work = folders.assets, folders.scratch
    exported = export_candidates(inspected.loaded, inspected.model, work, progress, inspected.answers)

    def finish(project: ProjectSpec) -> Completed:
        (work / "assets").mkdir()
        (work / "assets" / "goldens").symlink_to(assets / "goldens")
        candidates = {
            variant: replace(project, artifact=artifact, runtime=_placed(runtime, request))
            for variant, (artifact, runtime) in exported.made.items()
        }
        options = TuneOptions(threads=thread_counts(available_processors()), rounds=request.tune_rounds)
        measured, others = tune(backend, candidates, work, options, progress)
        rows = (*measured, *exported.lost)
        best = fastest(rows)
        chosen = candidates[best.variant]
        shutil.move(work / best.variant / "assets" / chosen.artifact.file, assets / chosen.artifact.file)
        return Completed(project=tuned(chosen, best, rows, others))

    artifacts = tuple(artifact for artifact, _ in exported.made.values())
    artifact, runtime = next(iter(exported.made.values()))
    return Exported(
        artifact=artifact, model=exported.spec, runtime=runtime, candidates=artifacts, finish=finish
    )


def tried(inspected: Inspection, scratch: Path, progress: Progress) -> Tried:
    """What `gencpp new` would make of the model without --artifact."""
    from .export import export_default

    loaded, model, answers = inspected.loaded, inspected.model, inspected.answers
    progress("trying the export to TorchScript")
    try:
        check_python()
        artifact, made, runtime = export_default(loaded, model, scratch, progress, answers)
        return Tried(answers={"libtorch": f"yes: {runtime.way}: {artifact.how}"}, model=made)
    except GencppError as e:
        return Tried(answers={"libtorch": f"no: {e.message}"})
