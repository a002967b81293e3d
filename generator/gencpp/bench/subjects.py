"""Who is measured: a project's C++ program, and the Python peers that answer as it does."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..backends import backend_named
from ..core import jsonfile
from ..core.bench_values import bench_values
from ..core.errors import CheckFailed, UsageError
from ..core.progress import Progress
from ..core.spec import GoldenCase
from ..core.values import is_float
from ..verification import comparison
from .build import Built
from .options import PEERS, Options
from .process import Ran, environment, spawn
from .processors import pinned
from .remake import remake

_TIMEOUT = 900.0
_STAGE_RUNS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What one process is told."""

    batch: int
    threads: int
    seconds: float = 1.0
    warmup: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one process gave."""

    data: dict[str, Any]
    first_output_s: float | None
    peak_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The generated C++ program."""

    built: Built
    scratch: Path
    name: str = "c++"

    def time(self, setting: Setting, *more: str) -> Sample:
        """`times_ms`, `wall_s` and `load_ms`, by `<name>_bench --exportTimes`."""
        times = self.scratch / f"{self.built.key}-times.json"
        argv = ["--json", "--seconds", str(setting.seconds), "--warmup", str(setting.warmup)]
        argv += ["--exportTimes", str(times), *_options(self.built, setting)]
        sample = self._run(self.built.bench, [*argv, *more], setting)
        samples = jsonfile.read(times)
        throughput = sample.data["throughput_per_s"]
        wall = len(samples) * sample.data["batch"] / throughput
        return Sample(
            data={**sample.data, "times_ms": samples, "wall_s": wall},
            first_output_s=None,
            peak_bytes=sample.peak_bytes,
        )

    def start(self, setting: Setting) -> Sample:
        """From the program's start to its first answer, by `<name>` on the first golden's inputs."""
        argv = ["--json", "--threads", str(setting.threads), *_device(self.built)]
        for file in first_case(self.built).inputs:
            argv += ["--input", str(self.built.folder / "assets" / "goldens" / file)]
        return self._run(self.built.program, argv, setting)

    def stages(self, setting: Setting, picture: Path, iterations: int = _STAGE_RUNS) -> Sample:
        """`decode_ms`, `preprocess_ms`, `infer_ms`, `postprocess_ms`, by `<name>_bench PICTURE`."""
        argv = ["--json", "--iterations", str(iterations), "--warmup", "1"]
        argv += [*_options(self.built, setting), str(picture)]
        return self._run(self.built.bench, argv, setting)

    def reads_jpeg(self) -> bool:
        """Whether it was built with libjpeg."""
        file = self.built.folder / "assets" / "goldens" / "golden.jpg"
        if not file.is_file():
            return False
        try:
            self.stages(Setting(batch=1, threads=1), file, iterations=1)
        except CheckFailed as e:
            if "cannot decode JPEG" not in e.message:
                raise
            return False
        return True

    def memory(self, setting: Setting, of: str, count: int) -> list[tuple[int, int]]:
        """(done, resident bytes) over `count` `loads`, `runs`, or runs of other `sizes`."""
        argv = [f"--memory-{of}", str(count), *_options(self.built, setting)]
        sample = self._run(self.built.bench, argv, setting, timeout=12 * 3600.0)
        return [(done, resident) for done, resident in sample.data["points"]]

    def _run(self, program: Path, argv: list[str], setting: Setting, timeout: float = _TIMEOUT) -> Sample:
        env = environment(setting.threads, without=(self.built.assets_variable,))
        argv = [str(program), *argv]
        where = pinned(setting.threads)
        return _answer(self, spawn(argv, env, timeout=timeout + setting.seconds, processors=where))


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The same model, run from Python."""

    name: str
    built: Built
    model: Path
    scratch: Path
    path: tuple[str, ...] = ()

    def time(self, setting: Setting) -> Sample:
        """In a loop of Python's."""
        project = self.built.project
        goldens = self.built.folder / "assets" / "goldens"
        tensors = []
        for t, file in zip(project.model.inputs, project.goldens.cases[0].inputs, strict=True):
            values = bench_values(t, file)
            golden = str(goldens / values.golden) if values.golden else ""
            bounds = (values.low, values.high) if is_float(t.dtype) else (values.first, values.last)
            tensors.append(
                {"dtype": t.dtype.value, "shape": t.shape(setting.batch), "bounds": bounds, "golden": golden}
            )
        return self._run("time", setting, tensors=tensors, seconds=setting.seconds, warmup=setting.warmup)

    def start(self, setting: Setting) -> Sample:
        """From the interpreter's start."""
        goldens = self.built.folder / "assets" / "goldens"
        return self._run("start", setting, inputs=[str(goldens / f) for f in first_case(self.built).inputs])

    def stages(self, setting: Setting, picture: Path) -> Sample:
        """With Pillow and torchvision."""
        model = self.built.project.model
        assert model.preprocess is not None
        return self._run(
            "stages",
            setting,
            picture=str(picture),
            preprocess=model.preprocess.to_json(),
            task=model.task.value,
            iterations=_STAGE_RUNS,
        )

    def check(self) -> str:
        """Why its answers are not the goldens'; empty when they are."""
        goldens = self.built.folder / "assets" / "goldens"
        cases = [c for c in self.built.project.goldens.cases if not c.image] or [first_case(self.built)]
        asked = [
            {
                "inputs": [str(goldens / f) for f in c.inputs],
                "outputs": [str(self._output(c, i)) for i in range(len(c.outputs))],
            }
            for c in cases
        ]
        try:
            self._run("check", Setting(batch=1, threads=1), cases=asked)
        except CheckFailed as e:
            return e.message
        return self._difference(cases, goldens)

    def _difference(self, cases: Sequence[GoldenCase], goldens: Path) -> str:
        import numpy as np

        for case in cases:
            for i, output in enumerate(case.outputs):
                ours = np.load(self._output(case, i), allow_pickle=False)
                theirs = np.load(goldens / output.file, allow_pickle=False)
                found = comparison.compared(case.name, output.name, ours, theirs, output.tolerance)
                if not found.passed:
                    told = (
                        "another shape or type" if found.max_rel_diff is None else f"{found.max_rel_diff:.2g}"
                    )
                    return f"it answers otherwise than the model: {case.name}/{output.name} differs by {told}"
        return ""

    def _output(self, case: GoldenCase, index: int) -> Path:
        return self.scratch / f"{self.built.key}-{self.name}-{case.name}-{index}.npy"

    def _run(self, mode: str, setting: Setting, **more: Any) -> Sample:
        job = {"peer": self.name, "mode": mode, "model": str(self.model), "threads": setting.threads, **more}
        file = self.scratch / f"{self.built.key}-{self.name}-{mode}.json"
        file.write_text(json.dumps(job), encoding="utf-8")
        argv = [sys.executable, "-m", f"{__package__}.peer", str(file)]
        env = environment(setting.threads, self.path)
        where = pinned(setting.threads)
        return _answer(self, spawn(argv, env, timeout=_TIMEOUT + setting.seconds, processors=where))


Subject = Program | Peer
"""One that is measured; each call is a process of its own, and raises CheckFailed when that fails."""


@dataclass
class Field:
    """The subjects of one project, and who is not among them."""

    program: Program
    peers: list[Peer] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    """By the peer's name: why, with what to do about it."""

    @property
    def subjects(self) -> list[Subject]:
        """All that are measured."""
        return [self.program, *self.peers]


def first_case(built: Built) -> GoldenCase:
    """The golden whose inputs start-up is measured with."""
    return next(c for c in built.project.goldens.cases if not c.image)


def gather(built: Built, options: Options, scratch: Path, progress: Progress) -> Field:
    """Every peer that is installed and gives the goldens' outputs within their tolerance."""
    found = Field(program=Program(built=built, scratch=scratch))
    wanted = []
    for name in options.against:
        package = PEERS[name]
        if importlib.util.find_spec(package) is None:
            found.skipped[name] = f"{package} is not installed: pip install {package}"
        else:
            wanted.append(name)
    for name, (model, why) in _models(built, wanted, scratch, options, progress).items():
        if model is None:
            found.skipped[name] = why
            continue
        progress(f"{built.key}: comparing {name} with the goldens")
        peer = Peer(name=name, built=built, model=model, scratch=scratch, path=options.path)
        if why := peer.check():
            found.skipped[name] = why
        else:
            found.peers.append(peer)
    return found


def _models(
    built: Built, wanted: Sequence[str], scratch: Path, options: Options, progress: Progress
) -> dict[str, tuple[Path | None, str]]:
    """For each peer its file, or why there is none."""
    artifact = built.project.artifact
    file = built.folder / "assets" / artifact.file
    given = {
        "torchscript": (file, "")
        if artifact.format == "torchscript"
        else (None, f"the project's artifact is {artifact.format}, which TorchScript does not run")
    }
    if artifact.format == "onnx":
        given |= {"onnxruntime": (file, ""), "openvino": (file, "")}
    kinds = {"eager": "eager", "onnxruntime": "onnx", "openvino": "onnx"}
    missing = sorted({kinds[name] for name in wanted if name not in given})
    made: dict[str, tuple[Path | None, str]] = {}
    if missing:
        progress(f"{built.key}: making the Python model again ({', '.join(missing)})")
        folder = scratch / f"{built.key}-model"
        folder.mkdir()
        made = remake(built.project, missing, folder, options.path, options.models)
    return {name: given[name] if name in given else made[kinds[name]] for name in wanted}


def _options(built: Built, setting: Setting) -> list[str]:
    """Batch (where it may vary), threads and device of a benchmark's run."""
    batch = ["--batch", str(setting.batch)] if built.project.model.batch.dynamic else []
    return [*batch, "--threads", str(setting.threads), *_device(built)]


def _device(built: Built) -> list[str]:
    """Peers run on the CPU, so a program that can does so too."""
    return ["--device", "cpu"] if backend_named(built.project.backend).on_cpu(built.project) else []


def _answer(subject: Subject, ran: Ran) -> Sample:
    who = f"{subject.built.key}, {subject.name}"
    if ran.code != 0:
        raise CheckFailed(f"{who}: {ran.problem()}")
    start = ran.output.find("{")
    try:
        data = jsonfile.loads(ran.output[max(start, 0) :], "what it printed")
    except UsageError:
        raise CheckFailed(f"{who}: no JSON from it: {ran.output[:200]!r}") from None
    return Sample(data=data, first_output_s=ran.first_output_s, peak_bytes=ran.peak_bytes)
