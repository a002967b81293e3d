"""Small projects written as the pipeline writes them, without torch, for tests of the one writer."""

from __future__ import annotations

import gc
import json
import os
import signal
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from gencpp import project
from gencpp.backends import backend_named
from gencpp.core.errors import UsageError
from gencpp.core.progress import Progress, silent
from gencpp.core.spec import ProjectSpec
from gencpp.project import render, steps
from gencpp.project.journal import Kept

KILLED, DONE, REFUSED = -signal.SIGKILL, 0, 2
"""How the process of `write_until` ends."""
LIMIT = 300.0
"""Seconds that it may take: it takes less than one."""

_trees: dict[str, dict[PurePosixPath, bytes]] = {}


def texts_of(spec: ProjectSpec, more: Mapping[str, str] | None = None) -> dict[PurePosixPath, bytes]:
    """`render`, once for each project: it is pure, and takes longer than all the writing."""
    key = json.dumps([spec.to_json(), dict(more or {})])
    if key not in _trees:
        _trees[key] = render(spec, backend_named(spec.backend), more)
    return _trees[key]


def write(
    out: Path,
    spec: ProjectSpec,
    *,
    force: bool = False,
    model: bytes = b"model",
    progress: Progress = silent,
    meanwhile: Callable[[], object] = lambda: None,
) -> Kept:
    """Makes `out` the project `spec`; `meanwhile` is called where the command would load and export."""
    with project.writing(out, force=force, progress=progress) as target:
        (target.tree / "assets" / "goldens").mkdir(parents=True)
        (target.tree / "assets" / "model.pt").write_bytes(model)
        meanwhile()
        return target.commit(spec, texts_of(spec))


def write_until(
    stop: Callable[[str], bool] | str,
    out: Path,
    spec: ProjectSpec,
    *,
    force: bool = False,
    model: bytes = b"model",
    told: Path | None = None,
) -> int:
    """The same in a process that is killed at a step; DONE or REFUSED where it does not come there.

    `stop` says of each step whether it is the one, or is how its name begins: `placed src/`. What the
    command says goes to the file `told`, as its standard error would.
    """
    texts_of(spec)  # before the fork, so that the next process need not do it

    def at(step: str) -> None:
        if step.startswith(stop) if isinstance(stop, str) else stop(step):
            os.kill(os.getpid(), signal.SIGKILL)

    def say(text: str) -> None:
        if told is not None:
            with told.open("a") as file:
                file.write(f"{text}\n")

    with warnings.catch_warnings():
        # Python 3.12 warns of threads, which the child does not use.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        # A collection here would end objects of earlier tests, and ONNX Runtime's then wait for threads that
        # the fork did not take along.
        gc.disable()
        code = 1
        try:
            steps._hook = at
            write(out, spec, force=force, model=model, progress=say)
            code = DONE
        except UsageError:
            code = REFUSED
        finally:
            os._exit(code)
    return _ended(child)


def _ended(child: int) -> int:
    """Its exit code. A process that hangs is an error, not a suite that does."""
    deadline = time.monotonic() + LIMIT
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise TimeoutError(f"the writing process had not ended after {LIMIT:g} s")
        time.sleep(0.001)
