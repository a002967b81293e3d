"""Projects that the kit generates and builds, each as a user would."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import compile_cache

from generator.errors import GencppError
from generator.project import read_manifest
from generator.spec import ProjectSpec
from generator.toolchain import Toolchain, find_toolchain

from .clock import Clock, Log

ROOT = Path(__file__).resolve().parents[3]
MODELS = ROOT / "tests" / "models"
NAME = "photo"
"""Of every project in C++ and CMake, so that what is equal in them is compiled once; the tests' name too."""


class Failed(Exception):
    """A project that could not be made; the text says what failed, and the last line of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What all parts of a run have in common."""

    work: Path
    device: str
    """`cuda`, or in a dry run `cpu`."""
    dry_run: bool
    seconds: float
    """Of one measurement."""
    threads: int
    """Of the CPU's thread pools in each measured process."""

    def environment(self) -> dict[str, str]:
        """For programs that measure."""
        pools = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        return dict.fromkeys(pools, str(self.threads))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A project to make."""

    model: str
    """A torchvision builder, or `photo`, the tests' small classifier."""
    precision: str = "fp32"
    artifact: str = ""
    """LibTorch's: `aoti`; else TorchScript."""
    backend: str = "libtorch"
    trt_api: str = ""
    tensorrt_min: str = ""
    largest_batch: int = 64
    tests: bool = True
    """Whether its own tests are built and run."""

    @property
    def key(self) -> str:
        """What it is called in tables and folders."""
        more = [self.precision, self.artifact, self.trt_api]
        return "_".join([self.model, *filter(None, more)])

    def arguments(self, device: str) -> list[str]:
        """For `gencpp new`."""
        given = ["--name", NAME, "--backend", self.backend, "--precision", self.precision]
        if self.model == "photo":
            given += ["--model", "photo:model", "--path", str(MODELS), "--preprocess", "photo:transforms"]
            given += ["--input", "image:1x3x32x32:float32", "--dynamic", f"image:0=1:1:{self.largest_batch}"]
        else:
            given += ["--model", self.model, "--weights", "none"]
            given += ["--dynamic", f"x:0=1:1:{self.largest_batch}"]
        if self.artifact:
            given += ["--artifact", self.artifact, "--device", device]
        if self.trt_api:
            given += ["--trt-api", self.trt_api, "--tensorrt-min", self.tensorrt_min]
        return given

    @property
    def path(self) -> tuple[str, ...]:
        """Folders of the model's code."""
        return (str(MODELS),) if self.model == "photo" else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A project that is there and built."""

    wanted: Wanted
    folder: Path
    project: ProjectSpec
    seconds: float
    """That generating and building took."""

    @property
    def program(self) -> Path:
        """`<name>`"""
        return self.folder / "build" / NAME

    def tool(self, suffix: str) -> Path:
        """`<name>_bench` and the like."""
        return self.folder / "build" / f"{NAME}_{suffix}"


@dataclass(slots=True)
class Maker:
    """Generates and builds projects into the work folder."""

    setup: Setup
    log: Log
    configure: Sequence[str] = ()
    """Further arguments of CMake."""
    tools: Toolchain = field(default_factory=find_toolchain)

    def make(self, wanted: Wanted, clock: Clock, limit: float) -> Made:
        """Within `limit` seconds; raises Failed."""
        begin, own = time.monotonic(), Clock.of(min(limit, clock.left()))
        folder = self.generate(wanted, own)
        self.build(folder, own, () if wanted.tests else (f"-D{NAME.upper()}_BUILD_TESTS=OFF",))
        try:
            project = read_manifest(folder).project
        except GencppError as e:
            raise Failed(e.message) from None
        return Made(wanted=wanted, folder=folder, project=project, seconds=time.monotonic() - begin)

    def generate(self, wanted: Wanted, clock: Clock) -> Path:
        """`gencpp new`; raises Failed."""
        folder = self.setup.work / f"{wanted.backend}_{wanted.key}"
        argv = [sys.executable, "-m", "generator", "new", *wanted.arguments(self.setup.device), folder]
        self._do("gencpp new", argv, clock)
        return folder

    def build(self, folder: Path, clock: Clock, more: Sequence[str] = ()) -> None:
        """Configures and builds all of a project; raises Failed."""
        argv = [self.tools.cmake, "--preset", "release", f"-DCMAKE_MAKE_PROGRAM={self.tools.ninja}"]
        self._do("configure", [*argv, *self.configure, *more], clock, cwd=folder)
        self._do("build", [self.tools.cmake, "--build", folder / "build"], clock)

    def _do(self, step: str, argv: Sequence[str | Path], clock: Clock, cwd: Path | None = None) -> None:
        ran = clock.run(argv, self.log, env=launcher(self.setup.work), cwd=cwd)
        if ran.code != 0:
            raise Failed(f"{step} ended with exit code {ran.code}: {ran.problem()}")


def launcher(work: Path) -> Mapping[str, str]:
    """The tests' compiler launcher, which compiles what several projects share once."""
    if compile_cache.LAUNCHER in os.environ:
        return {}
    objects = work / "objects"
    objects.mkdir(parents=True, exist_ok=True)
    return compile_cache.environment(objects)
