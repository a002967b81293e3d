"""What verify shows: progress in a pipe and on a terminal, and each reason once."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading

import pytest

from gencpp.cli.show import progressing
from gencpp.cli.verify import reasons
from gencpp.core.progress import notice, step
from gencpp.core.spec import StepResult

PIP = "pip install it"


def skipped(name: str, reason: str) -> StepResult:
    return StepResult(name=name, status="skipped", seconds=0, reason=reason)


def test_a_reason_is_said_once() -> None:
    steps = [
        StepResult(name="build", status="failed", seconds=0, reason="exit code 1\nthe log"),
        skipped("test", "build failed"),
        skipped("parity", "build failed"),
        StepResult(name="install", status="passed", seconds=0, reason="build failed"),
        skipped("package", "build failed"),
    ]
    assert reasons(steps) == ["exit code 1", "build failed", "as test", "build failed", "as test"]


def test_a_remedy_is_said_once() -> None:
    steps = [
        skipped("find X", f"X was not found. To enable it: {PIP}"),
        skipped("parity", f"needs X. To enable it: {PIP}"),
        skipped("bench", f"needs X. To enable it: {PIP}"),
        skipped("package", "not run. To enable it: buy one"),
        StepResult(name="test", status="passed", seconds=0),
    ]
    assert reasons(steps) == [
        f"X was not found. To enable it: {PIP}",
        "needs X.",
        "as parity",
        "not run. To enable it: buy one",
        "",
    ]


def tell() -> None:
    with progressing(quiet=False) as progress:
        step(progress, "[1/2] build")
        for i in range(3):
            progress(f"[1/2] build [{i}/64] Building [red] CXX object {'long/' * 30}a.cpp.o")
        notice(progress, "a notice")
        step(progress, "[1/2] build: passed after 1.0 s")


def test_a_pipe_gets_a_line_for_each_start_and_end(capsys: pytest.CaptureFixture[str]) -> None:
    tell()
    told = ["gencpp: [1/2] build", "gencpp: a notice", "gencpp: [1/2] build: passed after 1.0 s"]
    assert capsys.readouterr().err.splitlines() == told
    with progressing(quiet=True) as progress:
        step(progress, "[1/2] build")
        notice(progress, "a notice")
    assert capsys.readouterr().err == "gencpp: a notice\n"


def _read(terminal: int, seen: list[bytes]) -> None:
    with contextlib.suppress(OSError), os.fdopen(terminal, "rb", buffering=0) as file:  # EIO is its end
        while data := file.read(1 << 16):
            seen.append(data)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no terminals here")
@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_terminal_has_one_status_line(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """Cut where it would be longer than the terminal or than 80 columns, and with its brackets."""
    ours, theirs = os.openpty()
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    seen: list[bytes] = []
    reader = threading.Thread(target=_read, args=(ours, seen))
    reader.start()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        tell()
    reader.join()
    text = b"".join(seen).decode()
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    lines = [line for line in re.split(r"[\r\n]+", plain) if line]
    assert max(map(len, lines)) == min(columns, 80)
    assert any("[1/2] build [2/64] Building [red] CXX" in line and line.endswith("…") for line in lines)
    assert "gencpp: a notice" in lines
