"""Chains the stages; also the programmatic API: `generate(request)`, `inspect(...)`, `verify(path)`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import __version__, cpp, project
from .backends import backend_named
from .errors import EnvironmentLacks, GencppError, UsageError
from .spec import Dim, ModelSpec, ProjectSpec, TensorSpec, VerifyReport
from .verify import verify_project

if TYPE_CHECKING:
    from .inspection import Work
    from .sources import LoadedModel, LoadOptions

Progress = Callable[[str], None]

_MAX_BATCH = 65536


def _silent(_: str) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What `gencpp new` is asked for."""

    source: str
    backend: str
    out: Path
    name: str | None = None
    force: bool = False
    dynamic: tuple[str, ...] = ()
    """`input:dimension=min:opt:max`; only dimension 0 is supported."""
    weights: str = "auto"
    seed: int = 0
    path: tuple[str, ...] = ()
    state_dict: str | None = None
    inputs: tuple[str, ...] = ()
    preprocess: str | None = None
    labels: str | None = None

    def load_options(self) -> LoadOptions:
        """The part that loading a source needs."""
        from .sources import LoadOptions

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


def generate(request: Request, progress: Progress = _silent) -> Generated:
    """Inspects, exports, makes goldens, renders, and renames the finished folder to `request.out`."""
    backend = backend_named(request.backend)
    if request.name is not None:
        cpp.identifier(request.name)  # a bad name is said before minutes of work
    out = resolve_out(request.out)
    with project.disk_errors(out):
        project.check_target(out, force=request.force)
    check_python()
    with project.staging_folder(out) as staging:
        assets = staging / "assets"
        assets.mkdir()
        loaded, spec = _load(request, progress)
        name = cpp.identifier(request.name or loaded.default_name)
        made = _make(request, backend.name, name, loaded, spec, assets, progress)
        progress("writing the project")
        project.commit(staging, out, made)
    return Generated(out=out, project=made, warnings=_warnings(made))


def inspect(request: Request, progress: Progress = _silent) -> tuple[ModelSpec, Work, dict[str, str]]:
    """What the model is, what one run costs, and what each backend can do with it; writes nothing."""
    check_python()
    if ":" in request.source or "." in request.source:
        request = replace(request, weights="auto")  # --weights is for torchvision's names
    loaded, spec = _load(request, progress)
    from .export import export_torchscript
    from .inspection import count_work

    progress("counting")
    work = count_work(loaded, spec)
    progress("trying the export")
    with tempfile.TemporaryDirectory(prefix="gencpp-") as scratch:
        try:
            artifact, spec = export_torchscript(loaded, spec, Path(scratch), progress)
            status = f"yes: {artifact.method}" + (f" ({artifact.reason})" if artifact.reason else "")
        except GencppError as e:
            status = f"no: {e.message}"
    return spec, work, {"libtorch": status}


def verify(folder: Path, progress: Progress = _silent) -> VerifyReport:
    """Proves the project in `folder`; see generator.verify."""
    check_path(folder)
    return verify_project(folder, progress)


def check_python(version: tuple[int, int] = sys.version_info[:2]) -> None:
    """Raises EnvironmentLacks on a Python that has no TorchScript."""
    if version >= (3, 14):
        raise EnvironmentLacks(
            f"TorchScript does not support Python {version[0]}.{version[1]}",
            hint="Run gencpp with Python 3.11, 3.12 or 3.13.",
        )


def need_torch() -> None:
    """Raises EnvironmentLacks when torch cannot be imported."""
    try:
        import torch  # noqa: F401
    except ImportError as e:
        raise EnvironmentLacks(
            f"torch cannot be imported: {e}", hint="pip install torch torchvision"
        ) from None


def check_path(folder: Path) -> None:
    """Raises UsageError for characters that CMake cannot handle in the path of a project."""
    if bad := sorted(set(str(folder)) & set(';"\\\n\r')):
        raise UsageError(
            f"OUT has characters that CMake cannot handle in a path: {' '.join(map(repr, bad))}",
            hint="Choose another name.",
        )


def resolve_out(out: Path) -> Path:
    """`out` as an absolute path; raises UsageError for the root and for the current folder."""
    check_path(out)
    resolved = out.resolve()
    if resolved == resolved.parent or resolved == Path.cwd().resolve():
        raise UsageError(
            f"OUT must not be {'the root' if resolved == resolved.parent else 'the current folder'}: "
            "gencpp replaces the whole folder by renaming",
            hint="Name a folder inside it.",
        )
    return resolved


def _load(request: Request, progress: Progress) -> tuple[LoadedModel, ModelSpec]:
    try:
        import torch  # noqa: F401
    except ImportError as e:
        raise EnvironmentLacks(
            f"torch cannot be imported: {e}", hint="pip install torch torchvision"
        ) from None
    from .inspection import inspect_model
    from .sources import load_source, parse_source

    options = request.load_options()
    progress(f"loading {request.source}")
    loaded = load_source(parse_source(request.source), options, progress)
    progress("inspecting")
    return loaded, with_dynamic(inspect_model(loaded, options), request.dynamic)


def _make(
    request: Request,
    backend: str,
    name: str,
    loaded: LoadedModel,
    spec: ModelSpec,
    assets: Path,
    progress: Progress,
) -> ProjectSpec:
    from .export import export_torchscript
    from .golden import make_goldens

    progress("exporting")
    artifact, spec = export_torchscript(loaded, spec, assets, progress)
    progress("making goldens")
    goldens = make_goldens(loaded, spec, assets, request.seed, progress)
    return ProjectSpec(
        name=name,
        backend=backend,
        model=spec,
        artifact=artifact,
        goldens=goldens,
        options=_options(request),
        versions=versions(),
    )


def with_dynamic(spec: ModelSpec, requests: tuple[str, ...]) -> ModelSpec:
    """`spec` with the bounds of `input:dimension=min:opt:max`; outputs follow in proportion."""
    asked: Dim | None = None
    for text in requests:
        name, batch = _parse_dynamic(text, spec)
        if asked is not None and batch != asked:
            raise UsageError(
                "--dynamic: the inputs share one batch, and were given different bounds",
                hint="Give the bounds once.",
            )
        tensor = next(t for t in spec.inputs if t.name == name)
        if not tensor.dims:
            raise UsageError(f"--dynamic: input '{name}' is a scalar and has no batch")
        if not tensor.dims[0].dynamic and batch != tensor.dims[0]:
            reason = "; ".join(n for n in spec.notes if "batch" in n.lower()) or "the model fixes it"
            raise UsageError(f"--dynamic: the batch of this model cannot vary: {reason}")
        asked = batch
    if asked is None:
        return spec
    return replace(
        spec,
        inputs=tuple(_rebatched(t, asked) for t in spec.inputs),
        outputs=tuple(_rebatched(t, asked) for t in spec.outputs),
    )


def _parse_dynamic(text: str, spec: ModelSpec) -> tuple[str, Dim]:
    """(input's name, bounds) of `input:dimension=min:opt:max`."""
    try:
        where, bounds = text.split("=")
        name, dimension = where.rsplit(":", 1)
        low, opt, high = (int(b) for b in bounds.split(":"))
        index = int(dimension)
    except ValueError:
        raise UsageError(
            f"--dynamic '{text}' is not INPUT:DIMENSION=MIN:OPT:MAX", hint="Such as --dynamic x:0=1:1:64."
        ) from None
    names = [t.name for t in spec.inputs]
    if name not in names:
        raise UsageError(f"--dynamic: there is no input '{name}'", hint=f"Choose from: {', '.join(names)}.")
    if index != 0:
        raise UsageError("--dynamic: only dimension 0, the batch, can vary", hint="Such as x:0=1:1:64.")
    if high > _MAX_BATCH:
        raise UsageError(f"--dynamic: a batch above {_MAX_BATCH} is refused", hint="Such as x:0=1:1:64.")
    return name, Dim(min=low, opt=opt, max=high)


def _rebatched(tensor: TensorSpec, batch: Dim) -> TensorSpec:
    """`tensor` with its dynamic first dimension scaled to `batch` (an output may have more rows an item)."""
    if not tensor.dims or not tensor.dims[0].dynamic:
        return tensor
    rows = max(1, tensor.dims[0].min)  # as inspection made it, for one item
    scaled = Dim(min=batch.min * rows, opt=batch.opt * rows, max=batch.max * rows)
    return replace(tensor, dims=(scaled, *tensor.dims[1:]))


def versions() -> dict[str, str]:
    """Versions of what makes artifacts and goldens."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    found = {"gencpp": __version__, "python": ".".join(map(str, sys.version_info[:3]))}
    for package in ("torch", "torchvision", "pillow", "numpy"):
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
        "input": " ".join(request.inputs),
        "dynamic": " ".join(request.dynamic),
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
