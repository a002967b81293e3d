"""What has to change in a folder so that it becomes a new project, and what would be lost by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..core.names import BASE
from ..core.spec import JsonValue
from .manifest import MANIFEST, Manifest
from .paths import Found, Kind, look
from .render import SUBLAYERS, templates_root

EDITED, REMOVED, FOREIGN = "edited", "removed", "not written by gencpp"
"""What happened to a file that would be lost."""

_GENERATED = ("assets", "network.json")
"""What the root of a project has besides the templates' entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(JsonValue):
    """One path that is written, replaced or removed."""

    path: str
    new: str = ""
    """sha256 of what is written; empty: it is removed."""
    found: str = ""
    """sha256 of what lies there; empty: nothing."""
    generated: str = ""
    """sha256 of what gencpp wrote there; whatever else lies there is somebody's work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The changes, and everything that stands in their way."""

    changes: tuple[Change, ...]
    lost: dict[str, str]
    """By its path, what happened to a file that would be lost, or undone."""
    blocked: dict[str, str]
    """By its path, what is in the way of a file or of a folder."""


def compare(out: Path, new: Mapping[str, str], manifest: Manifest | None) -> Comparison:
    """What makes the folder `out`, of the project in `manifest`, have the files `new` (sha256 by path).

    Reads every file at the paths of both. The manifest itself is written last.
    """
    old = dict(manifest.files) if manifest is not None else {}
    if manifest is not None:
        old[MANIFEST] = "" if manifest.edited else manifest.sha256
    changes, lost, blocked = [], {}, {}
    for path in sorted(new, key=lambda p: (p == MANIFEST, p)):
        there = look(out, path)
        if there.blocked:
            blocked[there.blocked] = "a link, or no folder"
        elif there.kind is Kind.other:
            blocked[path] = "no file"
        elif there.sha256 != new[path]:
            generated = old.get(path, "")
            if path != BASE and (why := _lost(there, path in old, generated)):
                lost[path] = why
            changes.append(Change(path=path, new=new[path], found=there.sha256, generated=generated))
    ours = _entries()
    for path in sorted(set(old) - set(new)):
        there = look(out, path)
        if path.split("/")[0] not in ours or there.kind in (Kind.absent, Kind.other):
            continue  # what a manifest claims elsewhere, gencpp did not write
        if why := _lost(there, True, old[path]):
            lost[path] = why
        changes.append(Change(path=path, found=there.sha256, generated=old[path]))
    return Comparison(changes=tuple(changes), lost=lost, blocked=blocked)


def _lost(there: Found, written: bool, generated: str) -> str:
    if there.kind is Kind.absent:
        return REMOVED if written else ""
    if there.kind is Kind.file and there.sha256 == generated:
        return ""
    return EDITED if written else FOREIGN


def _entries() -> frozenset[str]:
    """Names in a project's root that gencpp writes."""
    root = templates_root()
    layers = [
        f for f in (*root.iterdir(), *root.glob("tasks/*"), *root.glob(f"*/{SUBLAYERS}/*")) if f.is_dir()
    ]
    return frozenset([*(entry.name for layer in layers for entry in layer.iterdir()), *_GENERATED])
