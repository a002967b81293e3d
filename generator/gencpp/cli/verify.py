"""`gencpp verify`: a report of the steps, and what it exits with."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import completion
from .options import Json
from .show import print_json, print_table, progressing, shown, warn

if TYPE_CHECKING:
    from ..core.spec import StepResult, VerifyReport


def verify(
    out: Annotated[Path, typer.Argument(help="Folder that `gencpp new` wrote.", show_default=False)],
    allow_incomplete: Annotated[
        bool, typer.Option("--allow-incomplete", help="Exit 0 when a needed step was skipped.")
    ] = False,
    tensorrt_root: Annotated[
        Path | None,
        typer.Option(help="TensorRT's folder (default: TENSORRT_ROOT, the system, pip packages)."),
    ] = None,
    tensorrt_headers: Annotated[
        Path | None,
        typer.Option(help="Folder with NvInfer.h, for TensorRT libraries that came without headers."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", help="Compilers that run at a time (default: ninja's)."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STEP[,STEP]",
            help="Run these steps, and what they need.",
            autocompletion=completion.steps,
        ),
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STEP[,STEP]",
            help="Leave these steps out, and what needs them.",
            autocompletion=completion.steps,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Build a project, test it, and compare its answers with the Python model's.

    The proof is incomplete (exit code 3) where a step was skipped that it needs, for whatever reason.
    """
    from .. import pipeline
    from ..core.backend import RuntimeOptions
    from ..verification.choice import VerifyOptions, names

    runtime = RuntimeOptions(tensorrt_root=tensorrt_root, tensorrt_headers=tensorrt_headers)
    options = VerifyOptions(jobs=jobs, only=names("--only", only or ()), skip=names("--skip", skip or ()))
    with progressing(quiet=as_json) as progress:
        report = pipeline.verify(out, progress, runtime, options)
    if as_json:
        print_json(report.to_json(), indent=2)
    else:
        _print_report(report, out)
    if report.status == "failed":
        raise typer.Exit(1)
    if report.status == "incomplete" and not allow_incomplete:
        raise typer.Exit(3)


def _print_report(report: VerifyReport, out: Path) -> None:
    warn(report.warnings)
    rows = [("step", "status", "seconds", "reason")]
    for step, reason in zip(report.steps, reasons(report.steps), strict=True):
        rows.append((step.name, step.status, f"{step.seconds:.1f}", reason))
    print_table(rows)
    if report.parity:
        print()
        table = [("parity", "output", "max |diff|", "relative", "allowed", "result")]
        for p in report.parity:
            numbers = (_number(p.max_abs_diff), _number(p.max_rel_diff), f"{p.tolerance:.0e}")
            table.append((p.case, p.output, *numbers, "passed" if p.passed else "FAILED"))
        print_table(table)
    for path in report.edited:
        print(f"edited since generation: {path}")
    for step in report.steps:
        if step.status == "failed":
            print(f"\n{step.name} failed; its log is {shown(out.resolve() / step.log)}", file=sys.stderr)
            print("\n".join(f"  {line}" for line in step.reason.splitlines()), file=sys.stderr)
    print(f"\n{report.project}: {report.status}; report in {shown(out.resolve() / 'verify.json')}")


def reasons(steps: Sequence[StepResult]) -> list[str]:
    """A line for each step. Why one was skipped is said once, and so is what enables it: later steps refer to
    the first that says it."""
    said: dict[str, str] = {}
    remedies: set[str] = set()
    lines = []
    for step in steps:
        line = step.reason.partition("\n")[0]
        if step.status == "skipped":
            first = said.setdefault(step.reason, step.name)
            why, enable, remedy = line.partition(" To enable it: ")
            line = f"as {first}" if first != step.name else why if remedy in remedies else line
            remedies |= {remedy} if enable else set()
        lines.append(line)
    return lines


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.2e}"
