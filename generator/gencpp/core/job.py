"""A job in a Python of its own: what may crash, or would change this process, runs there."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .toolchain import run


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A job that ended."""

    result: dict[str, Any] | None
    """What it wrote; None where it failed."""
    problem: str
    """How it failed, as in `ended with exit code 1: no such file`."""
    log: str
    seconds: float


def run_job(module: str, job: Mapping[str, Any], *, timeout: float) -> Done:
    """Runs `python -m MODULE JOB.json`, which writes one JSON object to the job's file `result`."""
    with tempfile.TemporaryDirectory(prefix="gencpp-") as scratch:
        asked, result = Path(scratch) / "job.json", Path(scratch) / "result.json"
        asked.write_text(json.dumps({**job, "result": str(result)}), encoding="utf-8")
        finished = run([sys.executable, "-m", module, str(asked)], timeout=timeout)
        log = f"$ {' '.join(finished.argv)}\n{finished.output}"
        if finished.code != 0 or not result.is_file():
            last = (finished.output.strip().splitlines() or ["no output"])[-1]
            problem = f"ended with exit code {finished.code}: {last}"
            return Done(result=None, problem=problem, log=log, seconds=finished.seconds)
        found = json.loads(result.read_text(encoding="utf-8"))
    return Done(result=found, problem="", log=log, seconds=finished.seconds)
