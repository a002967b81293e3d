"""Renders a project's text files, and is the one writer of project folders."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from . import cpp, readme
from .backends import backend_named
from .errors import EnvironmentLacks, UsageError
from .spec import SCHEMA, ProjectSpec

MANIFEST = "gencpp.json"
PROJECT_VERSION = "1.0.0"

VARIANTS = "api"
"""A folder of a layer that is no part of it: its subfolders are layers of their own."""

# What builds and verify leave in a project; neither generated nor anybody's work.
_LEFTOVERS = ("build", "verify", "verify.json")


def templates_root() -> Path:
    """The templates: inside an installed wheel, or beside the package in a checkout."""
    package = Path(__file__).resolve().parent
    for candidate in (package / "templates", package.parent / "templates"):
        if (candidate / "common").is_dir():
            return candidate
    raise EnvironmentLacks(
        "gencpp's templates are missing from this installation", hint="Install it anew: pip install gencpp"
    )


def render(project: ProjectSpec, more: Mapping[str, str] | None = None) -> dict[PurePosixPath, bytes]:
    """Every text file of the project, by its path; pure and deterministic.

    `more`: files that were made from more than the project's facts, such as a network's C++.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        variable_start_string="{=",
        variable_end_string="=}",
        block_start_string="<%%",
        block_end_string="%%>",
        comment_start_string="<##",
        comment_end_string="##>",
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    backend = backend_named(project.backend)
    names: dict[str, Any] = {
        "name": project.name,
        "NAME": project.name.upper(),
        "version": PROJECT_VERSION,
        "artifact_file": project.artifact.file,
        "labels_file": "labels.txt",
        "asset_files": " ".join(
            f.file for f in (project.artifact, project.artifact.external) if f is not None
        )
        + " labels.txt",
        "weights_detail": project.model.weights.detail,
        **backend.template_names(project),
        **readme.names(project, backend.title),
    }
    tree: dict[PurePosixPath, bytes] = {}
    for layer in ("common", *backend.template_layers(project)):
        root = templates_root() / layer
        for file in sorted(p for p in root.rglob("*") if p.is_file()):
            if (root / VARIANTS) in file.parents:
                continue
            relative = file.relative_to(root).as_posix().replace("__name__", project.name)
            text = environment.from_string(file.read_text(encoding="utf-8")).render(names)
            tree[PurePosixPath(relative)] = text.encode()

    generated = {
        f"include/{project.name}/model_info.hpp": cpp.model_info_header(project.name, project.model),
        "src/artifact_info.hpp": cpp.artifact_info_header(project),
        "tests/golden_cases.hpp": cpp.golden_cases_header(project.name, project.goldens),
        "tests/cases.cmake": cpp.cases_cmake(project.name, project.goldens),
        "assets/labels.txt": cpp.labels_text(project.model),
    }
    generated |= backend.generated_files(project) | dict(more or {})
    tree.update({PurePosixPath(path): text.encode() for path, text in generated.items()})
    return tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """gencpp.json, read back."""

    project: ProjectSpec
    files: dict[str, str]
    """sha256 of every generated file and asset, by its path."""


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a project; raises UsageError when the folder is not one."""
    file = folder / MANIFEST
    if not folder.exists():
        raise UsageError(f"{folder} does not exist", hint="Make it with: gencpp new --model SOURCE OUT")
    if not file.is_file():
        raise UsageError(
            f"{folder} is not a gencpp project: it has no {MANIFEST}",
            hint="Name the folder that `gencpp new` wrote.",
        )
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        schema = data["schema"]
        if schema != SCHEMA:
            raise UsageError(
                f"{file} has schema {schema}, this gencpp reads schema {SCHEMA}",
                hint="Generate the project anew, or use the gencpp that made it.",
            )
        return Manifest(project=ProjectSpec.from_json(data["project"]), files=dict(data["files"]))
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise UsageError(
            f"{file} is damaged: {type(e).__name__}: {e}",
            hint="Restore it, or delete the folder and generate the project anew.",
        ) from None


def edited_files(folder: Path, manifest: Manifest) -> tuple[str, ...]:
    """Generated files that differ from the manifest or are gone, in order."""
    return tuple(
        path
        for path, digest in sorted(manifest.files.items())
        if not (folder / path).is_file() or sha256_file(folder / path) != digest
    )


def sha256_file(file: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_target(out: Path, *, force: bool) -> None:
    """Raises UsageError unless `out` may be written: absent, empty, or an unedited project of ours."""
    if not os.path.lexists(out):
        return
    if not out.is_dir():
        raise UsageError(f"{out} exists and is not a folder", hint="Choose another OUT.")
    if not any(out.iterdir()):
        return
    if not (out / MANIFEST).is_file():
        raise UsageError(
            f"{out} is not empty and was not written by gencpp",
            hint="Choose another OUT, or empty the folder yourself: gencpp does not overwrite it.",
        )
    edited = edited_files(out, read_manifest(out))
    if edited and not force:
        shown = "\n".join(f"  {path}" for path in edited[:20])
        more = f"\n  and {len(edited) - 20} more" if len(edited) > 20 else ""
        raise UsageError(
            f"{out} has files that were edited since they were generated:\n{shown}{more}",
            hint="Keep them by choosing another OUT, or give --force to overwrite them.",
        )


@contextlib.contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turns what the file system refuses into one clear error."""
    try:
        yield
    except OSError as e:
        if e.errno == errno.ENOSPC:
            raise EnvironmentLacks(
                f"the disk that holds {folder} is full", hint="Free space, or choose OUT elsewhere."
            ) from None
        if e.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.EBUSY, errno.EDQUOT):
            raise EnvironmentLacks(
                f"cannot write {e.filename or folder}: {e.strerror}",
                hint="Choose an OUT that you may write to.",
            ) from None
        raise


@contextlib.contextmanager
def staging_folder(out: Path) -> Iterator[Path]:
    """A folder beside `out` to build the project in; removed when the block ends, however it ends."""
    made = _missing_parents(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{out.name}.gencpp-", dir=out.parent))
        staging.chmod(0o777 & ~_umask())  # mkdtemp's 0700 would become the project's
    except OSError as e:
        _remove_empty(made)
        raise EnvironmentLacks(
            f"cannot make a folder in {out.parent}: {e.strerror}", hint="Choose an OUT that you may write to."
        ) from None
    with disk_errors(out):
        try:
            yield staging
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            _remove_empty(made)
            raise
        shutil.rmtree(staging, ignore_errors=True)


def commit(staging: Path, out: Path, project: ProjectSpec, more: Mapping[str, str] | None = None) -> None:
    """Renders into `staging` (which holds assets/), writes the manifest, and renames it to `out`.

    Files in an existing `out` that are not generated ones are kept.
    """
    with disk_errors(out):
        for path, data in render(project, more).items():
            target = staging / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        files = {
            p.relative_to(staging).as_posix(): sha256_file(p)
            for p in sorted(staging.rglob("*"))
            if p.is_file()
        }
        manifest = {"schema": SCHEMA, "project": project.to_json(), "files": files}
        (staging / MANIFEST).write_text(
            json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        _replace(staging, out)


def _replace(staging: Path, out: Path) -> None:
    if not os.path.lexists(out):
        staging.rename(out)
        return
    old_files = set(read_manifest(out).files) | {MANIFEST} if (out / MANIFEST).is_file() else set()
    previous = Path(tempfile.mkdtemp(prefix=f".{out.name}.gencpp-old-", dir=out.parent))
    previous.rmdir()
    out.rename(previous)
    try:
        staging.rename(out)
    except BaseException:
        previous.rename(out)
        raise
    _keep_others(previous, out, old_files)
    shutil.rmtree(previous, ignore_errors=True)


def _keep_others(previous: Path, out: Path, old_files: set[str]) -> None:
    """Moves what gencpp did not write from `previous` to `out`; leftovers of builds included."""
    for name in _LEFTOVERS:
        if os.path.lexists(previous / name):
            (previous / name).rename(out / name)
    for file in sorted(p for p in previous.rglob("*") if p.is_symlink() or not p.is_dir()):
        relative = file.relative_to(previous)
        if relative.as_posix() in old_files or os.path.lexists(out / relative):
            continue
        (out / relative).parent.mkdir(parents=True, exist_ok=True)
        file.rename(out / relative)


def _missing_parents(out: Path) -> list[Path]:
    """The folders that would have to be made for `out`, innermost first."""
    return [p for p in out.parents if not p.exists()]


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
