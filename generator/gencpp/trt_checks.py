"""Checks of what a project gives to TensorRT that need no TensorRT, each in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import rtx
from .comparison import Comparison
from .network import replay
from .plan_answers import NETWORK_PLAN
from .spec import ParityResult, ProjectSpec
from .toolchain import run

_SECONDS = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """How a check ended: its status as in StepResult, and the reason."""

    status: str
    reason: str
    seconds: float = 0.0
    log: str = ""


def answers(folder: Path, project: ProjectSpec) -> Comparison:
    """compare_onnx, or compare_plan where the network is C++, in a process of its own."""
    by = "PyTorch" if project.artifact.format == "network" else "ONNX Runtime"
    with tempfile.TemporaryDirectory(prefix="gencpp-") as scratch:
        result = Path(scratch) / "result.json"
        asked = Path(scratch) / "job.json"
        job = {"folder": str(folder), "result": str(result), "project": project.to_json()}
        asked.write_text(json.dumps(job), encoding="utf-8")
        finished = run([sys.executable, "-m", f"{__package__}.plan_answers", str(asked)], timeout=_SECONDS)
        log = f"$ {' '.join(finished.argv)}\n{finished.output}"
        if finished.code != 0 or not result.is_file():
            last = (finished.output.strip().splitlines() or ["no output"])[-1]
            problem = f"{by} ended with exit code {finished.code}: {last}"
            return Comparison(problems=[problem], log=log)
        found = json.loads(result.read_text(encoding="utf-8"))
    return Comparison(
        results=tuple(ParityResult.from_json(r) for r in found["results"]),
        problems=found["problems"],
        lacking=found["lacking"],
        log=log + found["log"],
    )


def rtx_builder(folder: Path, project: ProjectSpec) -> Checked:
    """Parses the ONNX file with TensorRT-RTX, or makes every call of the plan, compares each layer's shapes,
    and builds an engine."""
    missing = [p for p in rtx.PACKAGES if importlib.util.find_spec(p) is None]
    if missing:
        return Checked(
            status="skipped",
            reason=f"no Python package {' or '.join(missing)}. To enable it: pip install 'gencpp[rtx]'.",
        )
    with tempfile.TemporaryDirectory(prefix="gencpp-") as scratch:
        result = Path(scratch) / "result.json"
        asked = Path(scratch) / "job.json"
        artifact = folder / "assets" / project.artifact.file
        if project.artifact.format == "network":
            program = "network.replay"
            job = replay.job(project, folder / NETWORK_PLAN, artifact, result)
        else:
            program, job = "rtx", rtx.job(project, artifact, result)
        asked.write_text(json.dumps(job), encoding="utf-8")
        # Its own process: an error inside the library may be a crash.
        finished = run([sys.executable, "-m", f"{__package__}.{program}", str(asked)], timeout=_SECONDS)
        log = f"$ {' '.join(finished.argv)}\n{finished.output}"
        if finished.code != 0 or not result.is_file():
            last = (finished.output.strip().splitlines() or ["no output"])[-1]
            reason = f"the TensorRT-RTX builder ended with exit code {finished.code}: {last}"
            return Checked(status="failed", reason=reason, seconds=finished.seconds, log=log)
        found = json.loads(result.read_text(encoding="utf-8"))
    log += json.dumps(found, indent=2) + "\n"
    if found["problems"]:
        reason = "TensorRT-RTX: " + "; ".join(found["problems"])
        return Checked(status="failed", reason=reason, seconds=finished.seconds, log=log)
    as_told = "the plan has" if project.artifact.format == "network" else "ONNX inferred"
    reason = (
        f"TensorRT-RTX {found['version']}: {found['layers']} layers, {found['compared']} tensors as "
        f"{as_told} them, engine of {found['engine_bytes'] / 1e6:.1f} MB for {found['target']} (evidence for "
        "the graph, not for TensorRT)"
    )
    return Checked(status="passed", reason=reason, seconds=finished.seconds, log=log)
