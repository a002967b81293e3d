"""The text files of a project as gencpp rendered them, kept beside what the user makes of them.

A later gencpp needs them to tell the user's changes from its own. They are proven by the manifest: its sha256
of a file is that of the text here.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ..core.errors import UsageError
from ..core.names import BASE
from .manifest import Manifest
from .paths import Kind, look

_DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest that the format holds: a project has no dates."""
_LARGEST = 64 << 20
"""Bytes of all texts: the largest network as C++ has some 10 MB."""


def packed(texts: Mapping[PurePosixPath, bytes]) -> bytes:
    """The archive of `texts`; equal texts give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, data in sorted(texts.items()):
            entry = zipfile.ZipInfo(str(path), _DATE)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def read_base(folder: Path, manifest: Manifest) -> dict[str, bytes]:
    """Every text by its path, as it was rendered; raises UsageError where one is not the manifest's."""
    if look(folder, BASE).kind is not Kind.file:
        raise UsageError(
            f"{folder} has no {BASE}: it was removed, or never committed",
            hint="Restore it, or generate the project anew.",
        )
    found: dict[str, bytes] = {}
    left = _LARGEST
    try:
        with zipfile.ZipFile(folder / BASE) as archive:
            for entry in archive.infolist():
                wanted = manifest.files.get(entry.filename)
                left -= entry.file_size
                known = wanted is not None and entry.filename not in found
                if not known or left < 0 or entry.compress_type != zipfile.ZIP_DEFLATED:
                    raise UsageError(f"{folder / BASE}: {ascii(entry.filename)[:100]} is not of this project")
                data = archive.read(entry)
                if hashlib.sha256(data).hexdigest() != wanted:
                    raise UsageError(f"{folder / BASE}: {entry.filename} is not as it was written")
                found[entry.filename] = data
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as e:
        raise UsageError(f"{folder / BASE} cannot be read: {e}") from None
    return found
