"""Proves a generated project: configure, build, test, parity, consumers, bench."""

from __future__ import annotations

import json
import os
import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from ..core.backend import Backend, RuntimeOptions
from ..core.errors import EnvironmentLacks, UsageError
from ..core.files import disk_errors
from ..core.progress import Progress, notice
from ..core.progress import step as told_step
from ..core.spec import StepResult, VerifyReport
from ..core.toolchain import find_toolchain
from ..project import Manifest, check_assets, check_replaceable, edited_files, replace_text
from . import consumers
from .choice import Chosen, VerifyOptions, choose
from .proof import Proof
from .steps import Step, steps_of

_REASON = 100
"""Characters of a reason in the line at a step's end, at most: the report has all of it."""


def verify_project(
    folder: Path,
    manifest: Manifest,
    backend: Backend,
    progress: Progress,
    runtime: RuntimeOptions,
    options: VerifyOptions,
) -> VerifyReport:
    """Runs the steps and writes `folder/verify.json`.

    Raises UsageError when `folder` is no project and EnvironmentLacks when the machine lacks a tool; a
    step that fails is in the report.
    """
    folder = folder.resolve()
    project = manifest.project
    check_assets(folder, project)
    steps = steps_of(backend, folder, project)
    chosen = choose({step.name: step.needs for step in steps}, options)
    given = [f.name for f in fields(runtime) if getattr(runtime, f.name) is not None]
    if others := [name for name in given if not name.startswith(f"{backend.name}_")]:
        told = ", ".join(f"--{name.replace('_', '-')}" for name in others)
        raise UsageError(f"{told}: {folder.name} runs on {backend.title}")
    tools = find_toolchain()
    arguments, missing = backend.configure_arguments(project.name, runtime)
    if missing:
        raise EnvironmentLacks(f"{backend.title} was not found: {missing}", hint=backend.remedy)
    if chosen.added:
        notice(progress, f"{', '.join(chosen.added)} run, too: {', '.join(options.only)} needs them")
    with disk_errors(folder):
        check_replaceable(folder / "verify.json", ("project", "steps"))
        _empty(folder / "verify")
        edited = tuple(
            path if (folder / path).is_file() else f"{path} (missing)"
            for path in edited_files(folder, manifest)
        )
        proof = Proof(
            folder=folder,
            project=project,
            backend=backend,
            runtime=runtime,
            arguments=arguments,
            tools=tools,
            progress=progress,
            jobs=options.jobs,
        )
        prove(proof, steps, chosen)
        report = _report(proof, edited)
        told = json.dumps(report.to_json(), indent=2, allow_nan=False)
        replace_text(folder / "verify.json", f"{told}\n")
    return report


def prove(proof: Proof, steps: Sequence[Step], chosen: Chosen) -> None:
    """Runs each step, or says why not; the results are in `proof.steps`."""
    for step in steps:
        if reason := chosen.left_out.get(step.name) or _obstacle(proof, step):
            proof.steps.append(
                StepResult(name=step.name, status="skipped", seconds=0.0, reason=reason, needed=step.needed)
            )
            continue
        proof.label = f"[{chosen.names.index(step.name) + 1}/{len(chosen.names)}] {step.name}"
        told_step(proof.progress, proof.label)
        result = step.run(proof)
        proof.steps.append(result)
        told_step(proof.progress, f"{proof.label}: {_ended(result)}")
    shutil.rmtree(consumers.prefix(proof), ignore_errors=True)


def _obstacle(proof: Proof, step: Step) -> str:
    """Why a step cannot run, as the first cause of all has it; empty: it can."""
    results = {result.name: result for result in proof.steps}
    for name in step.needs:
        if results[name].status == "failed":
            return f"{name} failed"
        if results[name].status == "skipped":
            return results[name].reason
    return proof.no_model if step.model else ""


def _ended(result: StepResult) -> str:
    why = "" if result.status == "passed" else result.reason.partition("\n")[0]
    why = textwrap.shorten(why, _REASON, placeholder=" ...")
    return f"{result.status} after {result.seconds:.1f} s" + (f" ({why})" if why else "")


def _report(proof: Proof, edited: tuple[str, ...]) -> VerifyReport:
    failed = any(s.status == "failed" for s in proof.steps)
    incomplete = any(s.status == "skipped" and s.needed for s in proof.steps)
    weights, goldens = proof.project.model.weights, proof.project.goldens
    warnings = [weights.warning] if weights.warning else []
    if goldens.parity != "strong":
        warnings.append(f"parity is {goldens.parity}: {goldens.parity_note}")
    return VerifyReport(
        project=proof.project.name,
        backend=proof.project.backend,
        status="failed" if failed else "incomplete" if incomplete else "passed",
        steps=tuple(proof.steps),
        parity=proof.parity,
        bench=proof.bench,
        edited=edited,
        warnings=tuple(warnings),
    )


def _empty(folder: Path) -> None:
    """An empty folder for what verify writes; what it did not write is not deleted."""
    marker = folder / ".written-by-gencpp"
    if os.path.lexists(folder):
        # gencpp 0.1 left no marker, and always this log.
        ours = marker.is_file() or (folder / "doctor.log").is_file()
        if folder.is_symlink() or not folder.is_dir() or not (ours or not any(folder.iterdir())):
            raise UsageError(
                f"{folder} is in the way: verify writes its logs there, and did not write this one",
                hint="Move it, and run verify again.",
            )
        shutil.rmtree(folder)
    folder.mkdir()
    marker.write_text("What `gencpp verify` wrote; the next run deletes this folder.\n", encoding="utf-8")
