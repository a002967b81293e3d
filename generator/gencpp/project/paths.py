"""What lies at a path of a project's folder, without ever following a link out of it."""

from __future__ import annotations

import enum
import hashlib
import os
import stat
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ..core import jsonfile
from ..core.errors import UsageError
from ..core.files import sha256_file
from ..core.names import check_relative_path


class Kind(enum.Enum):
    """What a path is, links not followed."""

    absent = "absent"
    file = "file"
    link = "link"
    other = "other"
    """A folder, pipe, socket or device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What lies at a path now."""

    kind: Kind
    sha256: str = ""
    """Of files; of links, of where they point."""
    blocked: str = ""
    """The part above it that is no folder, or a link: nothing of the project is below that."""


def look(folder: Path, path: str) -> Found:
    """What lies at `folder`/`path`. Files are read whole, links and folders never."""
    if above := blocked_by(folder, path):
        return Found(kind=Kind.absent, blocked=above)
    file = folder / path
    kind = kind_of(file)
    if kind is Kind.link:
        target = os.fsencode(file.readlink())
        return Found(kind=kind, sha256=hashlib.sha256(b"link to " + target).hexdigest())
    return Found(kind=kind, sha256=sha256_file(file) if kind is Kind.file else "")


def blocked_by(folder: Path, path: str) -> str:
    """The first part above `folder`/`path` that is there and is no folder, or a link; empty: none is."""
    parts = path.split("/")
    for count in range(1, len(parts)):
        above = "/".join(parts[:count])
        kind = kind_of(folder / above)
        if kind is Kind.absent:
            break
        if kind is not Kind.other or not (folder / above).is_dir():
            return above
    return ""


def kind_of(file: Path) -> Kind:
    """What is there, links not followed."""
    try:
        mode = file.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return Kind.absent
    if stat.S_ISLNK(mode):
        return Kind.link
    return Kind.file if stat.S_ISREG(mode) else Kind.other


def regular_file(folder: Path, path: str, what: str = "the project") -> Path:
    """`folder`/`path`, an existing regular file that is inside `folder` with all links followed.

    For everything that is read because a file of the project names it; raises UsageError.
    """
    check_relative_path(path, what)
    file = folder / path
    try:
        real = file.resolve(strict=True)
        inside = real.is_relative_to(folder.resolve())
        regular = stat.S_ISREG(real.stat().st_mode)
    except FileNotFoundError:
        raise UsageError(f"{file} is missing", hint="Restore it, or generate the project anew.") from None
    except (OSError, RuntimeError) as e:  # RuntimeError: a loop of links, before Python 3.13
        raise UsageError(f"{file} cannot be read: {getattr(e, 'strerror', None) or e}") from None
    if not inside:
        raise UsageError(
            f"{file} is a link to a place outside the project", hint="Put a copy of the file in its place."
        )
    if not regular:
        raise UsageError(f"{file} is not a regular file", hint="Restore it, or generate the project anew.")
    return file


def check_replaceable(file: Path, keys: Collection[str]) -> None:
    """Raises UsageError unless `file` is absent, or JSON with these keys: a report of ours."""
    if kind_of(file) is Kind.absent:
        return
    try:
        data = jsonfile.read(file)
    except UsageError:
        data = None
    if not isinstance(data, dict) or not set(keys) <= set(data):
        raise UsageError(
            f"{file} is in the way: gencpp writes its report there, and did not write this file",
            hint="Move it, and run the command again.",
        )


def replace_text(file: Path, text: str) -> None:
    """Writes `file` by renaming: all or nothing, and never through a link that lies there."""
    handle, aside = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        Path(aside).chmod(0o666 & ~umask())
        Path(aside).replace(file)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def umask() -> int:
    """The process's; there is no call that only reads it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
