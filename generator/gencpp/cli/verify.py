"""`gencpp verify`: a report of the steps, and what it exits with."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Json
from .show import print_table, progressing, shown, warn

if TYPE_CHECKING:
    from ..core.spec import VerifyReport


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
    as_json: Json = False,
) -> None:
    """Build a project, test it, and compare its answers with the Python model's."""
    from .. import pipeline
    from ..core.backend import RuntimeOptions

    options = RuntimeOptions(tensorrt_root=tensorrt_root, tensorrt_headers=tensorrt_headers)
    with progressing(quiet=as_json) as progress:
        report = pipeline.verify(out, progress, options)
    if as_json:
        print(json.dumps(report.to_json(), indent=2))
    else:
        _print_report(report, out)
    if report.status == "failed":
        raise typer.Exit(1)
    if report.status == "incomplete" and not allow_incomplete:
        raise typer.Exit(3)


def _print_report(report: VerifyReport, out: Path) -> None:
    warn(report.warnings)
    rows = [("step", "status", "seconds", "")]
    for step in report.steps:
        rows.append(
            (
                step.name,
                step.status,
                f"{step.seconds:.1f}",
                step.reason.splitlines()[0] if step.reason else "",
            )
        )
    print_table(rows)
    if report.parity:
        print()
        table = [("parity", "output", "max |diff|", "relative", "allowed", "")]
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


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.2e}"
