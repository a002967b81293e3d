"""Lowers many models to network definitions and proves each plan without a GPU; writes a table.

    python tools/sweeps/network_models.py [--models a,b,...] [--replay]
         [--table docs/results/verified-network.md]

Without --models: every classification builder of torchvision, some for segmentation and video, a small
U-Net and a transformer encoder (tests/support/models/network.py). Each model has random weights,
initialised from data, and a process of its own, one after the other. What passed is kept in the folder
--work: a sweep that ended goes on where it stopped; --again makes everything anew. Exit code 1 when a model
fails, after all of them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "generator"), str(ROOT / "tests" / "support")]

from provenance import write_page  # noqa: E402 - below the path

from gencpp.core.tolerances import PARITY  # noqa: E402 - after the path
from gencpp.tensors.difference import difference  # noqa: E402

BATCHES = (1, 2)
MORE = ("lraspp_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large", "fcn_resnet50", "r3d_18")
OWN = {
    "unet": ("models.network:unet", ("image:1x3x64x96",)),
    "transformer_encoder": ("models.network:encoder", ("tokens:1x16:int64",)),
}
"""Of tests/support/models: source and inputs."""
SECONDS = 3000
"""For one model."""


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--models", help="names, separated by commas")
    parser.add_argument("--replay", action="store_true", help="also in a network of TensorRT-RTX")
    parser.add_argument("--table", type=Path, help="markdown file to write")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "gencpp-network-models")
    parser.add_argument("--again", action="store_true", help="also what passed before")
    parser.add_argument("--memory", type=float, default=16.0, help="GiB that one model may take")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return one(options.one, options.work, options.memory)

    names = options.models.split(",") if options.models else everything()
    options.work.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in names:
        row = kept(options.work / f"{name}.json", options.replay) if not options.again else None
        if row is None:
            row = made(name, options)
            (options.work / f"{name}.json").write_text(json.dumps(row, indent=1), encoding="utf-8")
        rows.append(row)
        print(line(row), flush=True)
        if options.table and (options.models is None or len(rows) == len(names)):
            write_page(options.table, table(rows, len(names), options.replay))
    failed = [row["model"] for row in rows if row["problem"]]
    print(
        f"{len(rows) - len(failed)} of {len(rows)} passed"
        + (f"; failed: {', '.join(failed)}" if failed else "")
    )
    return 1 if failed else 0


def everything() -> list[str]:
    """By name; the largest weights come where their names stand."""
    from torchvision.models import list_models

    from gencpp.sources.torchvision import group_of

    return [*(n for n in list_models() if group_of(n) == "classification"), *MORE, *OWN]


def kept(file: Path, replay: bool) -> dict[str, Any] | None:
    """What an earlier sweep found, when it passed and had all that is asked."""
    if not file.is_file():
        return None
    row: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return None if row["problem"] or (replay and "rtx_layers" not in row) else row


def made(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """One model, in processes of its own: a crash or a lack of memory ends only them."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="network-", dir=options.work) as scratch:
        asked = ("--one", name, "--work", scratch, "--memory", str(options.memory))
        ended = run([sys.executable, str(Path(__file__).resolve()), *asked])
        result = Path(scratch) / "row.json"
        row: dict[str, Any] = {"model": name, "code": code(), "problem": ended}
        if result.is_file():
            row.update(json.loads(result.read_text(encoding="utf-8")))
        if options.replay and not row["problem"]:
            row.update(replayed(Path(scratch), row["profiles"]))
    row["seconds"] = round(time.monotonic() - begin, 1)
    return row


def run(argv: list[str]) -> str:
    """Empty when it ended well, else how it ended."""
    try:
        done = subprocess.run(
            argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=SECONDS, env={**os.environ}
        )
    except subprocess.TimeoutExpired:
        return f"took longer than {SECONDS} s"
    if done.returncode == 0:
        return ""
    last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
    killed = " (killed: it does not fit into this machine's memory)" if done.returncode == -9 else ""
    return f"ended with exit code {done.returncode}{killed}: {last[:300]}"


def replayed(folder: Path, profiles: list[Any]) -> dict[str, Any]:
    """The plan in a network of TensorRT-RTX, and an engine of it."""
    result = folder / "replay.json"
    job = {
        "model": str(folder / "network.json"),
        "weights": str(folder / "weights.bin"),
        "result": str(result),
        "profiles": profiles,
        "tf32": False,
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    ended = run([sys.executable, "-m", "gencpp.network.replay.replay", str(folder / "job.json")])
    if ended or not result.is_file():
        return {"problem": f"TensorRT-RTX {ended or 'wrote no result'}"}
    found = json.loads(result.read_text(encoding="utf-8"))
    if found["problems"]:
        return {"problem": "TensorRT-RTX: " + "; ".join(found["problems"])[:1000]}
    return {
        "rtx": found["version"],
        "rtx_layers": found["layers"],
        "rtx_compared": found["compared"],
        "rtx_weights": found["weights"],
        "rtx_engine": found["engine_bytes"],
        "rtx_seconds": found["seconds"],
    }


def one(name: str, folder: Path, memory: float) -> int:
    """In a process of its own: writes row.json, and network.json and weights.bin for the replay."""
    limit_memory(memory)
    row: dict[str, Any] = {"problem": ""}
    try:
        row.update(proven(name, folder))
    except MemoryError:
        row["problem"] = f"does not fit into {memory:g} GiB"
    except Exception as e:  # noqa: BLE001 - whatever it is, it is this model's row
        traceback.print_exc()
        full = "not enough memory" in str(e) or "allocate" in str(e)
        row["problem"] = f"does not fit into {memory:g} GiB: " * full + f"{type(e).__name__}: {e}"[:1500]
    (folder / "row.json").write_text(json.dumps(row), encoding="utf-8")
    return 0


def limit_memory(gib: float) -> None:
    """Of this process, where the system can."""
    if sys.platform == "linux":
        import resource

        limit = int(gib * 2**30)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def proven(name: str, folder: Path) -> dict[str, Any]:
    """Exports, lowers, and compares the plan's answers with the model's."""
    import gc

    from gencpp.core.loaded import LoadOptions
    from gencpp.model.inspection import inspect_model
    from gencpp.network.calls.calls import calls
    from gencpp.network.lower.lowering import lower
    from gencpp.network.weights_file import write
    from gencpp.sources.load import load_source, parse_source

    source, inputs = OWN.get(name, (name, ()))
    path = (str(ROOT / "tests" / "support"),) if name in OWN else ()
    options = LoadOptions(weights="auto" if name in OWN else "none", inputs=inputs, path=path)
    loaded = load_source(parse_source(source), options, lambda _: None)
    spec = inspect_model(loaded, options)

    begin = time.monotonic()
    candidate = exported(loaded, spec)
    export_s = time.monotonic() - begin
    modules = {path: type(module).__name__ for path, module in loaded.module.named_modules()}
    begin = time.monotonic()
    lowered = lower(candidate.model, modules)
    lower_s = time.monotonic() - begin
    plan, weights, method = lowered.plan, lowered.weights, candidate.method
    del candidate, lowered
    gc.collect()

    begin = time.monotonic()
    batched = all(t.dims[0].dynamic for t in spec.inputs)
    found = [compared(loaded, spec, plan, weights, batch) for batch in (BATCHES if batched else (None,))]
    run_s = time.monotonic() - begin
    worst, outputs = max(w for w, _ in found), min(n for _, n in found)
    del loaded
    (folder / "network.json").write_text(json.dumps(plan.to_json()), encoding="utf-8")
    write(folder / "weights.bin", weights, plan.weights)
    profile = {
        t.name: [[d.min for d in t.dims], [d.opt for d in t.dims], [d.max for d in t.dims]]
        for t in spec.inputs
    }
    problem = "" if worst <= PARITY else f"differs by {worst:.2g} of the largest output"
    if not batched:
        problem = problem or f"the batch is fixed: {'; '.join(spec.notes)}"
    return {
        "problem": problem,
        "method": method,
        "input": " ".join("x".join(map(str, t.shape())) for t in spec.inputs),
        "layers": len(plan.layers),
        "calls": len(calls(plan, 1013)),
        "weights_mb": sum(w.size for w in plan.weights) / 1e6,
        "difference": worst,
        "outputs": outputs,
        "export_s": export_s,
        "lower_s": lower_s,
        "run_s": run_s,
        "profiles": [profile],
    }


def exported(loaded: Any, spec: Any) -> Any:
    """The graph that onnx_export lowers for network definitions, by the first exporter that makes one."""
    from gencpp.backends.tensorrt.onnx_prepare import prepared
    from gencpp.onnx.from_torch import DYNAMO_OPSET, by_dynamo, by_tracing

    try:
        candidate = by_dynamo(loaded, spec)
    except Exception as e:  # noqa: BLE001 - the exporters raise many kinds
        print(f"dynamo: {e}", file=sys.stderr)
        candidate = by_tracing(loaded, spec, DYNAMO_OPSET)
    return prepared(candidate, spec, None)


def compared(loaded: Any, spec: Any, plan: Any, weights: Any, batch: int | None) -> tuple[float, int]:
    """(largest relative difference, outputs compared) of the plan's answers and the module's."""
    from gencpp.network.interpret.interpreter import run as interpret
    from gencpp.tensors.module import run_module
    from gencpp.tensors.stimuli import seeded_inputs

    inputs = seeded_inputs(spec.inputs, 7, batch)
    theirs = [value.numpy() for _, value in run_module(loaded.module, inputs)]
    feeds = {t.name: value.numpy() for t, value in zip(spec.inputs, inputs, strict=True)}
    ours = interpret(plan, weights, feeds)
    worst = 0.0
    for name, reference in zip([t.name for t in spec.outputs], theirs, strict=True):
        got = ours[name]
        if got.shape != reference.shape or got.dtype != reference.dtype:
            found, wanted = (f"{a.dtype} {list(a.shape)}" for a in (got, reference))
            raise ValueError(f"output {name} is {found}, the model's {wanted}")
        apart = difference(reference, got)
        if not (apart.largest > 0 and math.isfinite(apart.relative)):
            raise ValueError(f"output {name} cannot be compared: all 0, or not finite")
        worst = max(worst, apart.relative)
    return worst, len(theirs)


def code() -> str:
    """A digest of what makes and runs plans."""
    digest = hashlib.sha256()
    for file in sorted((ROOT / "generator" / "gencpp" / "network").rglob("*.py")):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def line(row: dict[str, Any]) -> str:
    text = f"{row['model']:<28} {'FAILED' if row['problem'] else 'passed'}"
    if "layers" in row:
        text += f" {row['layers']:5} layers {row['weights_mb']:7.1f} MB  differs {row['difference']:.1e}"
        text += f"  lowered in {row['lower_s']:4.1f} s"
    if "rtx_layers" in row:
        text += f"  RTX {row['rtx_layers']} layers {row['rtx_compared']} tensors"
        text += f" {row['rtx_engine'] / 1e6:.1f} MB"
    return text + f"  ({row['seconds']:.0f} s)" + (f"\n    {row['problem']}" if row["problem"] else "")


def table(rows: list[dict[str, Any]], asked: int, replay: bool) -> str:
    used = {name: version(name) for name in ("torch", "torchvision", "onnx", "numpy")}
    rtx = sorted({row["rtx"] for row in rows if "rtx" in row})
    versions = ", ".join([f"Python {platform.python_version()}", *(f"{n} {v}" for n, v in used.items())])
    passed = sum(not row["problem"] for row in rows)
    states = len({row["code"] for row in rows})
    missing = f"; {asked - len(rows)} are still to come" if len(rows) < asked else ""
    lines = [
        "# Models that were lowered to TensorRT network definitions, proven without TensorRT",
        "",
        f"No GPU was used ({versions}{', TensorRT-RTX ' * bool(rtx)}{', '.join(rtx)}).",
        f"{passed} of {len(rows)} models passed{missing}.",
        *([f"The rows were made by {states} states of the code; `--again` makes all anew."] * (states > 1)),
        "",
        "Weights are random (initialised from data). Each model is exported to ONNX, lowered to a plan, and",
        "the calls of TensorRT's API that the plan becomes are computed by PyTorch, one by one, at batch 1",
        "and 2. The",
        "largest difference from the model's own answers, relative to the largest of them, may be",
        f"{PARITY:.0e}. That proves the lowering. The calls are then made in a network definition of",
        "TensorRT-RTX: the shape and type of every tensor of the plan is compared with what the library",
        "computes, it checks the number of weights, and it builds an engine (SM86, fp32). That is evidence",
        "for the graph, not for TensorRT itself, and nothing ran on a GPU.",
        "",
        "| model | input | layers | weights MB | largest relative difference | RTX layers | tensors compared "
        "| engine MB | lowering s | |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for row in rows:
        cells = [
            row["model"],
            *([""] * 8),
            "passed" if not row["problem"] else f"FAILED: {short(row['problem'])}",
        ]
        if "layers" in row:
            cells[1:5] = [
                row["input"],
                str(row["layers"]),
                f"{row['weights_mb']:.1f}",
                f"{row['difference']:.1e}",
            ]
            cells[8] = f"{row['lower_s']:.2f}"
        if "rtx_layers" in row:
            cells[5:8] = [
                str(row["rtx_layers"]),
                str(row["rtx_compared"]),
                f"{row['rtx_engine'] / 1e6:.1f}",
            ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def short(problem: str) -> str:
    return " ".join(problem.split()).replace("|", "/")[:300]


if __name__ == "__main__":
    sys.exit(main())
