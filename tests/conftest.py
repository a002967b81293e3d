"""Fixtures: projects that are generated and built once a session, and shared."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import compile_cache
import pytest
from fakes.double import Double, build, cuda_include, header_folders

from generator.bench.options import cores
from generator.toolchain import find_compiler, find_toolchain

ROOT = Path(__file__).resolve().parent.parent
PROCESSES = 4
"""Of the whole suite, at most: each makes the session's projects for itself."""
LONG = (
    *("test_verify.py", "test_trt_matrix.py", "test_gpu_kit.py", "test_bench.py", "test_mutations.py"),
    *("test_trt_double.py", "test_cli.py", "test_network_cpp.py", "test_trt_cmake.py", "test_variants.py"),
    *("test_pictures.py", "test_verify_tensorrt.py", "test_network_project.py", "test_two_backends.py"),
    *("test_cuda_run.py", "test_half.py", "test_network_diff.py"),
)
"""Files of a minute and more, the longest first: begun last, one would leave the other processes idle."""
OBJECTS = pytest.StashKey[tuple[Path, bool]]()
"""The folder of the objects, and whether it goes with this run."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: i for i, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.name, len(LONG)))
    if find_compiler() is None:
        for item in items:
            if item.get_closest_marker("compile"):
                item.add_marker(pytest.mark.skip(reason="no C++ compiler on this machine"))


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """The whole suite runs in several processes, a file in one of them; tests that are named, in this one.

    Half of its time goes into Python programs of one thread each. `-n 0` runs everything here.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:  # it is one of them, and must not start its own
        return
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if whole and getattr(config.option, "numprocesses", 0) is None and not config.option.usepdb:
        config.option.numprocesses = min(PROCESSES, cores())
        config.option.dist = "loadfile"
        config.option.loadscopereorder = False  # by the number of tests, which says nothing of their time
        # As many programs as cores, each with as many OpenMP threads: threads that spin while they wait take
        # the core from the thread that they wait for.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Every build of this run finds the others' objects, unless the machine has its own launcher."""
    if compile_cache.LAUNCHER in os.environ:
        return
    folder = os.environ.get(compile_cache.FOLDER)
    objects = Path(folder) if folder else Path(tempfile.mkdtemp(prefix="gencpp-objects-"))
    objects.mkdir(parents=True, exist_ok=True)
    session.config.stash[OBJECTS] = (objects, not folder)
    os.environ.update(compile_cache.environment(objects))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if OBJECTS in config.stash and (told := compile_cache.summary(config.stash[OBJECTS][0])):
        terminalreporter.write_line(told)


def pytest_unconfigure(config: pytest.Config) -> None:
    objects, ours = config.stash.get(OBJECTS, (None, False))
    if objects is not None:
        del os.environ[compile_cache.LAUNCHER]
    if objects is not None and ours:
        del os.environ[compile_cache.FOLDER]
        shutil.rmtree(objects, ignore_errors=True)


Gencpp = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def gencpp() -> Gencpp:
    """Runs the command line as a user does, in a process of its own."""

    def run(
        *arguments: str | Path, env: dict[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "generator", *map(str, arguments)],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
            cwd=cwd,
            check=False,
        )

    return run


def photo_arguments(labels: Path, name: str = "photo") -> list[str]:
    """Arguments of `gencpp new` for tests/models/photo.py."""
    labels.write_text("".join(f"class {i}\n" for i in range(10)))
    return [
        *("new", "--model", "photo:model", "--path", str(ROOT / "tests" / "models")),
        *("--input", "image:1x3x32x32:float32", "--preprocess", "photo:transforms"),
        *("--labels", str(labels), "--name", name),
    ]


@pytest.fixture(scope="session")
def photo_project(tmp_path_factory: pytest.TempPathFactory, gencpp: Gencpp) -> Path:
    """A generated project, not built. Shared: tests that write use `photo_copy`."""
    folder = tmp_path_factory.mktemp("photo")
    done = gencpp(*photo_arguments(folder / "labels.txt"), folder / "photo")
    assert done.returncode == 0, done.stderr
    return folder / "photo"


@pytest.fixture(scope="session")
def trt_project(tmp_path_factory: pytest.TempPathFactory, gencpp: Gencpp) -> Path:
    """The same classifier for TensorRT, not built. Shared: not to be changed."""
    folder = tmp_path_factory.mktemp("photo_trt")
    done = gencpp(*photo_arguments(folder / "labels.txt"), "--backend", "tensorrt", folder / "photo")
    assert done.returncode == 0, done.stderr
    return folder / "photo"


@pytest.fixture(scope="session")
def network_project(tmp_path_factory: pytest.TempPathFactory, gencpp: Gencpp) -> Path:
    """The same with its network as C++, not built. Shared: not to be changed."""
    folder = tmp_path_factory.mktemp("photo_network")
    arguments = (*photo_arguments(folder / "labels.txt"), "--backend", "tensorrt", "--trt-api", "network")
    done = gencpp(*arguments, folder / "photo")
    assert done.returncode == 0, done.stderr
    return folder / "photo"


@pytest.fixture
def photo_copy(photo_project: Path, tmp_path: Path) -> Path:
    """A copy of the unbuilt project that a test may change."""
    return Path(
        shutil.copytree(photo_project, tmp_path / "photo", ignore=shutil.ignore_patterns("build", "verify"))
    )


@pytest.fixture(scope="session")
def verified_project(photo_project: Path, tmp_path_factory: pytest.TempPathFactory, gencpp: Gencpp) -> Path:
    """A copy that `gencpp verify` built and passed; not to be changed."""
    folder = tmp_path_factory.mktemp("verified") / "photo"
    shutil.copytree(photo_project, folder)
    done = gencpp("verify", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


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
def doubles(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Double]:
    """The double for a version of TensorRT's headers, built once."""
    made: dict[str, Double] = {}

    def get(version: str) -> Double:
        if version not in made:
            include, folder = include_of(version), tmp_path_factory.mktemp(f"double-{version}")
            made[version] = build(include, cuda(), folder, str(find_toolchain().compiler))
        return made[version]

    return get
