"""A generated TensorRT project against the real headers of every version: compiled with warnings as errors,
linked against stub libraries, started, and expected to say what this machine lacks.

The headers lie under $GENCPP_TENSORRT_HEADERS (default: ~/.cache/gencpp/tensorrt-headers) as X.Y/include.
Real libraries are started too, where $GENCPP_TENSORRT_LIBRARIES lists folders that hold them. Nothing here
runs a model.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from building import cmake, must
from trt import MORE_MODELS, MORE_VERSIONS, VERSIONS, divided, exported, networks, stubs

from gencpp.backends.tensorrt.found import find_cuda_runtime, find_tensorrt, header_sets
from gencpp.core.toolchain import find_program

PROJECTS = divided(VERSIONS, ("11.1",), MORE_VERSIONS)
"""Of whole projects: the double's tests build 8.6, 10.13 and 11.1 with the same warnings as errors."""
NETWORK_PROJECTS = divided(VERSIONS, ("10.13",), MORE_VERSIONS)
CODE = divided(VERSIONS, ("8.6", "10.13", "11.1"), MORE_VERSIONS)
"""Of generated network code."""
COMPILERS = ("default", "clang++")
LIBRARIES = [Path(p) for p in os.environ.get("GENCPP_TENSORRT_LIBRARIES", "").split(os.pathsep) if p]


class Builds:
    """A build folder a compiler, configured anew for each version: what lacks TensorRT is built once.

    The projects are those of the double's tests, and share objects with them.
    """

    def __init__(self, folder: Path, project: Path) -> None:
        self.project = project
        self.folder = folder

    def build(self, compiler: str, root: Path, version: str, *targets: str) -> Path:
        """These targets, or all, with the flags of the dev preset; gives the program."""
        build = self.folder / f"build-{compiler}"
        arguments = ["--preset", "dev", "-B", build, "-DCMAKE_BUILD_TYPE=Release"]
        arguments += [f"-DCMAKE_MAKE_PROGRAM={find_program('ninja')}"]
        if compiler != "default":
            arguments.append(f"-DCMAKE_CXX_COMPILER={compiler}")
        arguments += [f"-DTensorRT_ROOT={root}", f"-DPHOTO_TENSORRT_HEADERS={stubs.real_headers()}"]
        must(cmake(*arguments, cwd=self.project))
        seen = set(re.findall(r"([\d.]+)/include", (build / "build.ninja").read_text()))
        assert version.rpartition(".")[0] in seen and len(seen & set(VERSIONS)) <= 1
        must(cmake("--build", build, *(["--target", *targets] if targets else [])))
        return build / "photo"


@pytest.fixture(scope="module")
def builds(trt_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Builds:
    if (cuda := find_cuda_runtime()).problem:
        pytest.skip(f"{cuda.problem}: {cuda.remedy}")
    return Builds(tmp_path_factory.mktemp("matrix"), trt_project)


@pytest.fixture(scope="module")
def network_builds(builds: Builds, network_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Builds:
    """The same for a network that is C++."""
    return Builds(tmp_path_factory.mktemp("matrix-network"), network_project)


def start(program: Path, *, libraries: str = "") -> subprocess.CompletedProcess[str]:
    """With every GPU hidden, so that a machine that has one says the same as one that has none."""
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "LD_LIBRARY_PATH": libraries}
    return subprocess.run(
        [str(program), "--info"], capture_output=True, text=True, check=False, env=env, timeout=120
    )


def has_driver() -> bool:
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def check_says_what_is_missing(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 3, (done.returncode, done.stdout, done.stderr)
    expected = "there is no CUDA device" if has_driver() else "there is no NVIDIA driver on this machine"
    assert expected in done.stderr


def headers_or_skip(version: str) -> str:
    """The whole version of a header set."""
    (found,) = header_sets(stubs.real_headers() / version) or [None]
    if found is None:
        pytest.skip(f"no headers of TensorRT {version} in {stubs.real_headers()} (GENCPP_TENSORRT_HEADERS)")
    return found.version


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("version", PROJECTS)
def test_compiles_links_and_says_what_is_missing(
    builds: Builds, tmp_path: Path, version: str, compiler: str
) -> None:
    if compiler != "default" and shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    whole = headers_or_skip(version)
    root = stubs.sdk(tmp_path / "sdk", whole)
    check_says_what_is_missing(start(builds.build(compiler, root, whole)))


@pytest.mark.torch
@pytest.mark.parametrize("version", NETWORK_PROJECTS)
def test_a_network_that_is_cpp(network_builds: Builds, tmp_path: Path, version: str) -> None:
    """There is no parser to link. Tests and benchmarks, the other project's too, are built of one version."""
    whole = headers_or_skip(version)
    root = stubs.sdk(tmp_path / "sdk", whole, parser=False)
    targets = () if version == "10.13" else ("photo_app", "photo_build_engine", "photo_diff")
    program = network_builds.build("default", root, whole, *targets)
    check_says_what_is_missing(start(program))
    needed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    assert "libnvinfer.so" in needed and "parser" not in needed and "cudnn" not in needed


@pytest.mark.torch
@pytest.mark.parametrize("version", CODE)
@pytest.mark.parametrize("model", divided(exported.MODELS, ("resnet18",), MORE_MODELS))
def test_network_code_compiles_on_every_version(tmp_path: Path, model: str, version: str) -> None:
    """network.cpp alone."""
    headers_or_skip(version)
    folder = networks.write_sources(exported.network(model), tmp_path / "project")
    include = stubs.real_headers() / version / "include"
    assert networks.compile_object(folder, "src/network.cpp", include, tmp_path / "network.o").is_file()


def test_header_sets_beyond_the_named_ones(builds: Builds, tmp_path: Path) -> None:
    """Whatever else lies under the folder."""
    others = [h for h in header_sets(stubs.real_headers()) if h.version.rpartition(".")[0] not in VERSIONS]
    if not others:
        pytest.skip("there are none")
    for headers in others:
        root = stubs.sdk(tmp_path / headers.version, headers.version)
        check_says_what_is_missing(start(builds.build("default", root, headers.version)))


@pytest.fixture(scope="module")
def program(builds: Builds, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with the newest headers that are there."""
    newest = [h for h in header_sets(stubs.real_headers()) if not h.rtx][-1:]
    if not newest:
        pytest.skip(f"no headers of TensorRT in {stubs.real_headers()} (GENCPP_TENSORRT_HEADERS)")
    root = stubs.sdk(tmp_path_factory.mktemp("newest") / "sdk", newest[0].version)
    return builds.build("default", root, newest[0].version)


def test_a_driver_that_is_too_old_is_told_from_none(program: Path, tmp_path: Path) -> None:
    """The CUDA runtime reports both by one number."""
    done = start(program, libraries=str(stubs.driver(tmp_path / "driver", cuda=10020, error=999)))
    assert done.returncode == 3, (done.returncode, done.stderr)
    assert "the NVIDIA driver is too old: it supports CUDA 10.2" in done.stderr


def test_a_driver_without_a_gpu(program: Path, tmp_path: Path) -> None:
    done = start(program, libraries=str(stubs.driver(tmp_path / "driver", cuda=99000, error=100)))
    assert done.returncode == 3, (done.returncode, done.stderr)
    assert "there is no CUDA device" in done.stderr


@pytest.mark.parametrize("folder", LIBRARIES or [None], ids=str)
def test_real_libraries_link_and_start(builds: Builds, tmp_path: Path, folder: Path | None) -> None:
    """8.5's parser needs cuBLAS 11 and cuDNN 8; where they are not there, stand-ins let it link and start."""
    if folder is None:
        pytest.skip("no folders of real libraries named in GENCPP_TENSORRT_LIBRARIES")
    found = find_tensorrt(stubs.real_headers(), {"TENSORRT_ROOT": str(folder)})
    if found.problem:  # the lean runtime, TensorRT-RTX without its SDK
        done = cmake(
            *("--preset", "dev", "-B", tmp_path / "build", f"-DTensorRT_ROOT={folder}"),
            f"-DPHOTO_TENSORRT_HEADERS={stubs.real_headers()}",
            f"-DCMAKE_MAKE_PROGRAM={find_program('ninja')}",
            cwd=builds.project,
        )
        assert done.returncode != 0 and "Could NOT find TensorRT" in done.stderr
        return
    libraries = ""
    plugins = sorted(folder.glob("libnvinfer_plugin.so.*"))
    if (
        plugins
        and "not found" in subprocess.run(["ldd", str(plugins[0])], capture_output=True, text=True).stdout
    ):
        libraries = str(stubs.stand_ins(tmp_path / "stand-ins", plugins[0]))
    environment = {"LDFLAGS": f"-Wl,-rpath-link,{libraries}"} if libraries else {}
    build = tmp_path / "build"
    arguments = [f"-DTensorRT_ROOT={folder}", f"-DPHOTO_TENSORRT_HEADERS={stubs.real_headers()}"]
    arguments += [f"-DCMAKE_MAKE_PROGRAM={find_program('ninja')}", "-DPHOTO_BUILD_TESTS=OFF"]
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in environment.items():
            patch.setenv(variable, value)
        must(cmake("--preset", "dev", "-B", build, *arguments, cwd=builds.project))
    must(cmake("--build", build, "--target", "photo_app"))
    check_says_what_is_missing(start(build / "photo", libraries=libraries))
