"""Files that a project ships: their hashes, and what the system says where one cannot be written."""

from __future__ import annotations

import contextlib
import errno
import hashlib
from collections.abc import Iterator
from pathlib import Path

from .checksum import fletcher4
from .errors import EnvironmentLacks
from .spec import FileFacts

_HEAD_TAIL = 64 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (
    *(errno.EROFS, errno.EACCES, errno.EPERM, errno.EBUSY, errno.EIO, errno.EFBIG, errno.ENAMETOOLONG),
    *(errno.ENOTDIR, errno.EISDIR),
)


def hashes(path: Path) -> tuple[str, str, int]:
    """(sha256, sha256 of the first and last 64 KiB, size in bytes) of a file."""
    size = path.stat().st_size
    with path.open("rb") as f:
        whole = hashlib.file_digest(f, "sha256").hexdigest()
        if size < 2 * _HEAD_TAIL:
            return whole, whole, size
        f.seek(0)
        head = f.read(_HEAD_TAIL)
        f.seek(size - _HEAD_TAIL)
        return whole, hashlib.sha256(head + f.read(_HEAD_TAIL)).hexdigest(), size


def sha256_file(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def file_facts(path: Path) -> FileFacts:
    """The facts of a file, by its name without folders."""
    sha256, head_tail, size = hashes(path)
    return FileFacts(
        file=path.name, size=size, sha256=sha256, head_tail_sha256=head_tail, fletcher4=fletcher4(path)
    )


@contextlib.contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """What the system refuses while `place`, a file or a folder, is written, as EnvironmentLacks."""
    try:
        yield
    except OSError as e:
        if e.errno in _FULL:
            raise EnvironmentLacks(
                f"the disk that holds {place} is full", hint="Free space, or choose OUT elsewhere."
            ) from None
        if e.errno in _REFUSED:
            raise EnvironmentLacks(
                f"cannot write {e.filename or place}: {e.strerror}",
                hint="Choose an OUT that you may write to.",
            ) from None
        raise


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; a name that the system refuses (too long) is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def is_file(path: Path) -> bool:
    """Whether there is such a file; a name that the system refuses (too long) is none."""
    try:
        return path.is_file()
    except OSError:
        return False
