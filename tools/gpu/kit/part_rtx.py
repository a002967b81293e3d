"""Part 3: whether TensorRT-RTX takes this GPU at all."""

from __future__ import annotations

import sys
from pathlib import Path

from .clock import Clock, Log
from .measure import program_json
from .projects import Failed, Setup
from .results import FAILED, PASSED, SKIPPED, Part

TITLE = "TensorRT-RTX"
INSTALL = "pip install --target DIR tensorrt-rtx-cu13-libs tensorrt-rtx-cu13-bindings, then --rtx DIR"


def run(part: Part, setup: Setup, clock: Clock, log: Log, folder: Path) -> None:
    """Fills `part`: the builder for this GPU, the runtime, one run. `folder` holds the Python packages."""
    if not (folder / "tensorrt_rtx_libs").is_dir() or not (folder / "tensorrt_rtx_bindings").is_dir():
        part.add(
            "packages", SKIPPED, f"{folder} has no tensorrt_rtx_libs and tensorrt_rtx_bindings: {INSTALL}"
        )
        return
    try:
        # A process of its own: an error inside the library may be a crash.
        told = program_json([sys.executable, "-m", "kit.rtx", folder], setup, clock, log)
    except Failed as e:
        part.add("the library", FAILED, str(e))
        return
    part.facts |= {key: told[key] for key in ("version", "target")}
    for step in told["steps"]:
        # That it takes another kind of GPU only is an answer to this part's question, and no failure.
        status = SKIPPED if step["refused"] else {True: PASSED, False: FAILED, None: SKIPPED}[step["held"]]
        part.add(step["name"], status, step["detail"])
