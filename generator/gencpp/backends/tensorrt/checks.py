"""Checks of what a project gives to TensorRT that need no TensorRT, each in a process of its own."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

from ...core.backend import Checked
from ...core.job import run_job
from ...core.spec import ParityResult, ProjectSpec
from ...core.words import counted
from ...network.replay import replay, rtx
from ...verification.comparison import Comparison
from . import answers
from .answers import NETWORK_PLAN
from .spec import EngineSpec

_SECONDS = 900


def goldens(folder: Path, project: ProjectSpec) -> Checked:
    """compare_onnx, or compare_plan where the network is C++, in a process of its own."""
    by = "PyTorch" if project.artifact.format == "network" else "ONNX Runtime"
    job = {"folder": str(folder), "project": project.to_json()}
    done = run_job(answers.__name__, job, timeout=_SECONDS)
    if done.result is None:
        return Checked(status="failed", reason=f"{by} {done.problem}", seconds=done.seconds, log=done.log)
    found = Comparison(
        results=tuple(ParityResult.from_json(r) for r in done.result["results"]),
        problems=done.result["problems"],
        lacking=done.result["lacking"],
    )
    log = done.log + done.result["log"]
    if found.lacking:
        return Checked(status="skipped", reason=found.lacking, seconds=done.seconds, log=log)
    status = "failed" if found.problem() else "passed"
    reason = found.problem() or found.summary()
    return Checked(status=status, reason=reason, seconds=done.seconds, log=log)


def rtx_builder(folder: Path, project: ProjectSpec) -> Checked:
    """Parses the ONNX file with TensorRT-RTX, or makes every call of the plan, compares each layer's shapes,
    and builds an engine."""
    missing = [p for p in rtx.PACKAGES if importlib.util.find_spec(p) is None]
    if missing:
        return Checked(
            status="skipped",
            reason=f"no Python package {' or '.join(missing)}. To enable it: pip install 'gencpp[rtx]'.",
        )
    artifact = folder / "assets" / project.artifact.file
    if project.artifact.format == "network":
        program, file, more = replay.__name__, folder / NETWORK_PLAN, {"weights": str(artifact)}
    else:
        program, file, more = rtx.__name__, artifact, {}
    engine = EngineSpec.of(project)
    inputs = [t.name for t in project.model.inputs]
    job = {**rtx.job(file, inputs, engine.profiles, engine.tf32), **more}
    # Its own process: an error inside the library may be a crash.
    done = run_job(program, job, timeout=_SECONDS)
    log = done.log
    if done.result is None:
        reason = f"the TensorRT-RTX builder {done.problem}"
        return Checked(status="failed", reason=reason, seconds=done.seconds, log=log)
    found = done.result
    log += json.dumps(found, indent=2) + "\n"
    if found["problems"]:
        reason = "TensorRT-RTX: " + "; ".join(found["problems"])
        return Checked(status="failed", reason=reason, seconds=done.seconds, log=log)
    as_told = "the plan has" if project.artifact.format == "network" else "ONNX inferred"
    sizes = f"{counted(found['layers'], 'layer')}, {counted(found['compared'], 'tensor')}"
    taken = f"TensorRT-RTX {found['version']}: {sizes} as {as_told} them"
    if "lacking" in found:
        reason = f"{taken}; no engine was built, for {found['lacking']}, which TensorRT has"
        return Checked(status="skipped", reason=reason, seconds=done.seconds, log=log)
    reason = (
        f"{taken}, engine of {found['engine_bytes'] / 1e6:.1f} MB for {found['target']} (evidence for "
        "the graph, not for TensorRT)"
    )
    return Checked(status="passed", reason=reason, seconds=done.seconds, log=log)
