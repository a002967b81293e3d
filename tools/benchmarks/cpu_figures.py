"""LibTorch projects on the CPU against ONNX Runtime, OpenVINO, and TorchScript as saved; one table.

    python tools/benchmarks/cpu_figures.py [--models a,b] [--tune] [--table docs/results/cpu-peers.md]

Each model becomes two projects with random weights, initialised from data: the default artifact (--tune:
the fastest that passes) and `--artifact plain`. `gencpp bench` measures both and the peers in interleaved
rounds, batch 1, float32. Projects and what was measured are kept in the folder --work, so that a run that
ended goes on; --again makes all anew. Peers need `pip install onnxruntime openvino`. Ratios are not judged;
run it on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "generator"), str(ROOT / "tests" / "support")]

from provenance import write_page  # noqa: E402 - below the path

MODELS = (
    *("resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_large", "efficientnet_b0", "densenet121"),
    *("squeezenet1_1", "shufflenet_v2_x1_0", "vgg16", "vit_b_16"),
)
PEERS = ("onnxruntime", "openvino")
OURS, PLAIN = "ours", "plain"


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--models", default=",".join(MODELS), help="names, separated by commas")
    parser.add_argument("--tune", action="store_true", help="choose the artifact by measuring")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--table", type=Path, help="markdown file to write")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "gencpp-cpu-figures")
    parser.add_argument("--build-only", action="store_true", help="make the projects, measure nothing")
    parser.add_argument("--again", action="store_true", help="also what was measured before")
    parser.add_argument("--peak", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        print(peak_here(options.threads))
        return 0
    if options.again:
        shutil.rmtree(options.work, ignore_errors=True)
    options.work.mkdir(parents=True, exist_ok=True)
    rows = []
    names = options.models.split(",")
    for name in names:  # first, so that nothing is compiled between the measurements
        projects(name, options)
    for name in () if options.build_only else names:
        file = options.work / f"{name}{'-tuned' if options.tune else ''}.json"
        if not file.is_file():
            file.write_text(json.dumps(measured(name, options)), encoding="utf-8")
        rows.append(row(name, json.loads(file.read_text(encoding="utf-8"))))
        print(line(rows[-1]), flush=True)
        if options.table:
            write_page(options.table, table(rows, options))
    if rows:
        print(means(rows))
    return 0


def gencpp(*arguments: str | Path) -> str:
    """Its standard output; ends the program where it fails."""
    argv = [sys.executable, "-m", "gencpp", *map(str, arguments)]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(argv)}\nexited with {done.returncode}:\n{done.stderr[-3000:]}")
    return done.stdout


def projects(name: str, options: argparse.Namespace) -> tuple[Path, Path]:
    """The default (or tuned) project and the plain one: written and built where they are not.

    All have the same two names in C++, so that what includes LibTorch is compiled twice, not twice a model.
    """
    import compile_cache

    from gencpp.bench.build import build

    objects = options.work / "objects"
    objects.mkdir(parents=True, exist_ok=True)
    os.environ.update(compile_cache.environment(objects))
    more = ["--tune"] if options.tune else []
    wanted = (
        (options.work / f"{name}_tuned" if options.tune else options.work / name, [*more, "--name", OURS]),
        (options.work / f"{name}_plain", ["--artifact", "plain", "--name", PLAIN]),
    )
    for folder, arguments in wanted:
        if not (folder / "built").is_file():
            print(f"making {folder.name}", file=sys.stderr, flush=True)
            shutil.rmtree(folder, ignore_errors=True)
            gencpp("new", "--model", name, "--weights", "none", *arguments, folder)
            build(folder, lambda _: None)
            (folder / "built").touch()
    return wanted[0][0], wanted[1][0]


def measured(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """bench.json of both projects, with the variants that they are."""
    ours, plain = projects(name, options)
    out = options.work / f"{ours.name}-bench"
    out.mkdir(exist_ok=True)
    gencpp(
        *("bench", ours, plain, "--against", ",".join(PEERS), "--threads", str(options.threads)),
        *("--rounds", str(options.rounds), "--seconds", str(options.seconds), "--out", out),
    )
    report: dict[str, Any] = json.loads((out / "bench.json").read_text(encoding="utf-8"))
    manifest = json.loads((ours / "gencpp.json").read_text(encoding="utf-8"))["project"]
    said = gencpp("inspect", name, "--weights", "none", "--json")
    return {
        "bench": report,
        "libtorch": manifest["libtorch"],
        "multiply_adds": json.loads(said)["multiply_adds"],
        "peak": peak(options.threads),
    }


def peak(threads: int) -> float:
    """What a large convolution reaches by oneDNN, in 1e9 float32 operations a second: the limit here."""
    argv = [sys.executable, __file__, "--peak", "--threads", str(threads)]
    env = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    return float(subprocess.run(argv, capture_output=True, text=True, env=env, check=True).stdout.split()[-1])


def peak_here(threads: int) -> float:
    import torch

    warnings.simplefilter("ignore")
    torch.set_num_threads(threads)
    jit: Any = torch.jit
    jit.enable_onednn_fusion(True)
    channels, size, order = 256, 56, torch.channels_last
    conv = torch.nn.Conv2d(channels, channels, 3, padding=1).eval().to(memory_format=order)
    module = jit.freeze(jit.script(conv))
    x = torch.randn(1, channels, size, size).to(memory_format=order)
    times = []
    with torch.inference_mode():
        for _ in range(200):
            begin = time.perf_counter()
            module(x)
            times.append(time.perf_counter() - begin)
    return 2 * 9 * channels**2 * size**2 / statistics.median(times) / 1e9


def row(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """Ratios of each round, so that what the machine did in one hits both sides."""
    runs = {(r["project"], r["subject"]): r for r in found["bench"]["runs"]}
    ours, plain = runs[OURS, "c++"], runs[PLAIN, "c++"]
    peers = {p: runs[OURS, p] for p in PEERS if (OURS, p) in runs}
    if not peers:
        raise SystemExit(f"{name}: no peer could be measured: {found['bench']['projects'][0]['skipped']}")
    best = min(peers, key=lambda p: float(peers[p]["p50_ms"]))
    return {
        "model": name,
        "variant": found["libtorch"]["variant"],
        "ms": ours["p50_ms"],
        **{p: peers[p]["p50_ms"] if p in peers else None for p in PEERS},
        "best": best,
        "peer": ratios(ours, peers[best]),
        "plain": ratios(ours, plain),
        "speed": 2e-6 * found["multiply_adds"] / ours["p50_ms"],
        "peak": found["peak"],
        "machine": found["bench"]["machine"],
    }


def ratios(ours: dict[str, Any], other: dict[str, Any]) -> list[float]:
    return [a["p50_ms"] / b["p50_ms"] for a, b in zip(ours["rounds"], other["rounds"], strict=True)]


def told(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def line(r: dict[str, Any]) -> str:
    peers = "  ".join(f"{p} {r[p]:8.2f}" if r[p] else f"{p} absent" for p in PEERS)
    return (
        f"{r['model']:20} {r['variant']:20} {r['ms']:8.2f} ms  {peers}  of the faster {told(r['peer'])}"
        f"  of plain {told(r['plain'])}  {r['speed']:.0f} of {r['peak']:.0f} GFLOP/s"
    )


def geometric(rows: list[dict[str, Any]], key: str) -> float:
    return math.exp(statistics.fmean(math.log(statistics.median(r[key])) for r in rows))


def means(rows: list[dict[str, Any]]) -> str:
    return (
        f"geometric means of {len(rows)}: {geometric(rows, 'peer'):.2f} of the faster peer's time, "
        f"{geometric(rows, 'plain'):.2f} of plain TorchScript's"
    )


def table(rows: list[dict[str, Any]], options: argparse.Namespace) -> str:
    about = rows[-1]["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in about["versions"].items())
    lines = [
        "# LibTorch projects on the CPU against their peers",
        "",
        f"On {about['cores']} cores of {about['cpu']} ({versions}).",
        f"Batch 1, float32, {options.threads} threads, random weights; {options.rounds} interleaved rounds",
        f"of {options.seconds:g} s, every subject in a process of its own. Ratios are of the C++ program's",
        "p50 to the other's in the same round: their median and range. Below 1 is faster. GFLOP/s: two for",
        "each multiply-add of the model, beside what oneDNN reaches with a 3x3 convolution of 256 channels.",
        "",
        "| model | variant | ms | ONNX Runtime ms | OpenVINO ms | of the faster | of plain | GFLOP/s |",
        "|---|---|--:|--:|--:|---|---|---|",
    ]
    for r in rows:
        peers = " | ".join(f"{r[p]:.2f}" if r[p] else "absent" for p in PEERS)
        ratio = f"{told(r['peer'])} | {told(r['plain'])} | {r['speed']:.0f} of {r['peak']:.0f}"
        lines.append(f"| {r['model']} | {r['variant']} | {r['ms']:.2f} | {peers} | {ratio} |")
    return "\n".join([*lines, "", f"{means(rows)[0].upper()}{means(rows)[1:]}.", ""])


if __name__ == "__main__":
    sys.exit(main())
