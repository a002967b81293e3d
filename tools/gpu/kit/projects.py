"""Projects that the kit generates and builds, each as a user would."""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import compile_cache

from gencpp.core.errors import GencppError
from gencpp.core.spec import ProjectSpec
from gencpp.core.toolchain import Toolchain, find_toolchain
from gencpp.project import MANIFEST, read_manifest

from .clock import Clock, Log, NoTime, Skipped
from .results import FAILED, PASSED, SKIPPED, Part

ROOT = Path(__file__).resolve().parents[3]
MODELS = ROOT / "tests" / "support" / "models"
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
    cores: int = 1
    """That this process may use."""
    only: tuple[str, ...] = ()
    """Keys of the projects that are wanted; empty: all."""
    made_on: tuple[str, ...] = ()
    """What of the machine decides what a project becomes: torch's version, and the GPU."""

    @property
    def side_by_side(self) -> int:
        """Programs that are run at the same time where nothing is measured."""
        return max(1, min(4, self.cores // 4))

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
    """LibTorch's: `aoti`, or another than the default of TorchScript's variants."""
    backend: str = "libtorch"
    trt_api: str = ""
    tensorrt_min: str = ""
    largest_batch: int = 64
    tests: bool = True
    """Whether its own tests are built and run."""

    @property
    def compiled(self) -> bool:
        """Whether AOTInductor compiles it, for the device."""
        return self.artifact == "aoti"

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
            given += ["--artifact", self.artifact]
        if self.compiled:
            given += ["--device", device]
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
        try:
            folder = self.generate(wanted, own)
            self.build(folder, own, () if wanted.tests else (f"-D{NAME.upper()}_BUILD_TESTS=OFF",))
        except NoTime as e:
            if clock.left() > 0:  # it hangs, or takes far too long: the part has time
                raise Failed(f"not done within {limit:.0f} s: {e}") from None
            raise
        try:
            project = read_manifest(folder).project
        except GencppError as e:
            raise Failed(e.message) from None
        return Made(wanted=wanted, folder=folder, project=project, seconds=time.monotonic() - begin)

    def generate(self, wanted: Wanted, clock: Clock) -> Path:
        """`gencpp new`, unless an earlier run did the same with the same gencpp; raises Failed."""
        folder = self.setup.work / f"{wanted.backend}_{wanted.key}"
        arguments = wanted.arguments(self.setup.device)
        stamp = folder.with_name(f"{folder.name}.made-by")
        made_by = " ".join([*arguments, source_hash(), *self.setup.made_on])
        if (folder / MANIFEST).is_file() and stamp.is_file() and stamp.read_text() == made_by:
            return folder
        argv = [sys.executable, "-m", "gencpp", "new", *arguments, "--force", folder]
        # Several are made at a time: each with all cores would wait for the others' threads.
        threads = str(max(1, self.setup.cores // self.setup.side_by_side))
        self._do("gencpp new", argv, clock, env={"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads})
        stamp.write_text(made_by)
        return folder

    def build(self, folder: Path, clock: Clock, more: Sequence[str] = ()) -> None:
        """Configures and builds all of a project; raises Failed."""
        argv = [self.tools.cmake, "--preset", "release", f"-DCMAKE_MAKE_PROGRAM={self.tools.ninja}"]
        self._do("configure", [*argv, *self.configure, *more], clock, cwd=folder)
        self._do("build", [self.tools.cmake, "--build", folder / "build"], clock)

    def _do(
        self,
        step: str,
        argv: Sequence[str | Path],
        clock: Clock,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        ran = clock.run(argv, self.log, env={**launcher(self.setup.work), **(env or {})}, cwd=cwd)
        if ran.code != 0:
            raise Failed(f"{step} ended with exit code {ran.code}: {ran.problem()}")


def make_all(
    part: Part, maker: Maker, all_wanted: Sequence[Wanted], clock: Clock, limit: float
) -> list[Made]:
    """Those that `--only` leaves, each within `limit` seconds, in their order; fills `part`.

    Several at a time, because most of it runs on one core.
    """
    setup = maker.setup
    chosen = [one for one in all_wanted if not setup.only or one.key in setup.only]
    if not chosen:
        raise Skipped("--only names none of its projects")

    def make(one: Wanted) -> Made | Exception:
        try:
            return maker.make(one, clock, limit)
        except Exception as e:  # noqa: BLE001 - the others are worth as much
            return e

    found = []
    with ThreadPoolExecutor(setup.side_by_side) as pool:
        for one, result in zip(chosen, pool.map(make, chosen), strict=True):
            name = f"{one.key}: generated and built"
            if isinstance(result, Made):
                part.add(name, PASSED, result.project.artifact.method, result.seconds)
                found.append(result)
            elif isinstance(result, Skipped):
                part.add(name, SKIPPED, str(result))
            else:
                kind = "" if isinstance(result, Failed) else f"{type(result).__name__}: "
                part.add(name, FAILED, f"{kind}{result}")
    return found


@functools.cache
def source_hash() -> str:
    """Of gencpp and the tests' models, as they are in the checkout."""
    made = hashlib.sha256()
    folders = (ROOT / "generator", ROOT / "templates", MODELS)
    for file in sorted(f for folder in folders for f in folder.rglob("*") if f.is_file()):
        if file.suffix != ".pyc":
            made.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return made.hexdigest()


def launcher(work: Path) -> Mapping[str, str]:
    """The tests' compiler launcher, which compiles what several projects share once."""
    if compile_cache.LAUNCHER in os.environ:
        return {}
    objects = work / "objects"
    objects.mkdir(parents=True, exist_ok=True)
    return compile_cache.environment(objects)
