"""Chains the stages; also the programmatic API: `generate(request)`, `inspect(...)`, `verify(path)`."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import project
from .backends import backend_named
from .backends.libtorch.options import (
    check_device,
    check_precision,
    check_python,
    export_for_libtorch,
    make_tuned,
    need_torch,
    refuse_onnx,
)
from .backends.libtorch.variants import variant_named
from .backends.tensorrt.options import TRT_APIS, export_for_tensorrt
from .core import cpp, tolerances
from .core.backend import Backend, RuntimeOptions
from .core.environment import versions
from .core.errors import GencppError, UsageError
from .core.progress import Progress, notice
from .core.progress import silent as _silent
from .core.python_file import as_module
from .core.recipe import asked_for, check_named
from .core.request import Request, check_path, options_of, resolve_out
from .core.spec import (
    Artifact,
    EngineSpec,
    LibTorchSpec,
    ModelSpec,
    Precision,
    Profiles,
    ProjectSpec,
    VerifyReport,
)
from .model.golden import unproven
from .verification.verify import verify_project

if TYPE_CHECKING:
    from .backends.tensorrt.network_export import NetworkExport
    from .core.loaded import LoadedModel
    from .model.inspection import Work
    from .model.sizes.answers import Answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """A project that was written."""

    out: Path
    project: ProjectSpec
    warnings: tuple[str, ...] = field(default=())
    kept: tuple[Path, ...] = ()
    """Copies of files that were replaced, and are not gencpp's."""


def generate(request: Request, progress: Progress = _silent) -> Generated:
    """Inspects, exports, makes goldens, renders, and puts the finished project into `request.out`."""
    backend = backend_named(request.backend)
    _check_options(request)
    if request.name is not None:
        cpp.identifier(request.name)  # a bad name is said before minutes of work
    out = resolve_out(request.out)
    if backend.artifact_format == "torchscript":
        if not variant_named(request.artifact or "torchscript").compiled:
            check_python()
        refuse_onnx(request.source)
    with project.writing(out, force=request.force, progress=progress) as target:
        _tell_replaced(request, target, progress)
        assets = target.tree / "assets"
        assets.mkdir()
        loaded, spec, profiles, answers = _load(request, progress)
        name = cpp.identifier(request.name or loaded.default_name)
        more: dict[str, str] = {}
        if request.tune:
            made = make_tuned(request, backend, name, loaded, spec, answers, assets, progress)
        else:
            made, more = _make(request, backend, name, loaded, spec, profiles, answers, assets, progress)
        progress("writing the project")
        kept = target.commit(made, project.render(made, backend, more))
    copies = tuple(out / kept.folder / path for path in kept.paths)
    return Generated(out=out, project=made, warnings=_warnings(made), kept=copies)


def _tell_replaced(request: Request, target: project.Writing, progress: Progress) -> None:
    """Says which project `target` holds, where it is not of the same model, backend and name."""
    if target.there is None:
        return
    from .core.loaded import default_name
    from .sources.load import parse_source

    old, source = target.there.project, parse_source(request.source)
    name = cpp.identifier(request.name or default_name(source))
    new = options_of(request)["model"]
    if (old.options.get("model", old.model.source), old.backend, old.name) != (new, request.backend, name):
        notice(
            progress,
            f"{request.out} holds the project {old.name} of {old.model.source} on {old.backend};\n"
            f"  it will be replaced by {name} of {new} on {request.backend}",
        )


def tune_project(
    folder: Path,
    path: tuple[str, ...],
    rounds: int,
    *,
    model: str | None = None,
    preprocess: str | None = None,
    force: bool = False,
    progress: Progress = _silent,
) -> Generated:
    """Writes the project in `folder` anew with its fastest artifact; edited files are kept unless `force`.

    `path`: folders with the modules and files that `gencpp new` was given; `model` and `preprocess` name its
    Python code once more: a manifest decides nothing that is imported or called.
    """
    project.mend(folder, progress)
    made = project.read_manifest(folder).project
    if made.backend != "libtorch":
        raise UsageError(
            f"{folder} runs on {made.backend}, whose engines are tuned where they are built",
            hint="gencpp tune is for LibTorch projects.",
        )
    if made.libtorch is not None and made.libtorch.precision is not Precision.fp32:
        raise UsageError(
            f"{folder} computes in {made.libtorch.precision}, which is for GPUs",
            hint="gencpp tune measures on the CPU, in float32.",
        )
    named = {"--model": model, "--preprocess": preprocess}
    for option, text in named.items():
        if text is not None:
            named[option], folders = as_module(text)
            path = (*folders, *path)
    for option, text in named.items():
        if text is not None:
            check_named(made, option, text)
    asked = asked_for(made, path, named=tuple(filter(None, named.values())))
    request = Request(
        source=asked.source,
        backend=made.backend,
        out=folder,
        name=made.name,
        force=force,
        dynamic=asked.dynamic,
        tune=True,
        tune_rounds=rounds,
        weights=asked.weights,
        seed=asked.seed,
        path=path,
        state_dict=asked.state_dict,
        inputs=asked.inputs,
        preprocess=asked.preprocess,
        labels=str(project.regular_file(folder.resolve(), "assets/labels.txt"))
        if made.options.get("labels")
        else None,
    )
    return generate(request, progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What a model is, what one run costs, and what the backends can do with it."""

    model: ModelSpec
    work: Work
    backends: dict[str, str]
    """By backend: `yes: how`, or `no: why`; `network` is TensorRT's network definition as C++."""
    onnx_operators: tuple[tuple[str, int, str], ...] = ()
    """(operator, nodes, first TensorRT that takes it; empty: none) of the ONNX file, most frequent first."""


def inspect(request: Request, progress: Progress = _silent) -> Inspected:
    """Loads the model and tries each backend's export; writes nothing."""
    if ":" in request.source or "." in request.source:
        request = replace(request, weights="auto")  # --weights is for torchvision's names
    loaded, spec, _, answers = _load(request, progress)
    from .backends.libtorch.operators import BareTorch, check_operators
    from .backends.libtorch.torchscript import export_torchscript
    from .backends.tensorrt.network_export import lowered_layers
    from .backends.tensorrt.onnx_export import OnnxOptions, export_onnx
    from .backends.tensorrt.operators import SINCE
    from .model.inspection import count_work

    progress("counting")
    work = count_work(loaded, spec)
    backends = {}
    with tempfile.TemporaryDirectory(prefix="gencpp-") as scratch:
        progress("trying the export to TorchScript")
        try:
            check_python()
            with BareTorch() as bare:
                artifact, _ = export_torchscript(loaded, spec, Path(scratch), progress, answers=answers)
                check_operators(bare, loaded, spec, Path(scratch) / artifact.file)
            backends["libtorch"] = f"yes: {_method(artifact)}"
        except GencppError as e:
            backends["libtorch"] = f"no: {e.message}"
        progress("trying the export to ONNX")
        operators: tuple[tuple[str, int, str], ...] = ()
        options = OnnxOptions()
        try:
            exported = export_onnx(loaded, spec, Path(scratch), options, progress, answers)
            backends["tensorrt"] = f"yes, from {options.tensorrt_min} on: {_method(exported.artifact)}"
            operators = tuple((name, count, SINCE.get(name, "")) for name, count in exported.operators)
        except GencppError as e:
            backends["tensorrt"] = f"no: {e.message}"
        if operators:
            progress("trying the network definition")
            try:
                layers = lowered_layers(loaded, Path(scratch))
                backends["network"] = f"yes: {layers} layers (tensorrt with --trt-api network)"
            except GencppError as e:
                backends["network"] = f"no: {e.message}"
    return Inspected(model=spec, work=work, backends=backends, onnx_operators=operators)


def _method(artifact: Artifact) -> str:
    return artifact.method + (f" ({artifact.reason})" if artifact.reason else "")


def verify(folder: Path, progress: Progress = _silent, options: RuntimeOptions | None = None) -> VerifyReport:
    """Proves the project in `folder`; see verification/verify.py."""
    folder = Path(folder)
    check_path(folder)
    project.mend(folder, progress)
    manifest = project.read_manifest(folder.resolve())
    backend = backend_named(manifest.project.backend)
    return verify_project(folder, manifest, backend, progress, options or RuntimeOptions())


def _check_options(request: Request) -> None:
    """Raises UsageError for options of another backend, or values that there are not."""
    given = {
        "--tf32": request.tf32 or None,
        "--tensorrt-min": request.tensorrt_min,
        "--trt-api": request.trt_api,
    }
    used = [option for option, value in given.items() if value is not None]
    if used and request.backend != "tensorrt":
        raise UsageError(f"{', '.join(used)}: only for TensorRT", hint="Add --backend tensorrt.")
    if (request.artifact is not None or request.tune) and request.backend != "libtorch":
        option = "--tune" if request.tune else "--artifact"
        raise UsageError(f"{option}: only for LibTorch", hint="Add --backend libtorch.")
    if request.artifact is not None and request.tune:
        raise UsageError("--artifact and --tune: --tune chooses the artifact", hint="Leave one of them out.")
    variant = variant_named(request.artifact or "torchscript")
    check_precision(request, variant)
    check_device(request, variant)
    if request.trt_api not in (None, *TRT_APIS):
        raise UsageError(
            f"there is no TensorRT API '{request.trt_api}'", hint=f"Choose from: {', '.join(TRT_APIS)}."
        )


def _load(request: Request, progress: Progress) -> tuple[LoadedModel, ModelSpec, Profiles, Answers]:
    need_torch()
    from .model.inspection import inspect_model
    from .model.sizes.answers import Answers
    from .model.sizes.bounding import taken_by_the_model
    from .model.sizes.dynamic import apply_dynamic, asked_places
    from .sources.load import load_source, parse_source

    options = request.load_options()
    progress(f"loading {request.source}")
    loaded = load_source(parse_source(request.source), options, progress)
    progress("inspecting")
    spec, profiles = apply_dynamic(loaded, inspect_model(loaded, options), request.dynamic)
    asked = asked_places(spec, request.dynamic)
    # Profiles that nobody asked for are the model's own bounds, which an export may narrow.
    answers = Answers(loaded=loaded, seed=request.seed, profiles=profiles if asked else (), asked=asked)
    return loaded, taken_by_the_model(answers, spec), profiles, answers


def _make(
    request: Request,
    backend: Backend,
    name: str,
    loaded: LoadedModel,
    spec: ModelSpec,
    profiles: Profiles,
    answers: Answers,
    assets: Path,
    progress: Progress,
) -> tuple[ProjectSpec, dict[str, str]]:
    """The project, and its files that need more than its facts."""
    from .model.branches.check import with_branches
    from .model.golden import make_goldens
    from .model.sizes.bounding import refused_note

    progress("exporting")
    engine: EngineSpec | None = None
    libtorch: LibTorchSpec | None = None
    network: NetworkExport | None = None
    tolerance = tolerances.PARITY
    if backend.artifact_format == "torchscript":
        artifact, spec, libtorch = export_for_libtorch(request, loaded, spec, answers, assets, progress)
        tolerance = tolerances.LIBTORCH[libtorch.precision]
    else:
        artifact, spec, engine, network = export_for_tensorrt(
            request, loaded, spec, profiles, answers, assets, progress
        )
        tolerance = tolerances.TENSORRT[engine.precision]
    progress("making goldens")
    goldens = make_goldens(
        loaded,
        spec,
        assets,
        request.seed,
        progress,
        tolerance=tolerance,
        answers=answers,
        unproven=unproven(artifact),
    )
    goldens = with_branches(goldens, loaded, spec, artifact, assets)
    spec = refused_note(answers, spec)
    made = ProjectSpec(
        name=name,
        backend=backend.name,
        model=spec,
        artifact=artifact,
        goldens=goldens,
        options=options_of(request),
        versions=versions(),
        engine=engine,
        libtorch=libtorch,
    )
    if network is None:
        return made, {}
    from .backends.tensorrt.network_export import network_files

    progress("writing the network as C++")
    return made, network_files(made, network, assets)


def _warnings(made: ProjectSpec) -> tuple[str, ...]:
    found = [made.model.weights.warning] if made.model.weights.warning else []
    if made.goldens.parity != "strong":
        found.append(f"Parity is {made.goldens.parity}: {made.goldens.parity_note}")
    return (*found, *made.artifact.warnings)
