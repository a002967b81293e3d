"""gencpp.json: what a project is, and the sha256 of every file that gencpp wrote for it."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core import jsonfile
from ..core.errors import UnknownBackend, UsageError
from ..core.names import BASE, check_relative_path
from ..core.spec import ProjectSpec
from ..tasks import TASKS
from .paths import Kind, kind_of, look, regular_file

MANIFEST = "gencpp.json"
SCHEMA = 2
"""Number of its schema; 1 kept the request as texts, without what repeats it."""
OWN_FOLDER = ".gencpp"
"""What gencpp keeps in a project: its texts as they were rendered, the journal of a command that writes, and
copies of what was replaced."""
JOURNAL = f"{OWN_FOLDER}/journal"

_DAMAGED = "Restore it, or delete the folder and generate the project anew."
_DIGITS = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """gencpp.json, read back; every path in it stays inside the project."""

    project: ProjectSpec
    files: dict[str, str]
    """sha256 of every generated file and asset, by its path."""
    edited: bool = False
    """Whether gencpp.json itself is not as it was written."""
    sha256: str = ""
    """Of gencpp.json."""


def manifest_text(project: ProjectSpec, files: Mapping[str, str]) -> str:
    """gencpp.json's text, with a seal by which an edit of it is seen."""
    body = {"schema": SCHEMA, "project": project.to_json(), "files": dict(files)}
    return _text({**body, "seal": _seal(body)})


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a project; raises UsageError when the folder is not one, or half-written."""
    if not folder.exists():
        raise UsageError(f"{folder} does not exist", hint="Make it with: gencpp new --model SOURCE OUT")
    if (folder / JOURNAL).exists():
        raise UsageError(
            f"{folder} is half-written: a gencpp command was interrupted there",
            hint="Any gencpp command on this folder mends it, such as: gencpp verify OUT",
        )
    if kind_of(folder / MANIFEST) is Kind.absent and kind_of(folder / BASE) is Kind.file:
        raise manifest_is_gone(folder)
    if not folder.is_dir() or kind_of(folder / MANIFEST) is Kind.absent:
        raise UsageError(
            f"{folder} is not a gencpp project: it has no {MANIFEST}",
            hint="Name the folder that `gencpp new` wrote.",
        )
    return read_manifest_file(regular_file(folder, MANIFEST))


def manifest_is_gone(folder: Path) -> UsageError:
    """Of a project without its manifest."""
    return UsageError(
        f"{folder} was written by gencpp, and its {MANIFEST} is gone, which says what in it is gencpp's",
        hint=f"Restore {MANIFEST}, or generate the project in another folder.",
    )


def read_manifest_file(file: Path) -> Manifest:
    """The same, of a manifest that may lie anywhere."""
    raw = jsonfile.read_bytes(file, hint=_DAMAGED)
    try:
        data = jsonfile.loads(raw, MANIFEST)
        if not isinstance(data, dict) or "schema" not in data:
            raise UsageError("it has no schema")
    except UsageError as e:
        raise UsageError(f"{file} is damaged: {e.message}", hint=_DAMAGED) from None
    if data["schema"] != SCHEMA:
        raise UsageError(
            f"{file} has schema {str(data['schema'])[:40]}, this gencpp reads schema {SCHEMA}",
            hint=_anew(data, file.parent),
        )
    try:
        if missing := {"project", "files"} - set(data):
            raise UsageError(f"missing fields {sorted(missing)}")
        files = _checked_files(data["files"])
        project = ProjectSpec.from_json(data["project"])
        _check_consistent(project)
    except UnknownBackend as e:
        raise UnknownBackend(f"{file}: {e.message}", hint="Use the gencpp that made it.") from None
    except UsageError as e:
        raise UsageError(f"{file} is damaged: {e.message}", hint=_DAMAGED) from None
    body = {key: value for key, value in data.items() if key != "seal"}
    # Manifests of gencpp 0.1 have no seal: one that is laid out as gencpp does it counts as unedited.
    intact = raw == _text(data).encode() and data.get("seal", _seal(body)) == _seal(body)
    digest = hashlib.sha256(raw).hexdigest()
    return Manifest(project=project, files=files, edited=not intact, sha256=digest)


_SEVERAL = {"input": "--input", "dynamic": "--dynamic"}
_ONCE = (
    *("weights", "seed", "state_dict", "precision", "tensorrt_min", "trt_api", "artifact", "device"),
    *("preprocess", "labels"),
)
"""Options of `gencpp new` by what schema 1 called them."""


def _anew(data: Mapping[str, Any], folder: Path) -> str:
    """The command that makes a project of schema 1 anew, as far as its manifest tells it."""
    project = data.get("project")
    options = project.get("options") if isinstance(project, dict) else None
    if data["schema"] != 1 or project is None or not isinstance(options, dict):
        return "Generate the project anew, or use the gencpp that made it."
    told = {key: value for key, value in options.items() if isinstance(value, str) and value}
    told |= {key: project[key] for key in ("backend", "name") if isinstance(project.get(key), str)}
    if not {"model", "backend", "name"} <= set(told):
        return "Generate the project anew, or use the gencpp that made it."
    argv = [
        "gencpp",
        "new",
        *(word for key in ("model", "backend", "name") for word in (f"--{key}", told[key])),
    ]
    try:
        for key, option in _SEVERAL.items():
            argv += [word for part in shlex.split(told.get(key, "")) for word in (option, part)]
    except ValueError:
        return "Generate the project anew, or use the gencpp that made it."
    for key in _ONCE:
        argv += [f"--{key.replace('_', '-')}", told[key]] if key in told else []
    argv += [f"--{key}" for key in ("tf32", "tune") if key in told]
    # What a file says goes to a terminal: as ASCII, without control characters.
    words = [ascii(word)[1:-1] for word in argv]
    # Elsewhere: this gencpp cannot tell what in `folder` is the user's, and would refuse it.
    out = f"{folder}-new" if folder.name else "OUT"
    return f"Generate it anew, with folders in front of files: {shlex.join([*words, str(out)])}"


def edited_files(folder: Path, manifest: Manifest) -> tuple[str, ...]:
    """Generated files that differ from the manifest or are gone, in order; of those that are the user's."""
    found = [p for p, digest in manifest.files.items() if p != BASE and not _is(folder, p, digest)]
    return tuple(sorted([*found, *([MANIFEST] if manifest.edited else [])]))


def _is(folder: Path, path: str, digest: str) -> bool:
    there = look(folder, path)
    return there.kind is Kind.file and there.sha256 == digest


def _text(data: Mapping[str, Any]) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _seal(body: Mapping[str, Any]) -> str:
    """sha256 of the content, whatever its layout."""
    plain = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(plain.encode()).hexdigest()


def _checked_files(files: Any) -> dict[str, str]:
    if not isinstance(files, dict):
        raise UsageError(f"files: expected an object, found {type(files).__name__}")
    for path, digest in files.items():
        check_relative_path(path, "files")
        if not isinstance(digest, str) or len(digest) != 64 or not set(digest) <= _DIGITS:
            raise UsageError(f"files: {path} has no sha256")
    return dict(files)


def _check_consistent(project: ProjectSpec) -> None:
    """What readers of a project take for granted, where the parts of it are from different files."""
    inputs, outputs = len(project.model.inputs), [t.name for t in project.model.outputs]
    for case in project.goldens.cases:
        if len(case.inputs) != inputs or [o.name for o in case.outputs] != outputs:
            raise UsageError(f"golden {case.name}: its inputs and outputs are not the model's")
        TASKS[project.model.task].check_golden(case)
    if len({case.name for case in project.goldens.cases}) != len(project.goldens.cases):
        raise UsageError("goldens: two cases have one name")
    if not inputs or not outputs:
        raise UsageError("model: it has no inputs or no outputs")
