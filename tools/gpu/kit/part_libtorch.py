"""Part 1: LibTorch projects on the GPU, beside PyTorch on the same one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from gencpp.backends import backend_named
from gencpp.core.backend import RuntimeOptions

from .clock import Clock, Log, NoTime
from .measure import Subject, check_answers, ctest, peers, time_all
from .projects import NAME, Failed, Made, Maker, Setup, Wanted, make_all
from .results import Figure, Part, Timing
from .steps import guarded

TITLE = "LibTorch on the GPU"
MODELS = ("resnet50", "resnet18", "mobilenet_v3_small", "vit_b_16")
BATCHES = (1, 64)
ROUNDS = 3
WANTED_RATIO = 5.0

_MAKING = 0.45
"""The share of the part's time for generating and building."""
_DRY_MAKING = 0.75
"""On a CPU that is all that takes long."""
_DRY_BATCHES = (1, 4)
_LIMIT = 240.0
"""Seconds for one project."""
_ROUND = 25.0
"""Seconds that one more round of a project takes, about."""


def batches(setup: Setup) -> tuple[int, ...]:
    """Sizes that are timed."""
    return _DRY_BATCHES if setup.dry_run else BATCHES


ALL = (
    Wanted(model=MODELS[0]),
    Wanted(model=MODELS[0], precision="fp16"),
    # The default's layout was chosen for CPUs: this one leaves it to be cuDNN's usual one.
    Wanted(model=MODELS[0], artifact="frozen", tests=False),
    *(Wanted(model=m) for m in MODELS[1:]),
    Wanted(model=MODELS[0], artifact="aoti"),
    *(Wanted(model=m, precision="fp16") for m in MODELS[1:]),
    *(Wanted(model=m, artifact="aoti") for m in MODELS[1:]),
    Wanted(model=MODELS[0], artifact="aoti", precision="fp16"),
)
"""The projects, most valuable first."""
DRY = (
    Wanted(model="mobilenet_v3_small"),
    # The first one's tests show that the kit runs them: the second is built without.
    Wanted(model="photo", precision="fp16", artifact="aoti", tests=False),
)
"""Those of a dry run."""


def run(
    part: Part, setup: Setup, clock: Clock, log: Log, saved: Callable[[], None], made: list[Made]
) -> None:
    """Fills `part`, and `made` with the projects. `saved` is called after each step."""
    on_gpu = setup.device == "cuda"
    # What is optional has to be built there: without CUDA's headers configuring fails, and says why.
    arguments, lacking = backend_named("libtorch").configure_arguments(NAME, RuntimeOptions())
    if lacking:
        raise Failed(lacking)
    maker = Maker(setup, log, configure=[*arguments, *([f"-D{NAME.upper()}_CUDA=ON"] if on_gpu else [])])
    making = clock.share(_MAKING if on_gpu else _DRY_MAKING)
    mine = make_all(part, maker, DRY if setup.dry_run else ALL, making, _LIMIT)
    made += mine
    saved()
    timed = []
    for one in mine:
        step = partial(_measure, part, one, setup, clock, log, peer_batches(one, timed, setup))
        if guarded(part, f"{one.wanted.key}: measured", step):
            timed.append(one)
        saved()
    # What costs most time and says least of a GPU comes last but one.
    for one in timed:
        if one.wanted.tests:
            name = f"{one.wanted.key}: its own tests"
            guarded(part, name, partial(ctest, part, one, setup, clock, log, maker.tools.ctest, name))
        saved()
    for _ in range(0 if setup.dry_run else ROUNDS - 1):
        for one in timed:
            name = f"{one.wanted.key}: further rounds"
            guarded(part, name, partial(_again, part, one, timed, setup, clock, log))
        saved()
    if on_gpu:
        part.figures += [f for f in figures(part) if f.value is not None or not setup.only]


def subjects(made: Made, device: str) -> list[Subject]:
    """The project's program in the ways that it can run."""
    flags = ("--device", device)
    if made.wanted.compiled:
        return [Subject(made=made, name="c++ aoti", flags=flags)]
    variant = f" {made.wanted.artifact}" if made.wanted.artifact else ""
    graph = Subject(made=made, name=f"c++{variant} graph", flags=flags)
    if variant:
        return [graph]
    return [graph, Subject(made=made, name="c++ plain", flags=(*flags, "--noCudaGraph"))]


def peer_batches(made: Made, timed: Sequence[Made], setup: Setup) -> tuple[int, ...]:
    """Those that PyTorch is timed with here: none where the model's project with the usual artifact does."""
    wanted = made.wanted
    usual = replace(wanted, artifact="", tests=True)
    return () if wanted.artifact and any(one.wanted == usual for one in timed) else batches(setup)


def _measure(part: Part, made: Made, setup: Setup, clock: Clock, log: Log, sizes: Sequence[int]) -> bool:
    """Answers, then times, of PyTorch at `sizes`; whether it was timed."""
    clock.need(20, made.wanted.key)
    answers = peers(part, made, setup, clock, log, sizes, compare=max(batches(setup)))
    flags = ("--device", setup.device)
    if not check_answers(part, made, setup, clock, log, answers, flags, compare=max(batches(setup))):
        return False  # what answers wrongly is not timed
    time_all(part, subjects(made, setup.device), setup, clock, log, batches(setup))
    return True


def _again(part: Part, made: Made, timed: Sequence[Made], setup: Setup, clock: Clock, log: Log) -> None:
    """One more round; without time for it the rounds before stand."""
    try:
        clock.need(_ROUND, f"further rounds of {made.wanted.key}")
        if sizes := peer_batches(made, timed, setup):
            peers(part, made, setup, clock, log, sizes)
        time_all(part, subjects(made, setup.device), setup, clock, log, batches(setup))
    except NoTime as e:
        part.facts["rounds"] = str(e)


def figures(part: Part) -> list[Figure]:
    """How many times faster than eager float32 the first model is as a CUDA graph, in each precision."""
    eager = part.timing(MODELS[0], "fp32", "eager", 1)
    found = []
    for precision in ("fp32", "fp16"):
        name = f"{MODELS[0]}, batch 1: PyTorch eager fp32 over C++ with CUDA graph, {precision}"
        ours = part.timing(MODELS[0], precision, "c++ graph", 1)
        figure = faster(name, WANTED_RATIO, eager, ours)
        if other := part.timing(MODELS[0], precision, "c++ frozen graph", 1):
            reason = f"{figure.reason}; with --artifact frozen {other.median_ms:.3f} ms"
            figure = replace(figure, reason=reason)
        found.append(figure)
    return found


def faster(name: str, wanted: float, eager: Timing | None, ours: Timing | None) -> Figure:
    """Eager's time over ours, with where the time goes."""
    text = f">= {wanted:g}"
    if eager is None or ours is None:
        lacks = "eager PyTorch" if eager is None else "the program"
        return Figure(name=name, wanted=text, value=None, reached=None, reason=f"no times of {lacks}")
    value = eager.median_ms / ours.median_ms
    stages = ", ".join(f"{stage} {ms:.3f}" for stage, ms in ours.stages_ms.items())
    reason = (
        f"{ours.median_ms:.3f} ms, by CUDA's events {stages or 'not told'}; eager {eager.median_ms:.3f} ms"
    )
    if "kernels" in eager.stages_ms:
        reason += f", of which kernels and copies {eager.stages_ms['kernels']:.3f}"
    return Figure(name=name, wanted=text, value=value, reached=value >= wanted, reason=reason)
