"""What the file system refuses, as errors of ours."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from ..errors import EnvironmentLacks

_REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM, errno.EBUSY, errno.EDQUOT)


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
        if e.errno in _REFUSED:
            raise EnvironmentLacks(
                f"cannot write {e.filename or folder}: {e.strerror}",
                hint="Choose an OUT that you may write to.",
            ) from None
        raise
