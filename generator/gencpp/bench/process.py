"""One measured process: its answer, when it first spoke, and the most memory it held."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import EnvironmentLacks

_LAUNCHER = Path(__file__).with_name("launcher.py")

_PACKAGE = Path(__file__).resolve().parents[2]

_POOLS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A process that ended."""

    code: int
    """124: it ran out of time."""
    output: str
    errors: str
    first_output_s: float | None = None
    """From its start to the first byte on its standard output; None where there was none."""
    peak_bytes: int | None = None
    """The most that was resident; None when it did not end by itself."""

    def problem(self) -> str:
        """The last line that it said, for people."""
        lines = (self.errors.strip() or self.output.strip()).splitlines()
        return lines[-1] if lines else f"exit code {self.code}"


def spawn(
    argv: Sequence[str], env: Mapping[str, str], *, timeout: float, processors: Sequence[int] = ()
) -> Ran:
    """Runs a program, by its path, without a shell or standard input, on `processors` if any are named."""
    if os.name == "nt":
        raise EnvironmentLacks("gencpp bench does not run on Windows", hint="Use Linux, or WSL.")
    report, writing = os.pipe()
    where = ",".join(map(str, processors)) or "all"
    launch = [sys.executable, "-I", "-S", str(_LAUNCHER), str(writing), where, *argv]
    with tempfile.TemporaryFile() as errors, open(report, "rb") as told:  # noqa: PTH123 - a descriptor
        try:
            process = subprocess.Popen(
                launch,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=dict(env),
                pass_fds=(writing,),
                start_new_session=True,  # so that what the launcher started ends with it
            )
        finally:
            os.close(writing)
        output, first, expired = _read(process, timeout)
        facts = told.read().split()
        errors.seek(0)
        said = errors.read().decode(errors="replace")
    if expired:
        return Ran(code=124, output=output, errors=f"{said}\nstopped after {timeout:.0f} s")
    if len(facts) != 3:  # it did not even start
        return Ran(code=127, output=output, errors=said)
    begin, code, peak = float(facts[0]), int(facts[1]), int(facts[2])
    return Ran(
        code=code,
        output=output,
        errors=said,
        first_output_s=None if first is None else first - begin,
        peak_bytes=peak * (1 if sys.platform == "darwin" else 1024),
    )


def _read(process: subprocess.Popen[bytes], timeout: float) -> tuple[str, float | None, bool]:
    """Standard output, when its first byte came, and whether the time was up."""
    assert process.stdout is not None
    expired = threading.Event()

    def stop() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    def expire() -> None:
        expired.set()
        stop()

    timer = threading.Timer(timeout, expire)
    timer.start()
    try:
        chunk = os.read(process.stdout.fileno(), 1 << 16)
        first = time.monotonic() if chunk else None
        output = chunk + process.stdout.read()
        process.wait()
    except BaseException:
        stop()
        process.wait()
        raise
    finally:
        timer.cancel()
        process.stdout.close()
    return output.decode(errors="replace"), first, expired.is_set()


def environment(threads: int, path: Sequence[str] = (), without: Sequence[str] = ()) -> dict[str, str]:
    """This process's, with thread pools of `threads` and gencpp and `path` on Python's import path."""
    folders = [str(_PACKAGE), *path, *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {k: v for k, v in os.environ.items() if k not in without}
    return {**env, **dict.fromkeys(_POOLS, str(threads)), "PYTHONPATH": os.pathsep.join(folders)}
