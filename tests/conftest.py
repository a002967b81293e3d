"""Options, lanes and fixtures: what is made once a run is shared between its processes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import compile_cache
import objects
import pytest
from building import STRICT_ENV
from fakes.double import Double, build, cuda_include, header_folders
from once import Once
from places import ROOT
from times import Times
from warm import Warm, path_with

from gencpp.bench.options import cores
from gencpp.core.toolchain import find_compiler, find_toolchain

PROCESSES = 4
"""Of the whole suite, at most."""
TOGETHER = (
    *("test_bench.py", "test_compiled_code.py", "test_mutations.py", "test_network_diff.py"),
    *("test_planted.py", "test_trt_matrix.py"),
)
"""Files whose tests change one folder in turn, and so stay in one process."""
MARKS = {
    "unit": (),
    "torch": ("torch",),
    "generated/libtorch": ("torch", "compile"),
    "generated/tensorrt": ("compile", "trt"),
    "generated/network": ("torch", "compile", "trt"),
    "generated/hosts": ("torch", "compile", "trt"),
    "generated/support": ("compile",),
    "tools": ("torch",),
}
"""What tests need, by their folder. What only some of a folder need they say themselves, such as a GPU."""
BEGAN = "GENCPP_TESTS_BEGAN"
"""Environment variable, for the processes of a run: when it began, in seconds since 1970."""
MEMORY = pytest.StashKey[Path | None]()
"""The folder for temporary files of the whole suite, where it is in memory."""
MEMORY_ROOM = 8 << 30
"""Bytes that have to be free for that; a run takes 2 GiB."""
OBJECTS = pytest.StashKey[tuple[Path, dict[str, str]]]()
"""The folder of this run's objects, and the variables that were set for it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew")
    parser.addoption(
        "--full",
        action="store_true",
        help="also what the marker `full` has: docs/developing/testing.md lists it",
    )
    parser.addoption(
        "--times", metavar="DIR", help="write where the time goes: tests/support/times.py makes tables"
    )
    parser.addoption(
        "--minutes", type=float, metavar="M", help="begin no test of the full lane after this time"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.option.times is not None:
        config.pluginmanager.register(Times(Path(config.option.times).resolve()))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        for mark in marks_of(item.path):
            item.add_marker(mark)
    # What compiles takes longest, and one of those begun last would leave the other processes idle.
    items.sort(key=lambda item: item.get_closest_marker("compile") is None)
    compiler = find_compiler()
    for item in items:
        full = item.get_closest_marker("full")
        if full is not None and not config.getoption("--full"):
            item.add_marker(pytest.mark.skip(reason=f"in the full lane only (--full): {full.args[0]}"))
        if compiler is None and item.get_closest_marker("compile"):
            item.add_marker(pytest.mark.skip(reason="no C++ compiler on this machine"))


def marks_of(file: Path) -> tuple[str, ...]:
    """By its folder; none for a file that lies elsewhere."""
    if not file.is_relative_to(ROOT / "tests"):
        return ()
    folder = file.relative_to(ROOT / "tests").parent.as_posix()
    (found,) = [marks for name, marks in MARKS.items() if f"{folder}/".startswith(f"{name}/")]
    return found


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """The whole suite runs in several processes; tests that are named, in this one.

    `-n 0` runs everything here.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:  # it is one of them, and must not start its own
        return
    os.environ[BEGAN] = str(time.time())
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if whole and getattr(config.option, "numprocesses", 0) is None and not config.option.usepdb:
        config.option.numprocesses = min(PROCESSES, cores())
        config.stash[MEMORY] = temporary_in_memory()
        # As many programs as cores, each with as many OpenMP threads: threads that spin while they wait take
        # the core from the thread that they wait for.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        # ninja's own choice is two more than there are cores, in each of the processes.
        os.environ.setdefault("CMAKE_BUILD_PARALLEL_LEVEL", str(cores()))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Each process takes the next test when it has ended one; the files TOGETHER are one such step."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0].rpartition("/")[2]
            return file if file in TOGETHER else nodeid

    config.option.loadscopereorder = False  # by the number of tests, which says nothing of their time
    return Scheduling(config, log) if config.option.dist == "load" else None


def temporary_in_memory() -> Path | None:
    """Temporary files of the whole suite in memory, where there is plenty: nobody waits for a disk then.

    They are gone at the end. Tests that are named leave theirs in the usual place.
    """
    shared = Path("/dev/shm")
    if "TMPDIR" in os.environ or not shared.is_dir() or shutil.disk_usage(shared).free < MEMORY_ROOM:
        return None
    available = re.search(r"MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text())
    if available is None or int(available[1]) << 10 < 2 * MEMORY_ROOM:
        return None
    folder = Path(tempfile.mkdtemp(prefix="gencpp-tests-", dir=shared))
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None  # read it again
    return folder


def pytest_sessionstart(session: pytest.Session) -> None:
    """Every build finds the objects of this run and of earlier ones."""
    if compile_cache.LAUNCHER in os.environ:  # the machine's, or this is one of several processes
        return
    run = objects.folder()
    temporary = session.config.option.basetemp or tempfile.gettempdir()
    added = objects.environment(run, Path(temporary).resolve())
    session.config.stash[OBJECTS] = (run, added)
    os.environ.update(added)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if OBJECTS in config.stash and (told := objects.summary(config.stash[OBJECTS][0])):
        terminalreporter.write_line(told)


def pytest_unconfigure(config: pytest.Config) -> None:
    if OBJECTS in config.stash:
        if config.option.times is not None:
            objects.keep_log(config.stash[OBJECTS][0], Path(config.option.times))
        objects.remove(*config.stash[OBJECTS])
    if (folder := config.stash.get(MEMORY, None)) is not None:
        os.environ.pop("TMPDIR", None)
        tempfile.tempdir = None
        shutil.rmtree(folder, ignore_errors=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """With --minutes, the full lane takes what time is left, and says what it left out."""
    minutes = item.config.option.minutes
    if minutes is None or item.get_closest_marker("full") is None:
        return
    if time.time() - float(os.environ[BEGAN]) > 60 * minutes:
        pytest.skip(f"in the full lane, for which no time was left (--minutes {minutes:g})")


Gencpp = Callable[..., subprocess.CompletedProcess[str]]


READ_AT_START = ("PYTHON", "PATH", "TMPDIR", "LD_", "OMP_", "MKL_", "TORCH", "CUDA")


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    process = Warm(ROOT)
    yield process
    process.close()


@pytest.fixture(scope="session")
def gencpp(warm: Warm) -> Gencpp:
    """Runs the command line as a user does, in a process of its own.

    That process is forked from a warm one, unless `fresh` is asked for or a variable is given that Python or
    a library reads when it starts: then a new Python starts and imports what it needs.
    """

    def run(
        *arguments: str | Path,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        fresh: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        argv = [str(a) for a in arguments]
        read_at_start = any(name.startswith(READ_AT_START) for name in env or {})
        if not (fresh or read_at_start) and hasattr(os, "fork"):
            began = time.monotonic()
            done = warm.call(argv, {**os.environ, **(env or {})}, cwd)
            if Times.running:
                Times.running.program("gencpp, from the warm process", time.monotonic() - began)
            return done
        return subprocess.run(
            [sys.executable, "-m", "gencpp", *argv],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path_with(ROOT), **(env or {})},
            cwd=cwd,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    return Once.of(tmp_path_factory)


ON_CPU = ("--device", "cpu")
"""Options of `gencpp new` for LibTorch projects of tests that are about no GPU."""


def photo_arguments(labels: Path, name: str = "photo") -> list[str]:
    """Arguments of `gencpp new` for tests/support/models/photo.py."""
    labels.write_text("".join(f"class {i}\n" for i in range(10)))
    return [
        *("new", "--model", "photo:model", "--path", str(ROOT / "tests" / "support" / "models")),
        *("--input", "image:1x3x32x32:float32", "--preprocess", "photo:transforms"),
        *("--labels", str(labels), "--name", name),
    ]


def generated(once: Once, gencpp: Gencpp, name: str, *options: str | Path, project: str = "photo") -> Path:
    """The photo project with these options of `gencpp new`, once a run, not built. Not to be changed."""

    def make(folder: Path) -> None:
        # The usual one in a new Python, as a user starts it: the others fork from the warm process.
        arguments = (*photo_arguments(folder / "labels.txt", project), *options, folder / project)
        done = gencpp(*arguments, fresh=options == ON_CPU)
        assert done.returncode == 0, done.stdout + done.stderr

    return once.folder(name, make) / project


@pytest.fixture(scope="session")
def photo_project(once: Once, gencpp: Gencpp) -> Path:
    """A generated project, not built. Shared: tests that write use `photo_copy`.

    For the CPU: its programs start in two thirds of the time, and tests start hundreds.
    """
    return generated(once, gencpp, "photo", *ON_CPU)


@pytest.fixture(scope="session")
def photo_any_project(once: Once, gencpp: Gencpp) -> Path:
    """As `gencpp new` makes it unless it is told otherwise: for any device. Shared: not to be changed."""
    return generated(once, gencpp, "photo_any")


@pytest.fixture(scope="session")
def trt_project(once: Once, gencpp: Gencpp) -> Path:
    """The same classifier for TensorRT, not built. Shared: not to be changed."""
    return generated(once, gencpp, "photo_trt", "--backend", "tensorrt")


@pytest.fixture(scope="session")
def network_project(once: Once, gencpp: Gencpp) -> Path:
    """The same with its network as C++, not built. Shared: not to be changed."""
    return generated(once, gencpp, "photo_network", "--backend", "tensorrt", "--trt-api", "network")


@pytest.fixture
def photo_copy(photo_project: Path, tmp_path: Path) -> Path:
    """A copy of the unbuilt project that a test may change."""
    return Path(
        shutil.copytree(photo_project, tmp_path / "photo", ignore=shutil.ignore_patterns("build", "verify"))
    )


@pytest.fixture(scope="session")
def verified_project(photo_project: Path, once: Once, gencpp: Gencpp) -> Path:
    """A copy that `gencpp verify` built and passed. Shared: not to be changed."""

    def make(folder: Path) -> None:
        shutil.copytree(photo_project, folder / "photo")
        done = gencpp("verify", folder / "photo", env=STRICT_ENV, fresh=True)
        assert done.returncode == 0, done.stdout + done.stderr

    return once.folder("verified", make) / "photo"


def include_of(version: str) -> Path:
    found = header_folders().get(version)
    if found is None:
        pytest.skip(f"no headers of TensorRT {version} below GENCPP_TENSORRT_HEADERS")
    return found


def cuda() -> Path:
    found = cuda_include()
    if found is None:
        pytest.skip("no headers of the CUDA runtime: no toolkit, and no pip packages of it")
    return found


@pytest.fixture(scope="session")
def doubles(once: Once) -> Callable[[str], Double]:
    """The double for a version of TensorRT's headers, built once a run."""

    def get(version: str) -> Double:
        include = include_of(version)

        def make(folder: Path) -> None:
            made = build(include, cuda(), folder, str(find_toolchain().compiler))
            (folder / "double").write_text(made.version)

        folder = once.folder(f"double-{version}", make)
        return Double(version=(folder / "double").read_text(), root=folder)

    return get
