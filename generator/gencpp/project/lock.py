"""One command at a time writes a folder. The system lets a lock go when its process ends, however it ends."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import EnvironmentLacks, UsageError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = "lock"
_TRIES = 100


@contextlib.contextmanager
def locked(folder: Path, what: Path) -> Iterator[None]:
    """Holds `folder`/lock, making `folder` where it has to; an empty one is gone afterwards.

    Raises UsageError when another command holds it: `what` is what both of them would write.
    """
    handle = _open(folder, what)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            (folder / LOCK).unlink()  # while it is held: whoever opened it meanwhile sees that it is gone
        os.close(handle)
        with contextlib.suppress(OSError):
            folder.rmdir()


def _open(folder: Path, what: Path) -> int:
    for _ in range(_TRIES):
        # exist_ok takes a link to a folder, too; the callers have refused those.
        folder.mkdir(exist_ok=True)
        try:
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            handle = os.open(folder / LOCK, flags, 0o644)
        except FileNotFoundError:  # its holder ended between the two calls, and took the folder away
            continue
        try:
            _take(handle, folder, what)
            if _is_at(handle, folder / LOCK):
                os.ftruncate(handle, 0)
                os.write(handle, str(os.getpid()).encode())
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
    raise _held(folder, what)


def _take(handle: int, folder: Path, what: Path) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _held(folder, what) from None
    except OSError as e:
        raise EnvironmentLacks(
            f"{folder}: this file system has no locks ({e.strerror})", hint="Choose OUT on another one."
        ) from None


def _held(folder: Path, what: Path) -> UsageError:
    process = ""
    with contextlib.suppress(OSError, ValueError):
        process = f" (process {int((folder / LOCK).read_text()[:20])})"
    return UsageError(
        f"another gencpp command{process} is writing {what}",
        hint="Wait until it ends, or choose another OUT.",
    )


def _is_at(handle: int, file: Path) -> bool:
    """Whether the file that was opened is the one at this path now."""
    with contextlib.suppress(OSError):
        return os.path.samestat(os.fstat(handle), file.stat())
    return False
