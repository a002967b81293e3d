"""Facts of a file that a project ships: its size and its hashes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .checksum import fletcher4
from .spec import FileFacts

_HEAD_TAIL = 64 * 1024


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


def file_facts(path: Path) -> FileFacts:
    """The facts of a file, by its name without folders."""
    sha256, head_tail, size = hashes(path)
    return FileFacts(
        file=path.name, size=size, sha256=sha256, head_tail_sha256=head_tail, fletcher4=fletcher4(path)
    )
