"""Changes a folder file by file, so that a kill at any moment leaves what `mend` takes back or finishes.

    .gencpp/journal/new/...        the new files, complete before the first change
    .gencpp/journal/journal.json   the changes; it appears by a rename, and so does its `done`
    .gencpp/journal/old/...        what lay in the places of the new files, moved there

For each change the old file is moved aside, looked at again, and the new one linked into the empty place: a
file that somebody wrote meanwhile is never overwritten, because neither call overwrites. Until `done` the
changes are taken back; after it, old files that gencpp wrote are deleted and all others kept as copies.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..core import jsonfile
from ..core.errors import UsageError
from ..core.names import check_relative_path
from ..core.progress import Progress, notice
from ..core.spec import JsonValue
from .changes import Change
from .manifest import JOURNAL, OWN_FOLDER
from .paths import Kind, blocked_by, kind_of, look
from .steps import reached

_FILE, _NEW, _OLD = "journal.json", "new", "old"
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Files of somebody's that had to leave their places."""

    folder: str = ""
    """Relative to the project: `.gencpp/kept-1`."""
    paths: tuple[str, ...] = ()
    """Relative to the project, and below `folder`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record(JsonValue):
    """journal.json."""

    changes: tuple[Change, ...]
    made: tuple[str, ...]
    """Folders that the changes need and that were not there, outermost first."""
    kept: str
    """Name of the folder for copies."""
    done: bool = False

    def __post_init__(self) -> None:
        for path in (*(c.path for c in self.changes), *self.made, self.kept):
            check_relative_path(path, _FILE)


def apply(out: Path, tree: Path, changes: Sequence[Change], *, force: bool, progress: Progress) -> Kept:
    """Makes `changes` in `out` with the files of `tree`, which is consumed; all of them or none.

    Raises UsageError, with everything as it was, when a file is not what was `found`, unless `force`.
    """
    journal = out / JOURNAL
    record = _Record(changes=tuple(changes), made=_missing_folders(out, changes), kept=_free_name(out))
    try:
        journal.mkdir()
        tree.rename(journal / _NEW)
        reached("prepared")
        for change in changes:
            if change.new:
                _sync(journal / _NEW / change.path)
        _write(journal, record)
        reached("recorded")
        for change in changes:
            _move_aside(out, journal, change, force=force)
            reached(f"moved {change.path}")
            if change.new:
                try:
                    _place(journal / _NEW / change.path, out / change.path)
                except FileExistsError:
                    raise _changed(out / change.path) from None
                reached(f"placed {change.path}")
        record = replace(record, done=True)
        _write(journal, record)
    except BaseException:
        written = _read(journal)
        if written is None or not written.done:  # else it was interrupted right after the rename
            kept = _take_back(out, journal, replace(record, done=False))
            if kept.paths:
                notice(progress, f"files that were in the way are {described(out, kept)}")
        raise
    try:
        reached("done")
        return _finish(out, journal, record)
    except KeyboardInterrupt:  # too late: the project is written
        return _finish(out, journal, record)


def described(out: Path, kept: Kept) -> str:
    """Where copies are, and of which files."""
    return f"in {out / kept.folder}: {', '.join(kept.paths)}"


def recover(out: Path) -> tuple[bool, Kept] | None:
    """Takes back or finishes what an interrupted command left in `out`; None when there is nothing.

    Gives whether it was finished, and what was kept.
    """
    journal = out / JOURNAL
    if kind_of(journal) is not Kind.other:
        return None
    record = _read(journal)
    if record is None:  # nothing was changed before the record was there
        return False, _close(out, journal, _Record(changes=(), made=(), kept=_free_name(out)))
    return (True, _finish(out, journal, record)) if record.done else (False, _take_back(out, journal, record))


def _move_aside(out: Path, journal: Path, change: Change, *, force: bool) -> None:
    """Out of the way of the new file, or of the project; and the last look at it."""
    source, old = out / change.path, journal / _OLD / change.path
    changed = bool(blocked_by(out, change.path))
    if not changed and kind_of(source) is not Kind.absent:
        old.parent.mkdir(parents=True, exist_ok=True)
        source.rename(old)
    there = look(journal / _OLD, change.path)
    same = there.sha256 == change.found and (there.kind is Kind.absent) == (change.found == "")
    if changed or not (same or force):
        raise _changed(source)


def _changed(file: Path) -> UsageError:
    return UsageError(
        f"{file} was changed while this command wrote the project; nothing was written",
        hint="Run the command again.",
    )


def _place(source: Path, target: Path) -> None:
    """At a path where nothing is; raises FileExistsError otherwise."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if kind_of(source) is Kind.file:
        try:
            os.link(source, target)
            return
        except OSError as e:
            if e.errno not in _NO_LINKS:
                raise
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    source.rename(target)


def _take_back(out: Path, journal: Path, record: _Record) -> Kept:
    """Every old file back in its place; where somebody wrote meanwhile, that stays, and the old is kept."""
    kept: list[str] = []
    for change in reversed(record.changes):
        target, old = out / change.path, journal / _OLD / change.path
        if change.new and _is_ours(out, journal / _NEW / change.path, change):
            target.unlink()
        if kind_of(old) is Kind.absent:
            continue
        if not blocked_by(out, change.path) and not os.path.lexists(target):
            _place(old, target)
        if kind_of(old) is not Kind.absent and not _is_same(old, target):
            _keep(out, old, record.kept, change.path)
            kept.append(change.path)
    for folder in reversed(record.made):
        with contextlib.suppress(OSError):
            (out / folder).rmdir()
    closed = _close(out, journal, record)
    return Kept(folder=closed.folder or _folder(record, kept), paths=(*kept, *closed.paths))


def _is_ours(out: Path, new: Path, change: Change) -> bool:
    """Whether what lies there is the file that was placed, unchanged."""
    there = look(out, change.path)
    if there.kind is not Kind.file or there.sha256 != change.new:
        return False
    return kind_of(new) is Kind.absent or _is_same(new, out / change.path)


def _is_same(one: Path, other: Path) -> bool:
    """Whether both are names of one file."""
    return os.path.lexists(other) and os.path.samestat(one.lstat(), other.lstat())


def _finish(out: Path, journal: Path, record: _Record) -> Kept:
    kept = [path for path in _left(journal, record) if not _is_generated(journal, record, path)]
    for path in kept:
        _keep(out, journal / _OLD / path, record.kept, path)
        reached(f"kept {path}")
    for change in record.changes:
        if not change.new:
            _remove_empty_above(out, change.path)
    _close(out, journal, record, everything=True)
    already = out / OWN_FOLDER / record.kept
    # An earlier attempt at this may have kept some.
    files = [p for p in already.rglob("*") if kind_of(p) is not Kind.other]
    paths = sorted(p.relative_to(already).as_posix() for p in files)
    return Kept(folder=_folder(record, paths), paths=tuple(paths))


def _left(journal: Path, record: _Record) -> list[str]:
    """Paths whose old file is in the journal."""
    return [c.path for c in record.changes if kind_of(journal / _OLD / c.path) is not Kind.absent]


def _is_generated(journal: Path, record: _Record, path: str) -> bool:
    written = next(c.generated for c in record.changes if c.path == path)
    there = look(journal / _OLD, path)
    return there.kind is Kind.file and there.sha256 == written


def _keep(out: Path, old: Path, name: str, path: str) -> None:
    target = out / OWN_FOLDER / name / path
    target.parent.mkdir(parents=True, exist_ok=True)
    old.rename(target)


def _folder(record: _Record, paths: Sequence[str]) -> str:
    return f"{OWN_FOLDER}/{record.kept}" if paths else ""


def _close(out: Path, journal: Path, record: _Record, *, everything: bool = False) -> Kept:
    """Removes the journal; a file among the old ones that no change accounts for is kept."""
    kept = []
    if not everything:
        known = {change.path for change in record.changes}
        for file in sorted((journal / _OLD).rglob("*")):
            path = file.relative_to(journal / _OLD).as_posix()
            if kind_of(file) is not Kind.other and path not in known:
                _keep(out, file, record.kept, path)
                kept.append(path)
    shutil.rmtree(journal / _NEW, ignore_errors=True)
    shutil.rmtree(journal / _OLD, ignore_errors=True)
    reached("tidied")
    shutil.rmtree(journal)
    return Kept(folder=_folder(record, kept), paths=tuple(kept))


def _remove_empty_above(out: Path, path: str) -> None:
    """Folders that only a removed file was in."""
    for count in range(path.count("/"), 0, -1):
        try:
            (out / "/".join(path.split("/")[:count])).rmdir()
        except OSError:
            return


def _missing_folders(out: Path, changes: Sequence[Change]) -> tuple[str, ...]:
    above = {
        "/".join(change.path.split("/")[:count])
        for change in changes
        if change.new
        for count in range(1, change.path.count("/") + 1)
    }
    return tuple(sorted(path for path in above if kind_of(out / path) is Kind.absent))


def _free_name(out: Path) -> str:
    number = 1
    while os.path.lexists(out / OWN_FOLDER / f"kept-{number}"):
        number += 1
    return f"kept-{number}"


def _write(journal: Path, record: _Record) -> None:
    aside = journal / f"{_FILE}.new"
    with aside.open("w", encoding="utf-8") as stream:
        stream.write(json.dumps(record.to_json(), indent=1) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(journal / _FILE)
    _sync(journal)


def _read(journal: Path) -> _Record | None:
    if kind_of(journal / _FILE) is Kind.absent:
        return None
    hint = f"The folder {journal} is gencpp's record of what it was doing; {_OLD}/ in it has your files."
    return _Record.from_json(jsonfile.read(journal / _FILE, hint=hint))


def _sync(path: Path) -> None:
    """To the disk, so that a power failure finds no record of files that are not there."""
    handle = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some file systems refuse it for folders
            os.fsync(handle)
    finally:
        os.close(handle)
