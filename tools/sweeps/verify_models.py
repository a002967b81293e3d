"""Generates and verifies many models, and writes a table.

    python tools/sweeps/verify_models.py [--models resnet18,vit_b_16,...] [--work DIR] [--table FILE.md]

Besides torchvision's names, `two_inputs` is a factory with two inputs and three outputs, and
`torchscript` a traced file. Takes one to three minutes a model; exit code 1 when one does not pass.
"""

from __future__ import annotations

import argparse
import json
import math
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

MODELS = ROOT / "tests" / "support" / "models"
DEFAULT = (
    "resnet18,mobilenet_v3_small,googlenet,inception_v3,efficientnet_b0,vit_b_16,swin_t,squeezenet1_1,"
    "two_inputs,torchscript"
)


@dataclass(frozen=True)
class Row:
    """One model: what `new` and `verify` said."""

    model: str
    new_s: float
    verify_s: float
    status: str
    artifact: str = ""
    worst: float = float("nan")
    tests: str = ""
    p50_ms: float = float("nan")
    problem: str = ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default=DEFAULT)
    parser.add_argument("--work", type=Path, help="folder to keep the projects in (default: a scratch one)")
    parser.add_argument("--table", type=Path, help="markdown file to write")
    parser.add_argument("--resume", action="store_true", help="take the reports that --work already holds")
    options = parser.parse_args()
    work: Path = options.work or Path(tempfile.mkdtemp(prefix="gencpp-sweep-"))
    work.mkdir(parents=True, exist_ok=True)
    rows = []
    for model in options.models.split(","):
        finished = options.resume and (work / model / "verify.json").is_file()
        rows.append(report(model, work / model) if finished else sweep(model, work))
        print(line(rows[-1]), flush=True)
        if options.work is None:
            shutil.rmtree(work / model, ignore_errors=True)
    if options.table:
        write_page(options.table, table(rows))
    return 0 if all(row.status == "passed" for row in rows) else 1


def sweep(model: str, work: Path) -> Row:
    out = work / model
    begin = time.monotonic()
    made = gencpp("new", "--backend", "libtorch", *source(model, work), str(out))
    new_s = time.monotonic() - begin
    if made.returncode != 0:
        return Row(model, new_s, 0.0, "not generated", problem=made.stderr.strip())
    done = gencpp("verify", "--json", str(out))
    if not done.stdout.startswith("{"):
        return Row(model, new_s, 0.0, "no report", problem=done.stderr.strip())
    return report(model, out, new_s)


def report(model: str, out: Path, new_s: float = float("nan")) -> Row:
    """What verify wrote into the project."""
    report = json.loads((out / "verify.json").read_text())
    verify_s = sum(step["seconds"] for step in report["steps"])
    artifact = json.loads((out / "gencpp.json").read_text())["project"]["artifact"]["method"]
    steps = {step["name"]: step for step in report["steps"]}
    failed = [f"{n}: {s['reason'][:200]}" for n, s in steps.items() if s["status"] != "passed"]
    return Row(
        model,
        new_s,
        verify_s,
        report["status"],
        artifact=artifact,
        worst=max((p["max_rel_diff"] for p in report["parity"]), default=float("nan")),
        tests=steps["test"]["reason"].splitlines()[0],
        p50_ms=report["bench"].get("p50_ms", float("nan")),
        problem="; ".join(failed),
    )


def source(model: str, work: Path) -> list[str]:
    """Arguments of `gencpp new` for a name of the list."""
    if model == "two_inputs":
        inputs = ["--input", "left:1x6:float32", "--input", "right:1x5:float32"]
        return ["--model", "tiny:two_in_three_out", "--path", str(MODELS), *inputs]
    if model == "torchscript":
        file = work / "traced.pt"
        code = (
            "import sys, torch; sys.path.insert(0, sys.argv[1]); import photo; "
            "torch.jit.trace(photo.model(), torch.rand(1, 3, 32, 32)).save(sys.argv[2])"
        )
        subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(MODELS), str(file)], check=True)
        return ["--model", str(file), "--input", "image:1x3x32x32:float32"]
    return ["--model", model]


def gencpp(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gencpp", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def line(row: Row) -> str:
    made = "as found" if math.isnan(row.new_s) else f"new {row.new_s:5.1f} s"
    text = f"{row.model:<20} {made:<11}  verify {row.verify_s:6.1f} s   {row.status:<10}"
    text += f" {row.artifact:<16} rel {row.worst:.1e}   {row.tests}   p50 {row.p50_ms:.2f} ms"
    return text + (f"\n    {row.problem}" if row.problem else "")


def table(rows: list[Row]) -> str:
    lines = [
        "# Models that were generated, built and verified",
        "",
        "The weights are random (initialised from data) where the machine could not download any; times are",
        "of a shared machine.",
        "",
        "| model | artifact | largest relative difference | ctest | verify, s | status |",
        "|---|---|---|---|---|---|",
    ]
    for r in rows:
        numbers = f"{r.worst:.1e} | {r.tests} | {r.verify_s:.0f}"
        lines.append(f"| {r.model} | {r.artifact} | {numbers} | {r.status} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
