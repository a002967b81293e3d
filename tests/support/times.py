"""Where a run's time goes: `pytest --times=DIR` writes it down, tests/support/times.py DIR makes the tables.

By kind it is the time of the programs that the tests start, seen from outside: what a `gencpp verify`
compiles counts as gencpp. Programs that run at once count both, and so do two that wait for one processor.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

IN_PYTHON = "in the tests' own Python (exports, goldens, comparisons)"


class Times:
    """A plugin that writes a line for each test, and for each program that it waited for."""

    running: Times | None = None

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}.jsonl"
        self._file.unlink(missing_ok=True)
        self._test = ""
        Times.running = self

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._test, began = item.nodeid.partition("@")[0], time.monotonic()
        init, wait = subprocess.Popen.__init__, subprocess.Popen.wait

        def timed_init(process: Any, *given: Any, **named: Any) -> None:
            process._began = time.monotonic(), self._test
            init(process, *given, **named)

        def timed_wait(process: Any, timeout: float | None = None) -> int:
            code = wait(process, timeout)
            begun, test = process.__dict__.pop("_began", (0.0, ""))
            if test == self._test:  # else it serves many tests, and nobody waits for it
                self.program(_kind(process.args), time.monotonic() - begun)
            return code

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(subprocess.Popen, "__init__", timed_init)
            patch.setattr(subprocess.Popen, "wait", timed_wait)
            result = yield
        self._write(seconds=time.monotonic() - began)
        return result

    def program(self, kind: str, seconds: float) -> None:
        self._write(kind=kind, seconds=seconds)

    def _write(self, **row: Any) -> None:
        with self._file.open("a") as file:
            file.write(json.dumps({"test": self._test, **row}) + "\n")


def _kind(args: Any) -> str:
    argv = [os.fsdecode(a) for a in args] if isinstance(args, (list, tuple)) else [os.fsdecode(args)]
    name, start = Path(argv[0]).name, " ".join(argv[:8])
    if name == "cmake":
        return "cmake --build" if "--build" in argv else "cmake, configuring and installing"
    if name.startswith(("g++", "c++", "clang", "ccache")) or "compile_cache.py" in start:
        return "the compiler, called by itself"
    if name.startswith("python"):
        return "gencpp, a new Python" if "gencpp" in argv[:4] else "other Python programs"
    return "ctest" if name == "ctest" else "ruff and mypy" if name in ("ruff", "mypy") else "other programs"


def tables(folder: Path) -> str:
    files_read = sorted(folder.glob("*.jsonl"))
    rows = [json.loads(line) for file in files_read for line in file.read_text().splitlines()]
    files: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    whole = 0.0
    for row in rows:
        if "kind" in row:
            kinds[row["kind"]] += row["seconds"]
        else:
            files[row["test"].partition("::")[0]] += row["seconds"]
            whole += row["seconds"]
    kinds[IN_PYTHON] = whole - sum(kinds.values())
    tests = sorted((r for r in rows if "kind" not in r), key=lambda r: -r["seconds"])
    lines = [f"{whole / 60:.1f} minutes in {len(tests)} tests", ""]
    for title, found in (("what", kinds), ("file", files)):
        lines += [f"| {title} | minutes |", "|---|---|"]
        lines += [f"| {name} | {seconds / 60:.1f} |" for name, seconds in found.most_common(20)] + [""]
    return "\n".join([*lines, *(f"{r['seconds']:6.0f} s  {r['test']}" for r in tests[:30])])


if __name__ == "__main__":
    print(tables(Path(sys.argv[1])))
