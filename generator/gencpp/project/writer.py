"""The one writer of project folders.

A new folder is written aside, in `.NAME.gencpp-new` beside it, and renamed. An existing one is updated in
place by the journal: what gencpp did not write is never moved, unless it lies where a generated file has to
be and `--force` was given, and then a copy is kept.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..core.errors import EnvironmentLacks, GencppError, UsageError
from ..core.files import disk_errors, sha256_file
from ..core.names import BASE
from ..core.progress import Progress, notice, silent
from ..core.spec import ProjectSpec
from . import journal
from .base import packed
from .changes import EDITED, FOREIGN, REMOVED, compare
from .journal import Kept
from .lock import LOCK, locked
from .manifest import (
    JOURNAL,
    MANIFEST,
    OWN_FOLDER,
    Manifest,
    edited_files,
    manifest_is_gone,
    manifest_text,
    read_manifest,
)
from .paths import Kind, kind_of
from .steps import reached

_TREE = "tree"
_JOURNAL = PurePosixPath(JOURNAL).name
_SHOWN = 20
"""Paths that a message names."""


@dataclass
class Writing:
    """A project in the making: its assets go into `tree`/assets, then `commit` makes it `out`."""

    out: Path
    tree: Path
    force: bool
    progress: Progress
    there: Manifest | None
    """The project that `out` is now."""
    made: tuple[int, int] | None
    """Which folder `tree` is: another one of its name is not it."""

    def commit(self, project: ProjectSpec, texts: Mapping[PurePosixPath, bytes]) -> Kept:
        """Puts the project into its place, with the files of `render`; tells which files were kept as copies.

        Raises UsageError, and leaves `out` as it is, when something of the user's would be lost.
        """
        with disk_errors(self.out):
            if _identity(self.tree) != self.made:
                raise _gone(self.out)
            files = _complete(self.tree, project, texts)
            reached("staged")
            if self.there is None and not os.path.lexists(self.out):
                _rename(self.tree, self.out)
                return Kept()
            if not self.tree.is_relative_to(self.out):
                raise _appeared(self.out)
            now = read_manifest(self.out) if kind_of(self.out / MANIFEST) is not Kind.absent else None
            found = compare(self.out, files, now)
            if found.blocked:
                told = _listed({path: f"{path} ({why})" for path, why in found.blocked.items()})
                raise UsageError(
                    f"{self.out} has something where the project needs files and folders:\n{told}",
                    hint="Move it out of the way, or choose another OUT.",
                )
            if found.lost and not self.force:
                # Whatever gencpp wrote was unedited when this command began.
                since = {p: f"{w} while this command ran" for p, w in found.lost.items() if w != FOREIGN}
                raise _would_lose(self.out, found.lost | since)
            return journal.apply(self.out, self.tree, found.changes, force=self.force, progress=self.progress)


@contextlib.contextmanager
def writing(out: Path, *, force: bool = False, progress: Progress = silent) -> Iterator[Writing]:
    """Takes `out` for this command alone, and checks that it may be written, before anything is made.

    Raises UsageError unless `out` is absent, empty, or a project of ours that is unedited (or `force`).
    Whatever an interrupted command left is mended or removed first. When the block ends, however it ends,
    nothing is left beside the project.
    """
    with disk_errors(out), contextlib.ExitStack() as stack:
        existing = os.path.lexists(out)
        if existing:
            _refuse_foreign(out)
        aside = out.parent / f".{out.name}.gencpp-new"
        if existing and kind_of(aside) is not Kind.absent:
            _remove_stale(aside, out)
        _tell_of_older(out, progress)
        if not existing:
            stack.callback(_remove_empty, _make_parents(out), unless=out)
            _refuse_others(aside)
        own = out / OWN_FOLDER if existing else aside
        try:
            stack.enter_context(locked(own, out))
        except OSError as e:
            raise EnvironmentLacks(
                f"cannot make a folder in {own.parent}: {e.strerror}",
                hint="Choose an OUT that you may write to.",
            ) from None
        if existing != os.path.lexists(out):
            raise _appeared(out)
        if existing:
            _mend(out, progress)
        tree = own / _TREE
        _remove(tree)
        there = _check(out, force) if existing else None
        stack.callback(_remove, tree)
        tree.mkdir()
        made, mine = _identity(tree), _identity(own)
        try:
            yield Writing(out=out, tree=tree, force=force, progress=progress, there=there, made=made)
        except (GencppError, OSError):
            if existing and _identity(own) != mine:  # whatever could not be written, this is why
                raise _gone(out) from None
            raise


def mend(out: Path, progress: Progress = silent) -> None:
    """Takes back or finishes what an interrupted command left half-written in `out`, and says so.

    For every command that reads a project; raises UsageError while another command writes it.
    """
    own = out / OWN_FOLDER
    if kind_of(own) is not Kind.other or not any(os.path.lexists(own / n) for n in (_JOURNAL, _TREE, LOCK)):
        return
    half = os.path.lexists(own / _JOURNAL)
    with disk_errors(out), contextlib.suppress(*([] if half else [UsageError])), locked(own, out):
        _mend(out, progress)
        _remove(own / _TREE)


def _check(out: Path, force: bool) -> Manifest | None:
    """The manifest of the project that is there; raises UsageError when it was edited."""
    _refuse_foreign(out)
    if kind_of(out / MANIFEST) is Kind.absent:
        return None
    manifest = read_manifest(out)
    edited = {} if force else dict.fromkeys(edited_files(out, manifest), EDITED)
    gone = dict.fromkeys((path for path in edited if not os.path.lexists(out / path)), REMOVED)
    if edited:
        raise _would_lose(out, edited | gone)
    return manifest


def _refuse_foreign(out: Path) -> None:
    if not out.is_dir():
        raise UsageError(f"{out} exists and is not a folder", hint="Choose another OUT.")
    own = kind_of(out / OWN_FOLDER)
    if own is not Kind.absent and (own is not Kind.other or not (out / OWN_FOLDER).is_dir()):
        raise UsageError(
            f"{out / OWN_FOLDER} is not a folder; gencpp keeps its records there",
            hint="Move it out of the way, or choose another OUT.",
        )
    interrupted = kind_of(out / JOURNAL) is not Kind.absent
    others = any(entry.name != OWN_FOLDER for entry in out.iterdir())
    if others and not interrupted and kind_of(out / MANIFEST) is Kind.absent:
        if kind_of(out / BASE) is Kind.file:
            raise manifest_is_gone(out)
        raise UsageError(
            f"{out} is not empty and was not written by gencpp",
            hint="Choose another OUT, or empty the folder yourself: gencpp does not overwrite it.",
        )


def _would_lose(out: Path, lost: Mapping[str, str]) -> UsageError:
    told = _listed({path: f"{path} ({why})" for path, why in lost.items()})
    return UsageError(
        f"{out} has work of yours that would be lost:\n{told}",
        hint="Choose another OUT; or give --force: the project is written, and copies of these\n"
        f"files are kept in OUT/{OWN_FOLDER}.",
    )


def _listed(lines: Mapping[str, str]) -> str:
    shown = [f"  {lines[path]}" for path in sorted(lines)[:_SHOWN]]
    more = [f"  and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n".join([*shown, *more])


def _complete(tree: Path, project: ProjectSpec, texts: Mapping[PurePosixPath, bytes]) -> dict[str, str]:
    """Adds the text files and the manifest to the assets in `tree`; sha256 of every file, by its path."""
    for path, data in texts.items():
        target = tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    (tree / BASE).parent.mkdir(exist_ok=True)
    (tree / BASE).write_bytes(packed(texts))
    files = {
        p.relative_to(tree).as_posix(): sha256_file(p)
        for p in sorted(tree.rglob("*"))
        if kind_of(p) is Kind.file
    }
    (tree / MANIFEST).write_bytes(manifest_text(project, files).encode())
    return {**files, MANIFEST: sha256_file(tree / MANIFEST)}


def _rename(tree: Path, out: Path) -> None:
    """`tree` becomes `out`; raises UsageError when somebody made `out` meanwhile."""
    try:
        # mkdir fails where anything is, and a rename onto this folder fails unless it is still empty.
        out.mkdir()
        if os.name == "nt":  # there a rename replaces nothing, not even an empty folder
            out.rmdir()
        tree.rename(out)
    except (FileExistsError, OSError) as e:
        if not isinstance(e, FileExistsError) and not (out.is_dir() and any(out.iterdir())):
            raise
        raise _appeared(out) from None


def _identity(folder: Path) -> tuple[int, int] | None:
    """None where there is no folder."""
    try:
        facts = folder.lstat()
    except OSError:
        return None
    return (facts.st_dev, facts.st_ino) if stat.S_ISDIR(facts.st_mode) else None


def _gone(out: Path) -> UsageError:
    return UsageError(
        f"{out} was removed or renamed while this command ran; nothing was written",
        hint="Run the command again.",
    )


def _appeared(out: Path) -> UsageError:
    return UsageError(
        f"{out} was made by somebody else while this command ran; nothing was written",
        hint="Choose another OUT, or run the command again.",
    )


def _mend(out: Path, progress: Progress) -> None:
    found = journal.recover(out)
    if found is None:
        return
    finished, kept = found
    ended = "it is finished now" if finished else "what it had changed was taken back"
    told = f"{out}: a gencpp command was interrupted while it wrote; {ended}"
    if kept.paths:
        told += f"; files of yours that were in the way are {journal.described(out, kept)}"
    notice(progress, told)


def _refuse_others(own: Path) -> None:
    """A folder of this name that is not ours is left alone."""
    kind = kind_of(own)
    if kind is Kind.absent or own.name == OWN_FOLDER:
        return
    if kind is not Kind.other or not own.is_dir() or {p.name for p in own.iterdir()} - {LOCK, _TREE}:
        raise UsageError(f"{own} is in the way, and not of gencpp", hint="Move it, or choose another OUT.")


def _remove_stale(aside: Path, out: Path) -> None:
    """What a killed command left beside a folder that somebody made since."""
    with contextlib.suppress(UsageError), locked(_ours(aside), out):
        _remove(aside / _TREE)


def _ours(aside: Path) -> Path:
    _refuse_others(aside)
    return aside


def _tell_of_older(out: Path, progress: Progress) -> None:
    """Folders of gencpp 0.1, which had no locks: nobody can know that they are not in use."""
    for folder in sorted(out.parent.glob(f".{_literal(out.name)}.gencpp-*")) if out.parent.is_dir() else []:
        if folder.name.startswith(f".{out.name}.gencpp-old-"):
            told = f"has files of yours: an older gencpp was killed while it replaced {out}"
            notice(progress, f"{folder} {told}")
        elif folder.name != f".{out.name}.gencpp-new":
            notice(progress, f"{folder} was left by an older gencpp that was killed; it may be deleted")


def _literal(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _remove(tree: Path) -> None:
    if kind_of(tree) is Kind.other:
        shutil.rmtree(tree, ignore_errors=True)


def _make_parents(out: Path) -> list[Path]:
    missing = [p for p in out.parents if not p.exists()]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        _remove_empty(missing)
        if isinstance(e, NotADirectoryError | FileExistsError):
            file = next((p for p in out.parents if os.path.lexists(p) and not p.is_dir()), out.parent)
            raise UsageError(f"{out}: {file} is no folder", hint="Choose an OUT below a folder.") from None
        raise EnvironmentLacks(
            f"cannot make a folder in {out.parent}: {e.strerror}", hint="Choose an OUT that you may write to."
        ) from None
    return missing


def _remove_empty(folders: list[Path], unless: Path | None = None) -> None:
    for folder in folders if unless is None or not os.path.lexists(unless) else []:
        with contextlib.suppress(OSError):
            folder.rmdir()
