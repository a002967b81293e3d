"""Chains the stages; also the programmatic API: `generate(request)`, `inspect(...)`, `verify(path)`."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import __version__, cpp, project
from .again import asked_for, check_named
from .backends import Backend, RuntimeOptions, backend_named
from .errors import EnvironmentLacks, GencppError, UsageError
from .progress import Progress, notice
from .progress import silent as _silent
from .size_plan import profiles_of
from .spec import (
    LIBTORCH_TOLERANCE,
    PARITY_TOLERANCE,
    TENSORRT_TOLERANCE,
    Artifact,
    EngineSpec,
    LibTorchSpec,
    ModelSpec,
    Precision,
    Profiles,
    ProjectSpec,
    VerifyReport,
)
from .tune import TuneOptions, fastest, thread_counts, tune, tuned
from .values import without_folder
from .variants import DEVICES, UNFUSED, Variant, variant_named
from .verify import verify_project

if TYPE_CHECKING:
    from .answers import Answers
    from .inspection import Work
    from .loaded import LoadedModel, LoadOptions
    from .network_export import NetworkExport

TRT_APIS = ("parser", "network")
"""Who defines a TensorRT network: its ONNX parser, or generated C++."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What `gencpp new` is asked for."""

    source: str
    backend: str
    out: Path
    name: str | None = None
    force: bool = False
    dynamic: tuple[str, ...] = ()
    """`input:dimension=min:opt:max`, further profiles after commas"""
    precision: str | None = None
    device: str | None = None
    """`fp32`, `fp16` (tensorrt only)"""
    tf32: bool = False
    tensorrt_min: str | None = None
    """The oldest TensorRT that the artifact is made for: `10.0`."""
    trt_api: str | None = None
    """`parser`, `network`"""
    artifact: str | None = None
    """`torchscript`, `aoti`, or a variant of gencpp.variants (libtorch only)"""
    tune: bool = False
    """Whether the variant and the threads are chosen by measuring (libtorch only)"""
    tune_rounds: int = 5
    weights: str = "auto"
    seed: int = 0
    path: tuple[str, ...] = ()
    state_dict: str | None = None
    inputs: tuple[str, ...] = ()
    preprocess: str | None = None
    labels: str | None = None

    def load_options(self) -> LoadOptions:
        """The part that loading a source needs."""
        from .loaded import LoadOptions

        return LoadOptions(
            weights=self.weights,
            seed=self.seed,
            path=self.path,
            state_dict=self.state_dict,
            inputs=self.inputs,
            preprocess=self.preprocess,
            labels=self.labels,
        )


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
        _refuse_onnx(request.source)
    with project.writing(out, force=request.force, progress=progress) as target:
        _tell_replaced(request, target, progress)
        assets = target.tree / "assets"
        assets.mkdir()
        loaded, spec, profiles, answers = _load(request, progress)
        name = cpp.identifier(request.name or loaded.default_name)
        more: dict[str, str] = {}
        if request.tune:
            made = _make_tuned(request, backend, name, loaded, spec, answers, assets, progress)
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
    from .loaded import default_name
    from .sources import parse_source

    old, source = target.there.project, parse_source(request.source)
    name = cpp.identifier(request.name or default_name(source))
    new = _options(request)["model"]
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
    from .export import export_torchscript
    from .inspection import count_work
    from .libtorch_operators import BareTorch, check_operators
    from .network_export import lowered_layers
    from .onnx_export import OnnxOptions, export_onnx
    from .trt_operators import SINCE

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
    """Proves the project in `folder`; see gencpp.verify."""
    check_path(folder)
    project.mend(folder, progress)
    manifest = project.read_manifest(folder.resolve())
    backend = backend_named(manifest.project.backend)
    return verify_project(folder, manifest, backend, progress, options or RuntimeOptions())


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
        from .libtorch_operators import keep_bare_torch

        keep_bare_torch()


def check_path(folder: Path) -> None:
    """Raises UsageError for characters that CMake cannot handle in the path of a project."""
    if bad := sorted(set(str(folder)) & set(';"\\\n\r')):
        raise UsageError(
            f"OUT has characters that CMake cannot handle in a path: {' '.join(map(repr, bad))}",
            hint="Choose another name.",
        )


def resolve_out(out: Path) -> Path:
    """`out` as an absolute path; raises UsageError for the root."""
    check_path(out)
    try:
        resolved = out.resolve()
    except (OSError, RuntimeError) as e:  # RuntimeError: a loop of links, before Python 3.13
        raise UsageError(f"OUT {out}: {getattr(e, 'strerror', None) or e}") from None
    if resolved == resolved.parent:
        raise UsageError("OUT must not be the root of the file system", hint="Name a folder inside it.")
    return resolved


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
    _check_precision(request, variant)
    _check_device(request, variant)
    if request.trt_api not in (None, *TRT_APIS):
        raise UsageError(
            f"there is no TensorRT API '{request.trt_api}'", hint=f"Choose from: {', '.join(TRT_APIS)}."
        )


def _check_precision(request: Request, variant: Variant) -> None:
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


def _check_device(request: Request, variant: Variant) -> None:
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


def _refuse_onnx(source: str) -> None:
    from .loaded import OnnxSource
    from .sources import parse_source

    if isinstance(parse_source(source), OnnxSource):
        raise UsageError(
            "LibTorch does not run ONNX files",
            hint="Add --backend tensorrt, or name the Python model (module:factory) or a TorchScript file.",
        )


def _load(request: Request, progress: Progress) -> tuple[LoadedModel, ModelSpec, Profiles, Answers]:
    need_torch()
    from .answers import Answers
    from .bounding import taken_by_the_model
    from .dynamic import apply_dynamic, asked_places
    from .inspection import inspect_model
    from .sources import load_source, parse_source

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
    from .bounding import refused_note
    from .branches import with_branches
    from .golden import make_goldens

    progress("exporting")
    engine: EngineSpec | None = None
    libtorch: LibTorchSpec | None = None
    network: NetworkExport | None = None
    tolerance = PARITY_TOLERANCE
    if backend.artifact_format == "torchscript":
        artifact, spec, libtorch = _export_libtorch(request, loaded, spec, answers, assets, progress)
        tolerance = LIBTORCH_TOLERANCE[libtorch.precision]
    else:
        artifact, spec, engine, network = _export_onnx(
            request, loaded, spec, profiles, answers, assets, progress
        )
        tolerance = TENSORRT_TOLERANCE[engine.precision]
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
        options=_options(request),
        versions=versions(),
        engine=engine,
        libtorch=libtorch,
    )
    if network is None:
        return made, {}
    from .network_export import network_files

    progress("writing the network as C++")
    return made, network_files(made, network, assets)


def _make_tuned(
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
    from .bounding import refused_note
    from .branches import with_branches
    from .golden import make_goldens
    from .libtorch_export import export_candidates

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
                options=_options(request),
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


def unproven(*artifacts: Artifact) -> tuple[str, ...]:
    """What no compared input ran."""
    told = dict.fromkeys(text for artifact in artifacts for text in artifact.untaken)
    return (f"branches that were never run: {', '.join(told)}",) if told else ()


def _export_libtorch(
    request: Request,
    loaded: LoadedModel,
    spec: ModelSpec,
    answers: Answers,
    assets: Path,
    progress: Progress,
) -> tuple[Artifact, ModelSpec, LibTorchSpec]:
    from .half import in_precision
    from .libtorch_export import export_default, export_libtorch

    precision = Precision(request.precision or Precision.fp32)
    named = None if request.artifact == "torchscript" else request.artifact
    if named is None and precision is Precision.fp32:
        return export_default(loaded, spec, assets, progress, answers)
    made = in_precision(loaded, spec, precision)
    variant = variant_named(named or UNFUSED)
    return export_libtorch(made, spec, assets, variant, progress, request.device or "cpu", answers)


def _export_onnx(
    request: Request,
    loaded: LoadedModel,
    spec: ModelSpec,
    profiles: Profiles,
    answers: Answers,
    assets: Path,
    progress: Progress,
) -> tuple[Artifact, ModelSpec, EngineSpec, NetworkExport | None]:
    from .onnx_export import OnnxOptions, export_onnx

    options = OnnxOptions(precision=Precision(request.precision or Precision.fp32))
    if request.tensorrt_min is not None:
        options = replace(options, tensorrt_min=request.tensorrt_min)
    network: NetworkExport | None = None
    if request.trt_api == "network":
        from .network_export import export_network

        network = export_network(loaded, spec, assets, options, progress, answers)
        artifact, spec, opset = network.artifact, network.spec, network.opset
    else:
        exported = export_onnx(loaded, spec, assets, options, progress, answers)
        artifact, spec, opset = exported.artifact, exported.spec, exported.opset
    engine = EngineSpec(
        api=request.trt_api or TRT_APIS[0],
        precision=options.precision,
        tf32=request.tf32,
        tensorrt_min=options.tensorrt_min,
        opset=opset,
        profiles=profiles_of(spec.inputs, profiles),
    )
    return artifact, spec, engine, network


def versions() -> dict[str, str]:
    """Versions of what makes artifacts and goldens."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    found = {"gencpp": __version__, "python": ".".join(map(str, sys.version_info[:3]))}
    for package in ("torch", "torchvision", "pillow", "numpy", "onnx", "onnxruntime"):
        try:
            found[package] = installed(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found


def _options(request: Request) -> dict[str, str]:
    """The request without folders of this machine."""

    def last(path: str | None) -> str:
        return Path(path).name if path else ""

    options = {
        "model": last(request.source) if "/" in request.source else request.source,
        "weights": last(request.weights) if "/" in request.weights else request.weights,
        "seed": str(request.seed),
        "state_dict": last(request.state_dict),
        "input": shlex.join(without_folder(text) for text in request.inputs),
        "dynamic": " ".join(request.dynamic),
        "precision": request.precision or "",
        "tf32": "yes" if request.tf32 else "",
        "tensorrt_min": request.tensorrt_min or "",
        "trt_api": request.trt_api or "",
        "artifact": request.artifact or "",
        "device": request.device or "",
        "tune": "yes" if request.tune else "",
        "preprocess": last(request.preprocess)
        if "/" in (request.preprocess or "")
        else request.preprocess or "",
        "labels": last(request.labels),
    }
    return {key: value for key, value in options.items() if value}


def _warnings(made: ProjectSpec) -> tuple[str, ...]:
    found = [made.model.weights.warning] if made.model.weights.warning else []
    if made.goldens.parity != "strong":
        found.append(f"Parity is {made.goldens.parity}: {made.goldens.parity_note}")
    return (*found, *made.artifact.warnings)
