"""Part 2: TensorRT projects, given a folder with its libraries and headers."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from gencpp.backends import backend_named
from gencpp.core.backend import RuntimeOptions
from gencpp.verification import comparison

from .clock import Clock, Log, Skipped
from .measure import (
    Subject,
    check_answers,
    ctest,
    old_pillow,
    peers,
    program_json,
    time_all,
)
from .part_libtorch import BATCHES, batches, faster
from .projects import NAME, Failed, Made, Maker, Setup, Wanted, make_all
from .results import FAILED, PASSED, SKIPPED, Figure, Part
from .steps import guarded

TITLE = "TensorRT"
MODEL = "resnet50"
CALLERS = 8
WANTED_RATIO = 8.0
WANTED_BARE = 1.03
WANTED_OF_PARSER = 1.02

_MAKING = 0.4
"""The share of the part's time for generating and building."""
_DRY_MAKING = 0.75
_LIMIT = 240.0
_STAND_INS = ("libcublas.so", "libcublasLt.so", "libcudnn.so")
NO_LIBRARIES = "--tacticSources=-CUBLAS,-CUBLAS_LT,-CUDNN"
"""For programs whose cuBLAS and cuDNN are stand-ins."""


def version_of(root: Path) -> tuple[int, int]:
    """Of the headers; raises Failed where the folder is no TensorRT."""
    file = root / "include" / "NvInferVersion.h"
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as e:
        raise Failed(f"{file}: {e.strerror}: --tensorrt names a folder with include/ and lib/") from None
    found = dict(
        re.findall(
            r"^#define[ \t]+(?:NV_TENSORRT|TRT)_(MAJOR|MINOR)(?:_ENTERPRISE)?[ \t]+(\d+)", text, re.MULTILINE
        )
    )
    if len(found) != 2 or not list((root / "lib").glob("libnvinfer.so*")):
        raise Failed(f"{root} has no TensorRT: lib/libnvinfer.so* and its headers in include/")
    return int(found["MAJOR"]), int(found["MINOR"])


def projects(model: str, oldest: str, largest: int) -> tuple[Wanted, ...]:
    """The projects, most valuable first."""
    return tuple(
        Wanted(
            model=model,
            precision=precision,
            backend="tensorrt",
            trt_api=api,
            tensorrt_min=oldest,
            largest_batch=largest,
        )
        for api in ("network", "parser")
        for precision in ("fp32", "fp16")
    )


ALL = (*projects(MODEL, "", 0), *projects("photo", "", 0))
"""What `--only` may name."""


def wanted(root: Path, *, dry_run: bool) -> list[Wanted]:
    """Those of a run; without a parser's library none that needs it."""
    major, minor = version_of(root)
    oldest = f"{major}.{minor}" if major == 8 else "10.0"
    model, largest = ("photo", 4) if dry_run else (MODEL, max(BATCHES))
    has_parser = bool(list((root / "lib").glob("libnvonnxparser.so*")))
    return [one for one in projects(model, oldest, largest) if has_parser or one.trt_api == "network"]


def run(
    part: Part,
    setup: Setup,
    clock: Clock,
    log: Log,
    saved: Callable[[], None],
    made: list[Made],
    root: Path,
) -> None:
    """Fills `part`, and `made` with the projects.

    All of them answer and are timed before any is looked into more closely, which takes longer.
    """
    arguments, lacking = backend_named("tensorrt").configure_arguments(
        NAME, RuntimeOptions(tensorrt_root=root)
    )
    if lacking:
        part.add("TensorRT", FAILED, lacking)
        return
    maker = Maker(setup, log, configure=arguments)
    making = clock.share(_MAKING if setup.device == "cuda" else _DRY_MAKING)
    mine = make_all(part, maker, wanted(root, dry_run=setup.dry_run), making, _LIMIT)
    made += mine
    saved()
    right = []
    for one in mine:
        flags = tactics(one, root)
        if guarded(
            part, f"{one.wanted.key}: measured", partial(_measure, part, one, setup, clock, log, flags)
        ):
            right.append(one)
        saved()
    for looked in (_look, _prove):
        for one in right:
            for name, step in looked(part, one, maker, clock, log, root):
                guarded(part, f"{one.wanted.key}: {name}", step)
            saved()
    if setup.device == "cuda":
        part.figures += [f for f in figures(part) if f.value is not None or not setup.only]


def tactics(made: Made, root: Path) -> tuple[str, ...]:
    """Flags of the program: a network that is C++ leaves cuBLAS and cuDNN alone by itself."""
    has_stand_ins = any(list((root / "lib").glob(f"{name}.*")) for name in _STAND_INS)
    return (NO_LIBRARIES,) if made.wanted.trt_api == "parser" and has_stand_ins else ()


def _measure(part: Part, made: Made, setup: Setup, clock: Clock, log: Log, flags: Sequence[str]) -> bool:
    """The engine's cache, answers, times; whether it was timed."""
    clock.need(20, made.wanted.key)
    sizes = batches(setup)
    _cache(part, made, setup, clock, log, flags)
    answers = peers(part, made, setup, clock, log, sizes, compare=max(sizes))
    if not check_answers(part, made, setup, clock, log, answers, flags, compare=max(sizes)):
        return False  # what answers wrongly is not timed
    name = f"tensorrt {made.wanted.trt_api}"
    graph = Subject(made=made, name=f"{name} graph", flags=tuple(flags))
    plain = Subject(made=made, name=f"{name} plain", flags=(*flags, "--noCudaGraph"))
    time_all(part, (graph, plain), setup, clock, log, sizes)
    return True


Steps = list[tuple[str, Callable[[], object]]]


def _look(part: Part, made: Made, maker: Maker, clock: Clock, log: Log, root: Path) -> Steps:
    """The bare loop, the layers, many callers: seconds each."""
    flags = tactics(made, root)
    return [
        ("a bare enqueueV3 loop", partial(_bare, part, made, maker.setup, clock, log, flags)),
        ("profile", partial(_layers, part, made, maker.setup, clock, log, flags)),
        (f"{CALLERS} callers at once", partial(_callers, part, made, maker.setup, clock, log, flags, root)),
    ]


def _prove(part: Part, made: Made, maker: Maker, clock: Clock, log: Log, root: Path) -> Steps:
    """All of verify, and layer by layer: minutes."""
    key = made.wanted.key
    steps: Steps = []
    if tactics(made, root):  # verify's steps run the programs as they are, which would call the stand-ins
        reason = "its tests build engines with cuBLAS and cuDNN, which are stand-ins here"
        steps.append(("gencpp verify", partial(_skip, reason)))
    elif old_pillow():
        reason = "Pillow is older than 13, so its pixels are others: the tests that need none are run instead"
        name = f"{key}: its own tests"
        tests = partial(ctest, part, made, maker.setup, clock, log, maker.tools.ctest, name)
        steps += [("gencpp verify", partial(_skip, reason)), ("its own tests", tests)]
    else:
        steps.append(("gencpp verify", partial(verify, part, made, clock, log, root)))
    if made.wanted.trt_api == "network":
        steps.append(("layer by layer", partial(by_layer, part, made, maker.setup, clock, log)))
    return steps


def _skip(reason: str) -> None:
    raise Skipped(reason)


def _cache(part: Part, made: Made, setup: Setup, clock: Clock, log: Log, flags: Sequence[str]) -> None:
    """The first start builds the engine, the second reads it."""
    name = f"{made.wanted.key}: engine cache"
    argv = [made.tool("bench"), "--json", "--iterations", "10", *flags]
    first = program_json(argv, setup, clock, log)
    second = program_json(argv, setup, clock, log)
    told = [f"{x.get('engine', '')} ({float(x['load_ms']) / 1e3:.2f} s to load)" for x in (first, second)]
    held = told[0].startswith("built") and told[1].startswith("read")
    part.add(name, PASSED if held else FAILED, f"miss: {told[0]}; hit: {told[1]}")


def _bare(part: Part, made: Made, setup: Setup, clock: Clock, log: Log, flags: Sequence[str]) -> None:
    """run() against a bare enqueueV3 loop on the same engine."""
    for label, more in (("graph", ()), ("no graph", ("--noCudaGraph",))):
        told = program_json([made.tool("bench_bare"), "--json", *flags, *more], setup, clock, log)
        value = float(told["run_p50_ms"]) / float(told["bare_p50_ms"])
        key = f"{made.wanted.key}, {label}: run() over a bare enqueueV3 loop"
        part.facts[key] = {**told, "ratio": value}
        part.add(key, PASSED, f"{value:.4f} ({told['run_p50_ms']:.4f} and {told['bare_p50_ms']:.4f} ms)")
        if setup.device == "cuda":
            part.figures.append(
                Figure(
                    name=key,
                    wanted=f"<= {WANTED_BARE:g}",
                    value=value,
                    reached=value <= WANTED_BARE,
                    reason=f"without the copies on the host the loop takes {told['pinned_p50_ms']:.4f} ms",
                )
            )


def _layers(part: Part, made: Made, setup: Setup, clock: Clock, log: Log, flags: Sequence[str]) -> None:
    """Time of each layer, by TensorRT's own profiler."""
    file = made.folder / "layers.json"
    argv = [made.tool("bench"), "--json", "--iterations", "20", *flags, "--exportProfile", file]
    program_json(argv, setup, clock, log)
    layers = [x for x in json.loads(file.read_text(encoding="utf-8")) if "name" in x]
    most = sorted(layers, key=lambda x: -float(x["averageMs"]))[:5]
    part.facts[f"{made.wanted.key}: layers"] = {
        "count": len(layers),
        "sum_ms": sum(float(x["averageMs"]) for x in layers),
        "most": {x["name"][:80]: x["averageMs"] for x in most},
    }
    detail = f"{len(layers)} layers, most time in {most[0]['name']}" if layers else "no layers"
    part.add(f"{made.wanted.key}: profile", PASSED if layers else FAILED, detail)


def _callers(
    part: Part, made: Made, setup: Setup, clock: Clock, log: Log, flags: Sequence[str], root: Path
) -> None:
    """Eight callers at once against one: each with its context and stream, which 8.5 has one of."""
    argv = [made.tool("bench"), "--json", "--seconds", str(setup.seconds), *flags]
    one = program_json(argv, setup, clock, log)
    many = program_json([*argv, "--infStreams", str(CALLERS)], setup, clock, log)
    gain = float(many["throughput_per_s"]) / float(one["throughput_per_s"])
    detail = f"{many['throughput_per_s']:.0f} items/s, {gain:.2f} of one caller's"
    if version_of(root) < (8, 6):
        detail += "; they take turns: TensorRT 8.5 has one context for a profile"
    part.add(f"{made.wanted.key}: {CALLERS} callers at once", PASSED, detail)


def verify(part: Part, made: Made, clock: Clock, log: Log, root: Path) -> None:
    """Every step of `gencpp verify`, as checks."""
    key = f"{made.wanted.key}: gencpp verify"
    argv = [sys.executable, "-m", "gencpp", "verify", made.folder, "--tensorrt-root", root, "--json"]
    ran = clock.run(argv, log, limit=_LIMIT)
    try:
        report = json.loads(ran.output[ran.output.index("{") :])
        steps = report["steps"]
    except (ValueError, KeyError):
        part.add(key, FAILED, f"exit code {ran.code}: {ran.problem()}", ran.seconds)
        return
    for step in steps:
        part.add(f"{key}, {step['name']}", step["status"], step["reason"], step["seconds"])


def by_layer(part: Part, made: Made, setup: Setup, clock: Clock, log: Log) -> None:
    """What the layers of a network that is C++ give, against PyTorch's: `<name>_diff`."""
    name = f"{made.wanted.key}: layer by layer"
    ran = clock.run([made.tool("diff")], log, limit=_LIMIT, env=setup.environment())
    if ran.code == comparison.NO_DEVICE and setup.dry_run:
        part.add(name, SKIPPED, comparison.last_line(ran.output), ran.seconds)
    else:
        part.add(name, PASSED if ran.code == 0 else FAILED, ran.problem(), ran.seconds)


def figures(part: Part) -> list[Figure]:
    """Against eager float32 at batch 1, and the network that is C++ against the parser's."""
    eager = part.timing(MODEL, "fp32", "eager", 1)
    found = []
    for api in ("network", "parser"):
        name = f"{MODEL}, batch 1: PyTorch eager fp32 over TensorRT fp16 ({api})"
        found.append(
            faster(name, WANTED_RATIO, eager, part.timing(MODEL, "fp16", f"tensorrt {api} graph", 1))
        )
    for precision in ("fp32", "fp16"):
        name = f"{MODEL}, batch 1, {precision}: the network's engine over the parser's"
        ours, theirs = (
            part.timing(MODEL, precision, f"tensorrt {api} graph", 1) for api in ("network", "parser")
        )
        text = f"<= {WANTED_OF_PARSER:g}"
        if ours is None or theirs is None:
            found.append(
                Figure(name=name, wanted=text, value=None, reached=None, reason="not both have times")
            )
            continue
        value = ours.median_ms / theirs.median_ms
        reason = f"{ours.median_ms:.3f} and {theirs.median_ms:.3f} ms"
        found.append(
            Figure(name=name, wanted=text, value=value, reached=value <= WANTED_OF_PARSER, reason=reason)
        )
    return found
