"""Options of `gencpp new` for LibTorch, and the export that they ask for."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.backend import Backend
from ...core.environment import versions
from ...core.errors import EnvironmentLacks, UsageError
from ...core.progress import Progress
from ...core.request import Request, options_of
from ...core.spec import Artifact, LibTorchSpec, ModelSpec, Precision, ProjectSpec
from ...model.golden import unproven
from .tune import TuneOptions, fastest, thread_counts, tune, tuned
from .variants import DEVICES, UNFUSED, Variant, variant_named

if TYPE_CHECKING:
    from ...core.loaded import LoadedModel
    from ...model.sizes.answers import Answers


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


def check_precision(request: Request, variant: Variant) -> None:
    """Raises UsageError for a precision that LibTorch or its variant does not have."""
    there_are = [p for p in Precision if request.backend == "libtorch" or p is not Precision.bf16]
    if request.precision not in (None, *there_are):
        raise UsageError(
            f"there is no precision '{request.precision}' for {request.backend}",
            hint=f"Choose from: {', '.join(there_are)}.",
        )
    if request.backend != "libtorch" or request.precision in (None, Precision.fp32):
        return
    if request.tune:
        raise UsageError(
            f"--tune and --precision {request.precision}: --tune measures on the CPU, in float32",
            hint="Leave one of them out.",
        )
    if variant.fusion and request.artifact != "torchscript" and request.artifact is not None:
        raise UsageError(
            f"--artifact {request.artifact} and --precision {request.precision}: oneDNN graph fusion is for "
            "float32 on the CPU",
            hint=f"Use --artifact {UNFUSED}, or leave --artifact out.",
        )


def check_device(request: Request, variant: Variant) -> None:
    """Raises UsageError for `--device` where nothing is compiled, EnvironmentLacks without that device."""
    if request.device not in (None, *DEVICES):
        raise UsageError(f"there is no device '{request.device}'", hint=f"Choose from: {', '.join(DEVICES)}.")
    if request.device is not None and not (request.artifact and variant.compiled):
        raise UsageError(
            "--device: only for --artifact aoti, whose code is compiled for one",
            hint="Leave it out: TorchScript runs on both, by the program's --device or LoadOptions::device.",
        )
    if request.device == "cuda":
        need_torch()
        from .aoti import check_gpu

        check_gpu()


def refuse_onnx(source: str) -> None:
    """Raises UsageError for a source that LibTorch cannot run."""
    from ...core.loaded import OnnxSource
    from ...sources.load import parse_source

    if isinstance(parse_source(source), OnnxSource):
        raise UsageError(
            "LibTorch does not run ONNX files",
            hint="Add --backend tensorrt, or name the Python model (module:factory) or a TorchScript file.",
        )


def make_tuned(
    request: Request,
    backend: Backend,
    name: str,
    loaded: LoadedModel,
    spec: ModelSpec,
    answers: Answers,
    assets: Path,
    progress: Progress,
) -> ProjectSpec:
    """The fastest candidate that answers as the model does, with the table of all."""
    from ...model.branches.check import with_branches
    from ...model.golden import make_goldens
    from ...model.sizes.bounding import refused_note
    from .export import export_candidates

    with tempfile.TemporaryDirectory(prefix="gencpp-tune-") as scratch:
        work = Path(scratch)
        exported = export_candidates(loaded, spec, work, progress, answers)
        progress("making goldens")
        goldens = make_goldens(
            loaded,
            exported.spec,
            assets,
            request.seed,
            progress,
            answers=answers,
            unproven=unproven(*(artifact for artifact, _ in exported.made.values())),
        )
        spec = refused_note(answers, exported.spec)
        (work / "assets").mkdir()
        (work / "assets" / "goldens").symlink_to(assets / "goldens")
        candidates = {
            variant: ProjectSpec(
                name=name,
                backend=backend.name,
                model=spec,
                artifact=artifact,
                goldens=goldens,
                options=options_of(request),
                versions=versions(),
                libtorch=libtorch,
            )
            for variant, (artifact, libtorch) in exported.made.items()
        }
        options = TuneOptions(threads=thread_counts(os.cpu_count() or 1), rounds=request.tune_rounds)
        rows = (*tune(candidates, work, options, progress), *exported.lost)
        best = fastest(rows)
        chosen = candidates[best.variant]
        shutil.move(work / best.variant / "assets" / chosen.artifact.file, assets / chosen.artifact.file)
    goldens = with_branches(chosen.goldens, loaded, chosen.model, chosen.artifact, assets)
    return tuned(replace(chosen, goldens=goldens), best, rows)


def export_for_libtorch(
    request: Request,
    loaded: LoadedModel,
    spec: ModelSpec,
    answers: Answers,
    assets: Path,
    progress: Progress,
) -> tuple[Artifact, ModelSpec, LibTorchSpec]:
    """The artifact that is asked for, what is known of the model then, and how the program runs it."""
    from .export import export_default, export_libtorch
    from .precision import in_precision

    precision = Precision(request.precision or Precision.fp32)
    named = None if request.artifact == "torchscript" else request.artifact
    if named is None and precision is Precision.fp32:
        return export_default(loaded, spec, assets, progress, answers)
    made = in_precision(loaded, spec, precision)
    variant = variant_named(named or UNFUSED)
    return export_libtorch(made, spec, assets, variant, progress, request.device or "cpu", answers)
