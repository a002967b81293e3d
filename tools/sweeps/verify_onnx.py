"""Generates TensorRT projects of many models and verifies them as far as this machine goes; writes a table.

    python tools/sweeps/verify_onnx.py [--models resnet18,resnet18:fp16,...] [--work DIR] [--table FILE.md]

An entry is MODEL[:fp16][:BATCH], BATCH being the bounds of --dynamic (resnet18:fp16:1:8:32). What
counts are the steps `onnxruntime` (the shipped file against Python) and `rtx-builder` (needs gencpp[rtx]);
exit code 1 when one of them does not pass. Half a minute an entry.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from provenance import write_page  # noqa: E402 - below the path

NETWORKS = ("resnet18", "mobilenet_v3_small", "efficientnet_b0", "vit_b_16", "convnext_tiny")
DEFAULT = ",".join([*NETWORKS, *(f"{n}:fp16" for n in NETWORKS), "resnet18:1:8:32", "resnet18:fp16:1:8:32"])


@dataclass(frozen=True)
class Row:
    """One entry: what `new` and the two steps of `verify` said."""

    model: str
    precision: str
    batch: str
    artifact: str = ""
    size_mb: float = 0.0
    onnxruntime: str = ""
    rtx: str = ""
    new_s: float = 0.0
    passed: bool = False
    problem: str = ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default=DEFAULT)
    parser.add_argument("--work", type=Path, help="folder to keep the projects in (default: a scratch one)")
    parser.add_argument("--table", type=Path, help="markdown file to write")
    options = parser.parse_args()
    work: Path = options.work or Path(tempfile.mkdtemp(prefix="gencpp-sweep-"))
    work.mkdir(parents=True, exist_ok=True)
    rows = []
    for entry in options.models.split(","):
        out = work / entry.replace(":", "-")
        rows.append(sweep(entry, out))
        print(line(rows[-1]), flush=True)
        if options.work is None:
            shutil.rmtree(out, ignore_errors=True)
    if options.table:
        write_page(options.table, table(rows))
    return 0 if all(row.passed for row in rows) else 1


def sweep(entry: str, out: Path) -> Row:
    model, *rest = entry.split(":")
    precision = rest.pop(0) if rest[:1] == ["fp16"] else "fp32"
    bounds = ":".join(rest)
    begin = time.monotonic()
    asked = ["--dynamic", f"x:0={bounds}"] if bounds else []
    arguments = ("--model", model, "--precision", precision, *asked, "--force", str(out))
    made = gencpp("new", "--backend", "tensorrt", *arguments)
    new_s = time.monotonic() - begin
    row = Row(model, precision, bounds or "1:1:8", new_s=new_s)
    if made.returncode != 0:
        return Row(
            row.model, row.precision, row.batch, problem=made.stderr.strip() or f"exit code {made.returncode}"
        )
    done = gencpp("verify", "--json", "--allow-incomplete", str(out))
    if not done.stdout.startswith("{"):
        return Row(row.model, row.precision, row.batch, problem=done.stderr.strip())
    report = json.loads(done.stdout)
    project = json.loads((out / "gencpp.json").read_text())["project"]
    steps = {step["name"]: step for step in report["steps"]}
    checked = [steps["onnxruntime"], steps["rtx-builder"]]
    failed = [s for s in report["steps"] if s["status"] == "failed"]
    return Row(
        model=model,
        precision=precision,
        batch=":".join(str(v) for v in project["model"]["inputs"][0]["dims"][0].values()),
        artifact=project["artifact"]["method"],
        size_mb=project["artifact"]["size"] / 1e6,
        onnxruntime=shortened(steps["onnxruntime"]["reason"]),
        rtx=shortened(steps["rtx-builder"]["reason"]),
        new_s=new_s,
        passed=all(s["status"] == "passed" for s in checked) and not failed,
        problem="; ".join(
            f"{s['name']}: {s['reason'][:300]}" for s in [*checked, *failed] if s["status"] != "passed"
        ),
    )


def shortened(reason: str) -> str:
    """The figures of a step's reason."""
    reason = re.sub(r"^TensorRT-RTX [\d.]+: | as ONNX inferred them| \(evidence.*", "", reason)
    return reason.replace("largest relative difference ", "").splitlines()[0] if reason else ""


def gencpp(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gencpp", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def line(row: Row) -> str:
    text = f"{row.model:<20} {row.precision} {row.batch:<8} {'passed' if row.passed else 'FAILED':<7}"
    text += f" new {row.new_s:5.1f} s  {row.artifact}  {row.size_mb:.1f} MB | {row.onnxruntime} | {row.rtx}"
    return text + (f"\n    {row.problem}" if row.problem else "")


def table(rows: list[Row]) -> str:
    lines = [
        "# ONNX files that were generated for TensorRT and checked without it",
        "",
        "No GPU was used. The weights are random (initialised from data) where the machine could not",
        "download any. ONNX Runtime runs the shipped file on the goldens: outputs, largest difference",
        "relative to the largest reference value.",
        "The TensorRT-RTX builder parses it, its tensors are compared with ONNX's, and an engine is built:",
        "that is evidence for the graph, not for TensorRT.",
        "",
        "| model | precision | batch | made by | MB | ONNX Runtime | TensorRT-RTX builder | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        facts = f"{r.artifact} | {r.size_mb:.1f} | {r.onnxruntime} | {r.rtx}"
        lines.append(
            f"| {r.model} | {r.precision} | {r.batch} | {facts} | {'passed' if r.passed else 'FAILED'} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
