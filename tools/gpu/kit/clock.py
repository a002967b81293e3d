"""The time that is left, and programs that are run within it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LOG_BYTES = 12 << 20
"""Of one part: what comes back from such a machine is limited."""

_OUTPUT = 256 << 10
"""Of one program's output, its end is kept."""


class Skipped(Exception):
    """Something that cannot be done here; the text says why."""


class NoTime(Skipped):
    """The part's time is over: what it has not done is skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A program that ended, or was ended."""

    argv: tuple[str, ...]
    code: int
    """124: it ran out of time; 127: it did not start."""
    output: str
    seconds: float

    def problem(self) -> str:
        """Why it failed, for people: CMake's reason or a compiler's first error, else what it said last."""
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        for pattern in (r"Reason given by package:", r"\berror:"):
            if found := next((x for x in lines if re.search(pattern, x)), ""):
                return found
        if errors := [i for i, x in enumerate(lines) if x.startswith("CMake Error")]:
            return " ".join(lines[errors[0] : errors[0] + 2])
        return lines[-1] if lines else f"exit code {self.code}"


@dataclass
class Log:
    """What the programs of one part printed; the oldest goes when it grows too large."""

    file: Path
    texts: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, text: str) -> None:
        """Appends, and writes the file."""
        with self.lock:
            self.texts.append(text if text.endswith("\n") else text + "\n")
            while sum(map(len, self.texts)) > LOG_BYTES and len(self.texts) > 1:
                self.texts.pop(0)
            self.file.write_text("".join(self.texts), encoding="utf-8", errors="replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """When the time of a part is over."""

    deadline: float
    """Of time.monotonic()."""

    @classmethod
    def of(cls, seconds: float) -> Clock:
        """From now on."""
        return cls(deadline=time.monotonic() + seconds)

    def left(self) -> float:
        """Seconds; not below 0."""
        return max(0.0, self.deadline - time.monotonic())

    def share(self, part: float) -> Clock:
        """A part of what is left."""
        return Clock.of(self.left() * part)

    def need(self, seconds: float, what: str) -> None:
        """Raises NoTime where less is left."""
        if self.left() < seconds:
            raise NoTime(f"no time left for {what}")

    def run(
        self,
        argv: Sequence[str | Path],
        log: Log | None = None,
        *,
        limit: float = 600.0,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Ran:
        """Runs a program with all that it starts, for at most `limit` seconds and not beyond the part's time.

        Raises NoTime where that is over, before it started or while it ran.
        """
        texts = [str(a) for a in argv]
        allowed = min(limit, self.left())
        begin = time.monotonic()
        if allowed <= 0:
            raise NoTime(f"no time left for {Path(texts[0]).name}")
        try:
            process = subprocess.Popen(
                texts,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,  # compilers and the like end with it
            )
        except OSError as e:
            return Ran(argv=tuple(texts), code=127, output=f"{texts[0]}: {e.strerror or e}", seconds=0.0)
        try:
            output, _ = process.communicate(timeout=allowed)
            code = process.returncode
        except subprocess.TimeoutExpired:
            _end(process)
            output = f"{process.communicate()[0]}\n[stopped after {allowed:.0f} s]\n"
            code = 124
        except BaseException:
            _end(process)
            raise
        ran = Ran(argv=tuple(texts), code=code, output=output[-_OUTPUT:], seconds=time.monotonic() - begin)
        if log is not None:
            log.add(f"$ {' '.join(texts)}\n{ran.output.rstrip()}\n[exit code {code}, {ran.seconds:.1f} s]\n")
        if code == 124 and self.left() <= 0:
            raise NoTime(f"{Path(texts[0]).name} was stopped after {ran.seconds:.0f} s: the time was over")
        return ran


def _end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
