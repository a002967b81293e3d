"""Chains the stages; also the programmatic API: `generate(request)`, `inspect(...)`, `verify(path)`."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import project
from .backends import BACKENDS, backend_named, check, need_torch
from .core import project_name
from .core.again import asked_again, check_named, repeated
from .core.backend import Backend, Completed, Folders, Inspection, RuntimeOptions
from .core.environment import versions
from .core.files import is_file, is_folder
from .core.loaded import default_name
from .core.progress import Progress, notice
from .core.progress import silent as _silent
from .core.python_file import as_module
from .core.recipe import ProjectRecipe, Recipe
from .core.request import Again, ModelRequest, Request, check_path, recipe_of, resolve_out, with_files
from .core.spec import ModelSpec, ProjectSpec, VerifyReport
from .project import readme
from .verification.choice import VerifyOptions
from .verification.verify import verify_project

if TYPE_CHECKING:
    from .model.inspection import Work


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
    backend = check(request)
    name = _name(request, progress)  # a bad one is said before minutes of work
    out = resolve_out(request.out)
    with (
        project.writing(out, force=request.force, progress=progress) as target,
        tempfile.TemporaryDirectory(prefix="gencpp-") as scratch,
    ):
        _tell_replaced(request, name, target, progress)
        folders = Folders(assets=target.tree / "assets", scratch=Path(scratch))
        folders.assets.mkdir()
        made = _made(request, name, backend, _inspected(request, progress), folders, progress)
        progress("writing the project")
        kept = target.commit(made.project, project.render(made.project, backend, made.files))
    copies = tuple(out / kept.folder / path for path in kept.paths)
    return Generated(out=out, project=made.project, warnings=_warnings(made.project), kept=copies)


def _name(request: Request, progress: Progress) -> str:
    """The project's: what was asked for, or one after the model; says where that is not the model's own."""
    if request.name is not None:
        return project_name.given(request.name)
    from .sources.load import parse_source

    text = default_name(parse_source(request.source))
    name = project_name.derived(text)
    if name != text:
        why = project_name.why_derived(text)
        notice(progress, f"the project of {text!a} is called {name} ({why}); --name gives it another name")
    return name


def _tell_replaced(request: Request, name: str, target: project.Writing, progress: Progress) -> None:
    """Says which project `target` holds, where it is not of the same model, backend and name."""
    if target.there is None:
        return
    old = target.there.project
    new = recipe_of(request).model.source
    if (old.recipe.model.source, old.backend, old.name) != (new, request.backend, name):
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
    backend_named(made.backend).check_tunable(made)
    named = {"--model": model, "--preprocess": preprocess}
    for option, text in named.items():
        if text is not None:
            named[option], folders = as_module(text)
            path = (*folders, *path)
    for option, text in named.items():
        if text is not None:
            check_named(made, option, text)
    asked = asked_again(
        made, path, named=tuple(filter(None, named.values())), labels=_own_labels(made, folder)
    )
    recipe = _changed(made.recipe.project, {"tune": True, "tune_rounds": rounds})
    return generate(_request(asked, recipe, folder, force, made), progress)


def repeat(
    recipe: Path,
    out: Path,
    *,
    path: tuple[str, ...] = (),
    force: bool = False,
    changes: Mapping[str, Any] | None = None,
    progress: Progress = _silent,
) -> Generated:
    """Writes the project of a recipe into `out`, with the weights that it was made with.

    `recipe`: a project's gencpp.json (or its folder), or a file with a Recipe's JSON. `path`: folders with
    the modules and files that it names. `changes`: fields of ProjectRecipe that are asked for otherwise.
    """
    project.mend(recipe if is_folder(recipe) else recipe.parent, progress)
    found = project.read_recipe(recipe)
    made, labels = found.project, None
    if made is not None:
        labels = _own_labels(made, found.folder)
    asked = repeated(found.recipe.model, path, found.weights, labels=labels)
    changed = _changed(found.recipe.project, changes or {})
    return generate(_request(asked, changed, out, force, made), progress)


def _changed(recipe: ProjectRecipe, changes: Mapping[str, Any]) -> ProjectRecipe:
    """`recipe` with `changes`, and without what these leave no room for: options of the old backend, too."""
    changed = replace(recipe, **changes)
    backend = backend_named(changed.backend)
    gone = set(backend.excluded(changes, recipe))
    if changed.backend != recipe.backend:
        gone |= {option for b in BACKENDS.values() for option in b.own_options} - set(backend.own_options)
    defaults: dict[str, Any] = {f.name: f.default for f in fields(recipe)}
    return replace(changed, **{name: defaults[name] for name in gone - set(changes)})


def _request(
    asked: ModelRequest, recipe: ProjectRecipe, out: Path, force: bool, made: ProjectSpec | None
) -> Request:
    if made is not None:
        if recipe.name is not None and recipe.name == made.recipe.project.name:
            recipe = replace(recipe, name=made.name)  # gencpp 0.1 changed names that could not be a project's
        asked = replace(asked, again=Again(recipe=made.recipe.model, weights=made.model.weights))
    model = {f.name: getattr(asked, f.name) for f in fields(asked)}
    project = {f.name: getattr(recipe, f.name) for f in fields(recipe)}
    return Request(**model, **project, out=out, force=force)


def _own_labels(made: ProjectSpec, folder: Path) -> str | None:
    """The project's copy of the labels that it was given, where it is there."""
    own = folder.resolve() / "assets" / "labels.txt"
    if made.recipe.model.labels is None or not is_file(own):
        return None
    return str(project.regular_file(folder.resolve(), "assets/labels.txt"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What a model is, what one run costs, and what the backends can do with it."""

    model: ModelSpec
    work: Work
    backends: dict[str, str]
    """By backend: `yes: how`, or `no: why`; `network` is TensorRT's network definition as C++."""
    onnx_operators: tuple[tuple[str, int, str], ...] = ()
    """(operator, nodes, first TensorRT that takes it; empty: none) of the ONNX file, most frequent first."""
    changes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By backend, what a project of it would have otherwise than `model`, one sentence each."""


def inspect(request: ModelRequest, progress: Progress = _silent) -> Inspected:
    """Loads the model and tries each backend's export; writes nothing."""
    if ":" in request.source or "." in request.source:
        request = replace(request, weights="auto")  # --weights is for torchvision's names
    inspected = _inspected(request, progress)
    from .model.inspection import count_work

    progress("counting")
    work = count_work(inspected.loaded, inspected.model)
    answers: dict[str, str] = {}
    operators: tuple[tuple[str, int, str], ...] = ()
    changes: dict[str, tuple[str, ...]] = {}
    for backend in BACKENDS.values():
        with tempfile.TemporaryDirectory(prefix="gencpp-") as scratch:
            tried = backend.tried(inspected, Path(scratch), progress)
        answers |= tried.answers
        operators += tried.operators
        if tried.model is not None:
            changes[backend.name] = _changes(inspected.model, tried.model)
    return Inspected(
        model=inspected.model, work=work, backends=answers, onnx_operators=operators, changes=changes
    )


def _changes(before: ModelSpec, made: ModelSpec) -> tuple[str, ...]:
    """What an export made of the model: tensors that it has otherwise, and what it says of it."""
    pairs = zip((*before.inputs, *before.outputs), (*made.inputs, *made.outputs), strict=True)
    sizes = [f"{new.name}: {readme.shape_text(new)}" for old, new in pairs if new.dims != old.dims]
    return (*sizes, *(note for note in made.notes if note not in before.notes))


def verify(
    folder: Path,
    progress: Progress = _silent,
    options: RuntimeOptions | None = None,
    how: VerifyOptions | None = None,
) -> VerifyReport:
    """Proves the project in `folder`; see verification/verify.py.

    `options`: where the runtime is. `how`: which steps run, and with how many jobs.
    """
    folder = Path(folder)
    check_path(folder)
    project.mend(folder, progress)
    manifest = project.read_manifest(folder.resolve())
    backend = backend_named(manifest.project.backend)
    return verify_project(
        folder, manifest, backend, progress, options or RuntimeOptions(), how or VerifyOptions()
    )


def _inspected(request: ModelRequest, progress: Progress) -> Inspection:
    need_torch()
    from .model.inspected import inspected
    from .sources.load import load_source, parse_source

    progress(f"loading {request.source}")
    loaded = load_source(parse_source(request.source), request.load_options(), progress)
    then = request.again.weights if request.again is not None else None
    if then is not None and then.kind == loaded.weights.kind == "random":
        loaded = replace(loaded, weights=then)  # with the reason that there was then
    progress("inspecting")
    return inspected(loaded, request)


def _made(
    request: Request, name: str, backend: Backend, inspected: Inspection, folders: Folders, progress: Progress
) -> Completed:
    """Export, goldens, and what the backend does with both."""
    from .model.branches.check import with_branches
    from .model.golden import make_goldens, unproven

    loaded = inspected.loaded
    progress("exporting")
    exported = backend.export(request, inspected, folders, progress)
    progress("making goldens")
    goldens = make_goldens(
        loaded,
        exported.model,
        folders.assets,
        request.seed,
        progress,
        tolerance=backend.precisions[exported.runtime.precision],
        answers=inspected.answers,
        unproven=unproven(*(exported.candidates or (exported.artifact,))),
    )
    made = ProjectSpec(
        name=name,
        runtime=exported.runtime,
        model=exported.model,
        artifact=exported.artifact,
        goldens=goldens,
        recipe=_recipe(request, progress),
        versions=versions(),
    )
    done = exported.finish(made)
    goldens = with_branches(goldens, loaded, exported.model, done.project.artifact, folders.assets)
    return replace(done, project=replace(done.project, goldens=goldens))


def _recipe(request: Request, progress: Progress) -> Recipe:
    """Of what was asked, with the files as they are now; says where they are others than they were."""
    recipe = recipe_of(request)
    made = with_files(recipe, request)
    for name, digest in recipe.model.files.items():
        if made.model.files.get(name) != digest:
            text = Path(str(getattr(request, name))).name
            notice(progress, f"{text} is another file than the project of the recipe was made from")
    return made


def _warnings(made: ProjectSpec) -> tuple[str, ...]:
    found = [made.model.weights.warning] if made.model.weights.warning else []
    if made.goldens.parity != "strong":
        found.append(f"Parity is {made.goldens.parity}: {made.goldens.parity_note}")
    return (*found, *made.artifact.warnings)
