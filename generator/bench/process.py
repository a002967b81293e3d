"""One measured process: its answer, when it first spoke, and the most memory it held."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[2]

_POOLS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A process that ended."""

    code: int
    """124: it ran out of time."""
    output: str
    errors: str
    first_output_s: float | None
    """From its start to the first byte on its standard output."""
    peak_bytes: int | None
    """The most that was resident; None where the system does not tell it."""

    def problem(self) -> str:
        """The last line that it said, for people."""
        lines = (self.errors.strip() or self.output.strip()).splitlines()
        return lines[-1] if lines else f"exit code {self.code}"


def spawn(argv: Sequence[str], env: Mapping[str, str], *, timeout: float) -> Ran:
    """Runs a program without a shell or standard input."""
    with tempfile.TemporaryFile() as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(
            list(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=dict(env)
        )
        assert process.stdout is not None
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            process.kill()

        timer = threading.Timer(timeout, expire)
        timer.start()
        try:
            chunk = os.read(process.stdout.fileno(), 1 << 16)
            first = time.perf_counter() - begin if chunk else None
            output = chunk + process.stdout.read()
            peak = _wait(process)
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            timer.cancel()
            process.stdout.close()
        errors.seek(0)
        said = errors.read().decode(errors="replace")
    if expired.is_set():
        said += f"\nstopped after {timeout:.0f} s"
    return Ran(
        code=124 if expired.is_set() else process.returncode,
        output=output.decode(errors="replace"),
        errors=said,
        first_output_s=first,
        peak_bytes=peak,
    )


def environment(threads: int, path: Sequence[str] = (), without: Sequence[str] = ()) -> dict[str, str]:
    """This process's, with thread pools of `threads` and gencpp and `path` on Python's import path."""
    folders = [str(_PACKAGE), *path, *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {k: v for k, v in os.environ.items() if k not in without}
    return {**env, **dict.fromkeys(_POOLS, str(threads)), "PYTHONPATH": os.pathsep.join(folders)}


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    if not hasattr(os, "wait4"):
        process.wait()
        return None
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
