"""The programs that building needs: found, named with their version, and run."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .errors import EnvironmentLacks


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """Absolute paths of the programs."""

    cmake: Path
    ctest: Path
    ninja: Path
    compiler: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A program that ran: its exit code (124: it ran out of time), its output, how long it took."""

    argv: tuple[str, ...]
    code: int
    output: str
    seconds: float


def find_toolchain() -> Toolchain:
    """Every program, or one EnvironmentLacks that lists all that are missing with their remedy."""
    cmake, ctest = find_program("cmake"), find_program("ctest")
    ninja, compiler = find_program("ninja"), find_compiler()
    missing = []
    if cmake is None or ctest is None:
        missing.append("cmake (pip install cmake)")
    if ninja is None:
        missing.append("ninja (pip install ninja)")
    if compiler is None:
        missing.append(
            "a C++ compiler (Debian, Ubuntu: apt install g++; Fedora: dnf install gcc-c++; macOS: "
            "xcode-select --install), or CXX pointing to one"
        )
    if cmake is None or ctest is None or ninja is None or compiler is None:
        raise EnvironmentLacks(
            "this machine lacks " + " and ".join(missing), hint="Then run the same command again."
        )
    return Toolchain(cmake=cmake, ctest=ctest, ninja=ninja, compiler=compiler)


def find_program(name: str) -> Path | None:
    """cmake, ctest or ninja: from its Python package (no activated environment needed), else the PATH."""
    package = {"cmake": "cmake", "ctest": "cmake", "ninja": "ninja"}[name]
    suffix = ".exe" if os.name == "nt" else ""
    candidates = [Path(sys.executable).parent / f"{name}{suffix}"]
    spec = importlib.util.find_spec(package)
    for location in (spec.submodule_search_locations or []) if spec else []:
        candidates.append(Path(location) / "data" / "bin" / f"{name}{suffix}")
    for candidate in candidates:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    found = shutil.which(name)
    return Path(found) if found else None


def find_compiler() -> Path | None:
    """The C++ compiler that CMake would take: CXX, else the usual names on the PATH."""
    chosen = os.environ.get("CXX")
    names = [chosen] if chosen else ["c++", "g++", "clang++", *(["cl"] if os.name == "nt" else [])]
    for name in names:
        if found := shutil.which(name):
            return Path(found)
    return None


def first_line(argv: list[str]) -> str:
    """The first line that a program prints, such as its version; empty when it cannot run."""
    try:
        finished = run(argv, timeout=60)
    except OSError:
        return ""
    lines = finished.output.strip().splitlines()
    return lines[0] if finished.code == 0 and lines else ""


def run(
    argv: list[str],
    *,
    timeout: float,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    told: Callable[[str], None] | None = None,
) -> Finished:
    """Runs a program without a shell or standard input; its two output streams come as one text.

    `told` gets each line of it, less its end, when it is printed. After `timeout` seconds, or when this is
    interrupted, it is ended with all that it started.
    """
    begin = time.monotonic()
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=env,
        cwd=cwd,
        text=True,
        errors="replace",
        process_group=0,  # so that what it starts can be ended with it
    )
    assert process.stdout is not None
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    # A thread of its own: what left the group may hold the pipe open for longer than the program lives.
    threading.Thread(target=_pass_on, args=(process.stdout, lines), daemon=True).start()
    output: list[str] = []
    try:
        while True:
            if (left := begin + timeout - time.monotonic()) <= 0:
                raise subprocess.TimeoutExpired(argv, timeout)
            try:
                line = lines.get(timeout=min(left, 1.0))
            except queue.Empty:
                if process.poll() is not None:  # what it left behind still has the pipe
                    break
                continue
            if line is None:
                break
            output.append(line)
            if told is not None:
                told(line.rstrip("\n"))
        code = process.wait(timeout=max(0.0, begin + timeout - time.monotonic()))
    except subprocess.TimeoutExpired:
        _end(process)
        output += _rest(lines)
        output.append(f"\n[stopped after {timeout:.0f} s]\n")
        code = 124
    except BaseException:
        _end(process)
        raise
    return Finished(argv=tuple(argv), code=code, output="".join(output), seconds=time.monotonic() - begin)


def _end(process: subprocess.Popen[str]) -> None:
    """Ends a program with what it started: a build's compilers, for example."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _rest(lines: queue.SimpleQueue[str | None]) -> list[str]:
    """What a program printed before it was ended; of what it left behind no more than a second's."""
    end, found = time.monotonic() + 1.0, []
    with contextlib.suppress(queue.Empty):
        while (line := lines.get(timeout=max(0.0, end - time.monotonic()))) is not None:
            found.append(line)
    return found


def _pass_on(stream: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(None)
