"""Steps that run the model: parity, the benchmark, the time of each layer."""

from __future__ import annotations

import signal
import time
from dataclasses import replace

from ..core import jsonfile
from ..core.errors import UsageError
from ..core.spec import StepResult
from ..core.toolchain import Finished
from ..core.words import counted
from . import comparison
from . import parity as answers
from .proof import Proof, without_device

_LOADED = (0, comparison.NO_DEVICE, 2, 127)
"""Exit codes of `<name> --info` that do not tell of a model which cannot be loaded: loaded, no GPU, an option
that an older program does not know, no program."""


def parity(proof: Proof) -> StepResult:
    """C++ against Python; see parity.py."""
    begin = time.monotonic()
    found = answers.compare(proof.folder, proof.project, proof.run)
    proof.parity = found.results
    log = proof.log("parity", found.log)
    seconds = round(time.monotonic() - begin, 3)
    if found.no_device:
        reason = without_device(found.no_device)
        return StepResult(name="parity", status="skipped", seconds=seconds, reason=reason, log=log)
    problem = found.problem()
    if problem:
        look_for_model(proof)
    return StepResult(
        name="parity",
        status="failed" if problem else "passed",
        seconds=seconds,
        reason=problem or found.summary(),
        log=log,
    )


def bench(proof: Proof) -> StepResult:
    """One second of the benchmark: that it runs, and what it prints."""
    argv = [proof.program("_bench"), "--json", "--seconds", "1", "--warmup", "3"]
    finished, step = _on_device(proof, "bench", argv)
    if step.status != "passed":
        return step
    try:
        line = next(x for x in finished.output.splitlines() if x.startswith("{"))
        b = jsonfile.loads(line, "what it printed")
        reason = f"p50 {b['p50_ms']:.2f} ms, batch {b['batch']:.0f}, {b['threads']:.0f} threads"
    except (StopIteration, UsageError, KeyError, TypeError, ValueError) as e:
        told = f"no JSON from the benchmark: {type(e).__name__}: {e}"
        return replace(step, status="failed", reason=told)
    proof.bench = b
    return replace(step, reason=reason)


def profile(proof: Proof) -> StepResult:
    """Time of every layer, by the runtime's own profiler."""
    file = proof.logs / "profile.json"
    argv = [proof.program("_bench"), "--iterations", "20", "--exportProfile", str(file)]
    step = _on_device(proof, "profile", argv)[1]
    if step.status != "passed":
        return step
    try:
        layers = [x for x in jsonfile.read(file) if "name" in x]
        slowest = max(layers, key=lambda x: float(x["averageMs"]))
        reason = (
            f"{counted(len(layers), 'layer')}, most time in {slowest['name']} ({slowest['percentage']:.0f} %)"
        )
        return replace(step, reason=f"{reason}: verify/profile.json")
    except (UsageError, ValueError, KeyError, TypeError) as e:
        reason = f"no profile from the benchmark: {type(e).__name__}: {e}"
        return replace(step, status="failed", reason=reason)


def look_for_model(proof: Proof) -> None:
    """After a failure: whether the program can load the model. Where it cannot, nothing else needs to try."""
    if proof.no_model:
        return
    argv = [proof.program(), "--info", "--check", "full"]
    finished = proof.run(argv)
    proof.log("load", f"$ {' '.join(argv)}\n{finished.output}")
    if finished.code not in _LOADED:
        proof.no_model = f"the model cannot be loaded: {_why(proof, finished)}"


def _why(proof: Proof, finished: Finished) -> str:
    """What the program says; its message may have several lines."""
    if finished.code < 0:
        return f"the program was ended by {signal.Signals(-finished.code).name}"
    own = f"{proof.project.name}: "
    lines = finished.output.strip().splitlines()
    told = [i for i, line in enumerate(lines) if line.startswith(own) and ": WARNING: " not in line]
    return "\n".join(lines[told[-1] :]).removeprefix(own) if told else comparison.last_line(finished.output)


def _on_device(proof: Proof, name: str, argv: list[str]) -> tuple[Finished, StepResult]:
    """A run of the model as a step, skipped where there is no device for it."""
    finished, step = proof.command(name, argv)
    if finished.code == comparison.NO_DEVICE:
        reason = without_device(comparison.last_line(finished.output))
        return finished, replace(step, status="skipped", reason=reason)
    return finished, step
