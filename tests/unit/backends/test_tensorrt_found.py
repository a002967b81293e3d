"""What is found of TensorRT and CUDA, without importing it; the files are empty, only their names count."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from places import PACKAGE
from trt.stubs import fake_headers

from gencpp.backends.tensorrt.found import find_cuda_runtime, find_tensorrt, header_sets, pip_packages


def library(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def chain(folder: Path, stem: str, version: str) -> None:
    """The links of an SDK: libnvinfer.so, libnvinfer.so.10, libnvinfer.so.10.13.3."""
    library(folder, f"lib{stem}.so.{version}")
    (folder / f"lib{stem}.so.{version.partition('.')[0]}").symlink_to(f"lib{stem}.so.{version}")
    (folder / f"lib{stem}.so").symlink_to(f"lib{stem}.so.{version.partition('.')[0]}")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages that is the only one."""
    folder = tmp_path / "site"
    folder.mkdir()
    standard = [p for p in sys.path if "site-packages" not in p]
    monkeypatch.setattr(sys, "path", [str(folder), *standard])
    for name in [n for n in sys.modules if n.startswith("tensorrt")]:  # imported by another test: found there
        monkeypatch.delitem(sys.modules, name)
    return folder


@pytest.fixture
def nothing(tmp_path: Path) -> Path:
    """A machine with no TensorRT in the system's folders."""
    folder = tmp_path / "machine"
    folder.mkdir()
    return folder


def package(site: Path, name: str, *files: str, dist: str = "") -> Path:
    library(site / name, "__init__.py", *files)
    if dist:
        (site / f"{dist}.dist-info").mkdir()
    return site / name


def test_nothing(site: Path, nothing: Path) -> None:
    found = find_tensorrt(environment={}, system=nothing)
    assert found.library is None and not found.title
    assert "no libnvinfer.so" in found.problem and "pip install tensorrt" in found.remedy
    assert pip_packages() == ()


def test_an_sdk_by_its_variable(tmp_path: Path, site: Path, nothing: Path) -> None:
    chain(tmp_path / "sdk" / "lib", "nvinfer", "10.13.3")
    library(tmp_path / "sdk" / "lib", "libnvonnxparser.so.10")
    fake_headers(tmp_path / "sdk" / "include", "10.13.3")
    for variable in ("TensorRT_ROOT", "TENSORRT_ROOT"):
        found = find_tensorrt(environment={variable: str(tmp_path / "sdk")}, system=nothing)
        assert not found.problem and found.title == "TensorRT" and found.version == "10.13.3" and found.parser
        assert found.headers is not None and found.headers.version == "10.13.3" and not found.download


def test_a_variable_that_names_the_wrong_place_is_not_passed_over(tmp_path: Path, nothing: Path) -> None:
    chain(nothing / "usr" / "lib", "nvinfer", "10.13.3")
    found = find_tensorrt(environment={"TENSORRT_ROOT": "/nowhere"}, system=nothing)
    assert "TENSORRT_ROOT is /nowhere" in found.problem


def test_the_system_before_pip_and_the_newest_first(site: Path, nothing: Path) -> None:
    package(site, "tensorrt_libs", "libnvinfer.so.11", dist="tensorrt_cu13_libs-11.1.0.106")
    assert find_tensorrt(environment={}, system=nothing).version == "11.1.0.106"
    for version in ("10.9.0", "10.13.3"):
        chain(nothing / "opt" / f"TensorRT-{version}" / "lib", "nvinfer", version)
    assert find_tensorrt(environment={}, system=nothing).version == "10.13.3"
    chain(nothing / "usr" / "lib", "nvinfer", "8.6.1")
    assert find_tensorrt(environment={}, system=nothing).version == "8.6.1"


@pytest.mark.parametrize(
    ("name", "dist", "version"),
    [
        ("tensorrt_libs", "tensorrt_cu12_libs-10.13.3.9", "10.13.3.9"),
        ("tensorrt_libs", "tensorrt_libs-8.6.1", "8.6.1"),
        ("tensorrt_libs", "tensorrt_cu13_libs-10.16.0.1.post1", "10.16.0.1.post1"),
        ("tensorrt", "tensorrt-8.5.3.1", "8.5.3.1"),
    ],
)
def test_a_pip_package_tells_its_version(
    site: Path, nothing: Path, name: str, dist: str, version: str
) -> None:
    """Its headers are downloaded when a project is configured, unless somebody names them."""
    major = version.partition(".")[0]
    folder = package(site, name, f"libnvinfer.so.{major}", f"libnvonnxparser.so.{major}", dist=dist)
    (site / "tensorrt_rtx_cu13_libs-1.7.1.dist-info").mkdir()
    found = find_tensorrt(environment={}, system=nothing)
    assert found.library == folder / f"libnvinfer.so.{major}" and found.version == version and found.parser
    assert found.headers is None and found.download and not found.problem
    (told,) = pip_packages()
    assert (told.package, told.distribution, told.version) == (name, dist.partition("-")[0], version)


def test_the_resources_tell_the_version(tmp_path: Path) -> None:
    folder = library(tmp_path, "libnvinfer.so.8", "libnvinfer_builder_resource.so.8.5.3")
    assert find_tensorrt(environment={"TENSORRT_ROOT": str(folder)}).version == "8.5.3"


def test_headers_that_the_user_names(tmp_path: Path) -> None:
    for version in ("8.5.3", "10.0.1", "10.13.0", "11.0.0"):
        fake_headers(tmp_path / "headers" / version.rpartition(".")[0] / "include", version)
    chain(tmp_path / "sdk" / "lib", "nvinfer", "10.9.0")
    environment = {"TENSORRT_ROOT": str(tmp_path / "sdk")}
    found = find_tensorrt(tmp_path / "headers", environment)
    assert found.headers is not None and found.headers.version == "10.0.1" and not found.problem
    found = find_tensorrt(tmp_path / "headers" / "11.0", environment)
    assert "another major version" in found.problem and "11.0.0" in found.problem
    found = find_tensorrt(tmp_path / "headers" / "10.13" / "include", environment)
    assert "newer headers call what an older library lacks" in found.problem
    found = find_tensorrt(tmp_path / "nothing", environment)
    assert "has no headers that fit" in found.problem and not found.download


def test_header_sets_in_order(tmp_path: Path) -> None:
    for version in ("10.13.0", "8.5.3", "10.2.0"):
        fake_headers(tmp_path / version.rpartition(".")[0] / "include", version)
    fake_headers(tmp_path / "1.7" / "include", "1.7.1", style="rtx")
    assert [(h.version, h.rtx) for h in header_sets(tmp_path)] == [
        ("1.7.1", True),
        ("8.5.3", False),
        ("10.2.0", False),
        ("10.13.0", False),
    ]
    assert header_sets(tmp_path / "nowhere") == ()


def test_headers_without_a_library(tmp_path: Path, site: Path, nothing: Path) -> None:
    headers = fake_headers(tmp_path / "sdk" / "include", "10.13.3")
    found = find_tensorrt(environment={"TENSORRT_ROOT": str(tmp_path / "sdk")}, system=nothing)
    assert f"headers without a library in {headers}" in found.problem
    found = find_tensorrt(headers, {}, nothing)
    assert f"headers without a library in {headers}" in found.problem


def test_the_lean_runtime_is_no_library(site: Path, nothing: Path) -> None:
    package(site, "tensorrt_lean_libs", "libnvinfer_lean.so.11", dist="tensorrt_lean_cu13_libs-11.4.0.106")
    found = find_tensorrt(environment={}, system=nothing)
    assert found.library is None and "cannot build engines" in found.problem and found.remedy
    assert [p.distribution for p in pip_packages()] == ["tensorrt_lean_cu13_libs"]


def test_tensorrt_rtx_needs_its_own_headers(tmp_path: Path, site: Path, nothing: Path) -> None:
    package(
        site,
        "tensorrt_rtx_libs",
        "libtensorrt_rtx.so.1",
        "libtensorrt_onnxparser_rtx.so.1",
        dist="tensorrt_rtx_cu13_libs-1.7.1.116",
    )
    package(site, "tensorrt_rtx_bindings", dist="tensorrt_rtx_cu13_bindings-1.7.1.116")
    found = find_tensorrt(environment={}, system=nothing)
    assert found.title == "TensorRT-RTX" and found.version == "1.7.1.116" and found.parser
    assert "no public headers" in found.problem and "TensorRT-RTX SDK" in found.remedy and not found.download
    plain = fake_headers(tmp_path / "plain", "11.1.0")
    found = find_tensorrt(plain, {}, nothing)
    assert "has headers of TensorRT, " in found.problem and "TensorRT-RTX SDK" in found.remedy
    right = fake_headers(tmp_path / "right", "1.7.1", style="rtx")
    assert not find_tensorrt(right, {}, nothing).problem
    assert [p.package for p in pip_packages()] == ["tensorrt_rtx_libs", "tensorrt_rtx_bindings"]


def test_the_full_library_before_the_others(site: Path, nothing: Path) -> None:
    package(site, "tensorrt_rtx_libs", "libtensorrt_rtx.so.1")
    package(site, "tensorrt_lean_libs", "libnvinfer_lean.so.11")
    package(site, "tensorrt_libs", "libnvinfer.so.10")
    assert find_tensorrt(environment={}, system=nothing).title == "TensorRT"


# --- the CUDA runtime ------------------------------------------------------------------------------------


def cuda(folder: Path, version: int, crt: Path | None = None) -> Path:
    (folder / "include").mkdir(parents=True)
    (folder / "include" / "cuda_runtime_api.h").write_text(f"#define CUDART_VERSION  {version}\n")
    if crt is not None:
        library(crt / "include" / "crt", "host_defines.h")
    return folder


@pytest.mark.parametrize(
    ("runtime", "crt", "version", "remedy"),
    [
        ("cu13", "cu13", 13020, "nvidia-cuda-crt==13.2.*"),
        ("cuda_runtime", "cuda_nvcc", 12090, "nvidia-cuda-nvcc-cu12==12.9.*"),
        ("cuda_runtime", "cuda_nvcc", 11080, "nvidia-cuda-nvcc-cu11==11.8.*"),
    ],
)
def test_the_cuda_runtime_of_pip_packages(
    site: Path, monkeypatch: pytest.MonkeyPatch, runtime: str, crt: str, version: int, remedy: str
) -> None:
    monkeypatch.setattr("gencpp.backends.tensorrt.found._toolkits", lambda _: [])
    found = find_cuda_runtime({})
    assert found.include is None and "pip install nvidia-cuda-runtime nvidia-cuda-crt" in found.remedy
    nvidia = site / "nvidia"
    cuda(nvidia / runtime, version)
    found = find_cuda_runtime({})
    assert "lacks crt/host_defines.h" in found.problem and remedy in found.remedy
    library(nvidia / crt / "include" / "crt", "host_defines.h")
    found = find_cuda_runtime({})
    assert not found.problem and found.include == nvidia / runtime / "include"
    assert found.version == f"{version // 1000}.{version % 1000 // 10}"


def test_a_toolkit_that_was_named_is_the_only_one(tmp_path: Path) -> None:
    folder = tmp_path / "cuda"
    cuda(folder / "targets" / "x86_64-linux", 12040, crt=folder / "targets" / "x86_64-linux")
    assert find_cuda_runtime({"CUDAToolkit_ROOT": str(folder)}).version == "12.4"
    assert "CUDAToolkit_ROOT is /nowhere" in find_cuda_runtime({"CUDAToolkit_ROOT": "/nowhere"}).problem


def test_looking_imports_nothing(tmp_path: Path) -> None:
    """A package that fails to import is found all the same."""
    for name in ("tensorrt_libs", "tensorrt_rtx_bindings"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('imported')\n")
    code = (
        "import sys\nfrom gencpp.backends.tensorrt import found as t\n"
        "t.find_tensorrt(), t.find_cuda_runtime()\nnames = [p.package for p in t.pip_packages()]\n"
        "assert 'tensorrt_libs' in names and 'tensorrt_rtx_bindings' in names, names\n"
        "assert not {'torch', 'tensorrt', 'tensorrt_libs', 'tensorrt_rtx_bindings'} & set(sys.modules)\n"
    )
    root = str(PACKAGE)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), root])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
