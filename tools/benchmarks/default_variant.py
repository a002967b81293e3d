"""Which TorchScript variant is the best default on the CPU: all of them over 32 models; one table.

    python tools/benchmarks/default_variant.py [--models a,b] [--threads 2]
         [--table docs/results/default-variant.md]

Random weights, initialised from data, batch 1, float32. Every variant is what `gencpp new --artifact NAME`
writes, loaded and run from Python in a process of its own, in interleaved rounds. Artifacts and figures are
kept in the folder --work, so that a run that ended goes on; --again makes all anew. Run it on an idle
machine.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "generator"), str(ROOT / "tests" / "support")]

from provenance import write_page  # noqa: E402 - below the path

MODELS = (
    *("alexnet", "vgg11", "vgg16", "vgg16_bn", "squeezenet1_0", "squeezenet1_1", "googlenet", "inception_v3"),
    *("resnet18", "resnet34", "resnet50", "resnet101", "wide_resnet50_2", "resnext50_32x4d", "densenet121"),
    *("densenet169", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "mnasnet0_5", "mnasnet1_0"),
    *("shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "efficientnet_b0", "efficientnet_b1", "efficientnet_v2_s"),
    *("regnet_y_400mf", "regnet_x_800mf", "convnext_tiny", "swin_t", "vit_b_16", "vit_b_32"),
)
NAMES = ("plain", "frozen", "channels-last", "fused", "fused-channels-last")


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--models", default=",".join(MODELS), help="names, separated by commas")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.7)
    parser.add_argument("--table", type=Path, help="markdown file to write")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "gencpp-default-variant")
    parser.add_argument("--export-only", action="store_true", help="make the artifacts, measure nothing")
    parser.add_argument("--again", action="store_true", help="also what was measured before")
    options = parser.parse_args()
    rows = []
    names = options.models.split(",")
    pool = processes(options.threads)
    for name in names:  # first, so that nothing else runs between the measurements
        pool.submit(export, name, options.work / name, again=options.again).result()
    for name in () if options.export_only else names:
        file = options.work / name / "measured.json"
        if options.again or not file.is_file():
            file.write_text(json.dumps(measured(options.work / name, options, pool)), encoding="utf-8")
        rows.append((name, json.loads(file.read_text(encoding="utf-8"))))
        print(line(*rows[-1]), flush=True)
        if options.table:
            write_page(options.table, table(rows, options))
    if rows:
        print(means(rows))
    return 0


def export(name: str, work: Path, *, again: bool) -> None:
    """Writes work/<variant>/model.pt for those that the model has, and work/made.json, which says why not."""
    made = work / "made.json"
    if made.is_file() and not again:
        return
    from gencpp.backends.libtorch.export import export_libtorch
    from gencpp.backends.libtorch.variants import VARIANTS
    from gencpp.core.errors import GencppError
    from gencpp.core.loaded import LoadOptions
    from gencpp.core.progress import silent
    from gencpp.model.inspection import inspect_model
    from gencpp.sources.load import load_source, parse_source

    print(f"exporting {name}", file=sys.stderr, flush=True)
    options = LoadOptions(weights="none")
    loaded = load_source(parse_source(name), options, silent)
    spec = inspect_model(loaded, options)
    found: dict[str, Any] = {"input": spec.inputs[0].shape(1), "variants": {}}
    for variant in NAMES:
        folder = work / variant
        folder.mkdir(parents=True, exist_ok=True)
        try:
            artifact, _, _ = export_libtorch(loaded, spec, folder, VARIANTS[variant], silent)
        except GencppError as e:
            found["variants"][variant] = {"problem": e.message}
        else:
            found["variants"][variant] = {"problem": "", "method": artifact.method}
    made.write_text(json.dumps(found), encoding="utf-8")


def processes(threads: int) -> ProcessPoolExecutor:
    """A process of its own for each task, forked from one that has imported torch and done nothing else."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch"])
    return ProcessPoolExecutor(1, context, max_tasks_per_child=1)


def measured(work: Path, options: argparse.Namespace, pool: ProcessPoolExecutor) -> dict[str, Any]:
    """The variants' p50 in ms, one for each round, and why some have none."""
    found = json.loads((work / "made.json").read_text(encoding="utf-8"))["variants"]
    rounds: dict[str, list[float]] = {name: [] for name in NAMES if not found[name]["problem"]}
    for i in range(options.rounds):
        order = list(rounds)
        for name in order[i % len(order) :] + order[: i % len(order)]:
            task = pool.submit(time_of, work / name, options.threads, options.seconds)
            rounds[name].append(task.result())
    return {"rounds": rounds, "problems": {n: found[n]["problem"] for n in NAMES if found[n]["problem"]}}


def time_of(folder: Path, threads: int, seconds: float) -> float:
    """p50 in ms of the artifact in this process, after warm-up."""
    import torch

    from gencpp.backends.libtorch.variants import VARIANTS
    from gencpp.tensors.compare import channels_last

    warnings.simplefilter("ignore")
    variant = VARIANTS[folder.name]
    torch.set_num_threads(threads)
    jit: Any = torch.jit
    jit.enable_onednn_fusion(variant.fusion)
    shape = json.loads((folder.parent / "made.json").read_text(encoding="utf-8"))["input"]
    module = jit.load(str(folder / "model.pt"))
    inputs = [torch.randn(shape, generator=torch.Generator().manual_seed(1))]

    def run() -> None:  # as the C++ program does: the caller's input is NCHW
        module(*(channels_last(inputs) if variant.channels_last else inputs))

    times = []
    with torch.inference_mode():
        for _ in range(5):
            run()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(times) < 10:
            begin = time.perf_counter()
            run()
            times.append(time.perf_counter() - begin)
    return 1000 * statistics.median(times)


def of_plain(found: dict[str, Any], name: str) -> float | None:
    """Median over the rounds of this variant's time / plain's in the same round."""
    rounds = found["rounds"]
    if name not in rounds:
        return None
    return statistics.median(a / b for a, b in zip(rounds[name], rounds["plain"], strict=True))


def cells(name: str, found: dict[str, Any]) -> list[str]:
    ratios = {v: of_plain(found, v) for v in NAMES}
    best = min((r for r in ratios.values() if r is not None), default=1.0)
    texts = []
    for ratio in list(ratios.values())[1:]:
        text = "cannot" if ratio is None else f"{ratio:.2f}"
        texts.append(f"**{text}**" if ratio == best else text)
    return [name, f"{statistics.median(found['rounds']['plain']):.2f}", *texts]


def line(name: str, found: dict[str, Any]) -> str:
    first, plain, *ratios = cells(name, found)
    told = "  ".join(f"{v} {r.strip('*')}" for v, r in zip(NAMES[1:], ratios, strict=True))
    return f"{first:20} plain {plain:>8} ms  {told}"


def means(rows: list[tuple[str, dict[str, Any]]]) -> str:
    """Of each variant; where it cannot run a model, channels-last stands in, as it does in `gencpp new`."""
    told = []
    for name in NAMES[1:]:
        ratios = [of_plain(f, name) or of_plain(f, "channels-last") or 1.0 for _, f in rows]
        told.append(f"{name} {math.exp(statistics.fmean(math.log(r) for r in ratios)):.3f}")
    return f"geometric means over {len(rows)} models, of plain's time: " + ", ".join(told)


def table(rows: list[tuple[str, dict[str, Any]]], options: argparse.Namespace) -> str:
    from gencpp.bench.machine import machine

    about = machine()
    lines = [
        f"# The TorchScript variants over {len(rows)} models",
        "",
        f"On {about['cores']} cores of {about['cpu']}",
        f"(torch {about['versions']['torch']}): batch 1, float32, {options.threads} threads, random weights,",
        f"from Python; {options.rounds} interleaved rounds of {options.seconds:g} s, each variant in a",
        "process of its own. Ratios are to `plain` in the same round, their median; the fastest is bold.",
        "`cannot`: oneDNN graph fusion fails on the model, and `gencpp new` takes `channels-last`.",
        "",
        "| model | plain ms | " + " | ".join(NAMES[1:]) + " |",
        "|---|--:|" + "--:|" * (len(NAMES) - 1),
        *("| " + " | ".join(cells(*row)) + " |" for row in rows),
        "",
        means(rows)[0].upper() + means(rows)[1:] + ".",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
