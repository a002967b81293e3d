"""FindTensorRT.cmake: what it finds where, and one clear message for all that is missing or does not fit.

The libraries are stubs, the headers small ones that only say their version: nothing here runs TensorRT.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from building import cmake, cmake_arguments, ctest, must
from samples import classifier, tensorrt
from trt import rendered, stubs
from writing import texts_of

from gencpp import project
from gencpp.backends.tensorrt.found import header_sets
from gencpp.core.toolchain import find_program, find_toolchain

HOST = """
cmake_minimum_required(VERSION 3.22...4.1)
project(host LANGUAGES CXX)
include(cmake/backend.cmake)
foreach(variable IN ITEMS FOUND VERSION HEADERS_VERSION RTX ONNX_PARSER_FOUND CUDA_VERSION)
  message(STATUS "${variable}=${TensorRT_${variable}}")
endforeach()
add_executable(host main.cpp)
target_link_libraries(host PRIVATE ${sample_BACKEND_TARGET})
"""

MAIN = """
#include <cuda_runtime_api.h>
#include <NvInfer.h>
#include <NvOnnxParser.h>
#include <cstdio>
int main() {
  int count = 0;
  const auto status = static_cast<int>(cudaGetDeviceCount(&count));
  std::printf("cuda %d library %d\\n", status, static_cast<int>(getInferLibVersion()));
}
"""

HAS_CUDA = Path("/usr/local/cuda/include/cuda_runtime_api.h").is_file() or shutil.which("nvcc") is not None
needs_cuda = pytest.mark.skipif(not HAS_CUDA, reason="no CUDA toolkit: its runtime is what is linked")


class Host:
    """A CMake project that includes the backend's modules as a generated project does, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.build = folder / "build"
        (folder / "cmake").mkdir(parents=True)
        for path, text in texts_of(tensorrt()).items():
            if path.parts[0] == "cmake" and path.name in MODULES:
                (folder / path).write_bytes(text)
        (folder / "CMakeLists.txt").write_text(HOST)
        (folder / "main.cpp").write_text(MAIN)

    def configure(self, *arguments: str, env: dict[str, str] | None = None) -> tuple[bool, str]:
        """Whether it passed, and all of its output with the line breaks of messages undone."""
        argv = [str(find_toolchain().cmake), "-G", "Ninja", "-S", str(self.folder), "-B", str(self.build)]
        argv += [f"-DCMAKE_MAKE_PROGRAM={find_program('ninja')}", *arguments]
        clean = {
            k: v for k, v in os.environ.items() if k.upper() not in ("TENSORRT_ROOT", "CMAKE_PREFIX_PATH")
        }
        clean.pop("CUDAToolkit_ROOT", None)
        done = subprocess.run(
            argv, capture_output=True, text=True, check=False, env={**clean, "PYTHONPATH": "", **(env or {})}
        )
        return done.returncode == 0, " ".join((done.stdout + done.stderr).split())

    def finds(self, *arguments: str, env: dict[str, str] | None = None) -> dict[str, str]:
        """The variables that FindTensorRT sets."""
        passed, output = self.configure(*arguments, env=env)
        assert passed, output
        assert output.count("Found TensorRT: ") == 1
        return dict(re.findall(r"-- ([A-Z_]+)=(\S*)", output))

    def refuses(self, *arguments: str, env: dict[str, str] | None = None) -> str:
        """The message with which configuring fails."""
        passed, output = self.configure(*arguments, env=env)
        assert not passed, output
        assert output.count("Could NOT find TensorRT") == 1 and "CMake Warning" not in output
        return output.partition("Could NOT find TensorRT")[2].partition("Call Stack")[0]


MODULES = (
    *("backend.cmake", "network_source.cmake", "FindTensorRT.cmake", "tensorrt_headers.cmake"),
    "cuda_runtime.cmake",
)
NO_PYTHON = "-DTensorRT_PYTHON=/nowhere/python"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "host")


@pytest.fixture
def sdk(tmp_path: Path) -> Path:
    headers = stubs.fake_headers(tmp_path / "headers" / "include", "10.13.3")
    return stubs.sdk(tmp_path / "sdk", "10.13.3", headers=headers)


def python_with(site: Path, folder: Path) -> str:
    """-DTensorRT_PYTHON= of a Python that sees only the packages in `site`."""
    script = folder / "python"
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{site}" exec "{sys.executable}" -S "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return f"-DTensorRT_PYTHON={script}"


def cuda_site(site: Path, package: str, version: int, *, crt: str = "", library: bool = True) -> Path:
    """Headers as a pip package of the CUDA runtime has them; `crt` names the package that brings crt/."""
    include = site / "nvidia" / package / "include"
    include.mkdir(parents=True)
    (include / "cuda_runtime_api.h").write_text(f"#define CUDART_VERSION  {version}\n")
    if crt:
        (site / "nvidia" / crt / "include" / "crt").mkdir(parents=True)
        (site / "nvidia" / crt / "include" / "crt" / "host_defines.h").touch()
    if library:
        (site / "nvidia" / package / "lib").mkdir()
        (site / "nvidia" / package / "lib" / f"libcudart.so.{version // 1000}").touch()
    return site


# --- what is found ---------------------------------------------------------------------------------------


@needs_cuda
def test_an_sdk_is_found_in_every_way_of_naming_it(host: Host, sdk: Path) -> None:
    for arguments, env in (
        ([f"-DTensorRT_ROOT={sdk}"], {}),
        ([f"-DTENSORRT_ROOT={sdk}"], {}),
        ([], {"TENSORRT_ROOT": str(sdk)}),
        ([], {"TensorRT_ROOT": str(sdk)}),
        ([f"-DCMAKE_PREFIX_PATH={sdk}"], {}),
        ([], {"CMAKE_PREFIX_PATH": f"/nowhere:{sdk}"}),
    ):
        shutil.rmtree(host.build, ignore_errors=True)
        found = host.finds(*arguments, NO_PYTHON, env=env)
        assert found["VERSION"] == "10.13.3" and found["HEADERS_VERSION"] == "10.13.3"
        assert found["RTX"] == "OFF" and found["ONNX_PARSER_FOUND"] == "TRUE"


@needs_cuda
@pytest.mark.parametrize(
    ("package", "dist", "version"),
    [
        ("tensorrt_libs", "tensorrt_cu13_libs", "10.13.3"),
        ("tensorrt_libs", "tensorrt_cu12_libs", "11.1.0"),
        ("tensorrt_libs", "tensorrt_libs", "8.6.1"),
        ("tensorrt", "tensorrt", "8.5.3"),
    ],
)
def test_pip_packages_are_found_and_their_version_told(
    host: Host, tmp_path: Path, package: str, dist: str, version: str
) -> None:
    """Versioned names only; the lean and the RTX library beside them are not taken."""
    site = tmp_path / "site"
    folder = stubs.pip_libraries(site / package, version, dist=dist)
    stubs.pip_libraries(
        site / "tensorrt_rtx_libs", "1.7.1", stem="tensorrt_rtx", dist="tensorrt_rtx_cu13_libs"
    )
    stubs.pip_libraries(site / "tensorrt_lean_libs", "11.4.0", stem="nvinfer_lean", parser=False)
    headers = stubs.fake_headers(tmp_path / "headers", version)
    found = host.finds(python_with(site, tmp_path), f"-DSAMPLE_TENSORRT_HEADERS={headers}")
    assert found["VERSION"] == version == found["HEADERS_VERSION"]
    shutil.rmtree(host.build)
    found = host.finds(NO_PYTHON, f"-DTensorRT_ROOT={folder}", f"-DSAMPLE_TENSORRT_HEADERS={headers}")
    assert found["VERSION"] == version


@needs_cuda
def test_a_version_is_told_by_the_resources_or_the_soname(host: Host, tmp_path: Path) -> None:
    headers = stubs.fake_headers(tmp_path / "headers", "10.9.0")
    folder = stubs.pip_libraries(tmp_path / "libraries", "10.9.0")
    arguments = [f"-DTensorRT_ROOT={folder}", f"-DSAMPLE_TENSORRT_HEADERS={headers}", NO_PYTHON]
    assert host.finds(*arguments)["VERSION"] == "10"
    (folder / "libnvinfer_builder_resource.so.10.9.0").touch()
    (folder / "libnvinfer_builder_resource_sm80.so.9.9.9").touch()
    shutil.rmtree(host.build)
    assert host.finds(*arguments)["VERSION"] == "10.9.0"
    (folder / "libnvinfer_builder_resource.so.10.9.0").unlink()
    for name in ("nvinfer", "nvonnxparser"):
        (folder / f"lib{name}.so.10").rename(folder / f"lib{name}.so")
    shutil.rmtree(host.build)
    assert host.finds(*arguments)["VERSION"] == "10"


@needs_cuda
def test_the_newest_of_several_libraries_without_a_link(host: Host, tmp_path: Path) -> None:
    folder = stubs.pip_libraries(tmp_path / "lib", "8.6.1")
    stubs.pip_libraries(folder, "10.13.3")
    headers = stubs.fake_headers(tmp_path / "headers", "10.0.1")
    arguments = [f"-DTensorRT_ROOT={tmp_path}", f"-DSAMPLE_TENSORRT_HEADERS={headers}", NO_PYTHON]
    assert host.finds(*arguments)["VERSION"] == "10"


@needs_cuda
@pytest.mark.parametrize(
    ("library", "wanted"),
    [("10.13.3", "10.13.0"), ("10.14.1", "10.13.0"), ("10.8.0", "10.0.1"), ("8.6.1", "8.5.3")],
)
def test_of_several_header_sets_the_fitting_one(
    host: Host, tmp_path: Path, library: str, wanted: str
) -> None:
    for version in ("8.5.3", "10.0.1", "10.13.0", "11.0.0"):
        short = version.rpartition(".")[0]
        stubs.fake_headers(tmp_path / "headers" / short / "include", version)
    stubs.sdk(tmp_path / "sdk", library)
    found = host.finds(
        f"-DTensorRT_ROOT={tmp_path / 'sdk'}", f"-DSAMPLE_TENSORRT_HEADERS={tmp_path / 'headers'}"
    )
    assert found["VERSION"] == library and found["HEADERS_VERSION"] == wanted


@needs_cuda
def test_of_an_unknown_minor_version_the_oldest_headers(host: Host, tmp_path: Path) -> None:
    for version in ("9.9.0", "10.0.1", "10.13.0"):
        stubs.fake_headers(tmp_path / "headers" / version.rpartition(".")[0] / "include", version)
    folder = stubs.pip_libraries(tmp_path / "libraries", "10.13.3")
    found = host.finds(f"-DTensorRT_ROOT={folder}", f"-DSAMPLE_TENSORRT_HEADERS={tmp_path / 'headers'}")
    assert found["VERSION"] == "10" and found["HEADERS_VERSION"] == "10.0.1"


@needs_cuda
def test_a_checkout_brings_the_parsers_header(host: Host, tmp_path: Path) -> None:
    """NVIDIA/TensorRT before 10.14: NvOnnxParser.h lies in a submodule."""
    checkout = tmp_path / "TensorRT"
    stubs.fake_headers(checkout / "include", "10.9.0", parser=False)
    (checkout / "parsers" / "onnx").mkdir(parents=True)
    (checkout / "parsers" / "onnx" / "NvOnnxParser.h").write_text("#pragma once\n")
    stubs.sdk(tmp_path / "sdk", "10.9.0")
    host.finds(f"-DTensorRT_ROOT={tmp_path / 'sdk'}", f"-DSAMPLE_TENSORRT_HEADERS={checkout}")
    must(cmake("--build", host.build))


@needs_cuda
def test_the_rtx_sdk_is_taken(host: Host, tmp_path: Path) -> None:
    headers = stubs.fake_headers(tmp_path / "headers", "1.7.1", style="rtx")
    root = stubs.sdk(tmp_path / "sdk", "1.7.1", headers=headers, stem="tensorrt_rtx")
    found = host.finds(f"-DTensorRT_ROOT={root}")
    assert found["RTX"] == "ON" and found["VERSION"] == "1.7.1" and found["ONNX_PARSER_FOUND"] == "TRUE"


@needs_cuda
def test_a_program_links_and_starts(host: Host, sdk: Path) -> None:
    """Through the build's rpath, and with the CUDA runtime inside."""
    host.finds(
        f"-DTensorRT_ROOT={sdk}", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
    )
    must(cmake("--build", host.build))
    done = subprocess.run([str(host.build / "host")], capture_output=True, text=True, check=False, env={})
    assert done.returncode == 0 and "library 101303" in done.stdout
    needed = subprocess.run(
        ["readelf", "-d", str(host.build / "host")], capture_output=True, text=True, check=False
    )
    if needed.returncode == 0:
        assert "libnvinfer.so.10" in needed.stdout and "libcudart" not in needed.stdout


# --- headers by download ---------------------------------------------------------------------------------


def published(folder: Path, version: str, *, branch: bool = False) -> str:
    """A file:// copy of the public repositories that holds one version; gives the argument that names it."""
    row = next(line for line in tags() if line[0] == version.rpartition(".")[0])
    include = folder / "NVIDIA" / "TensorRT" / row[2] / "include"
    stubs.fake_headers(include, version, parser=row[3] == "-")
    if row[3] != "-":
        parser = folder / "onnx" / "onnx-tensorrt" / (f"release/{row[0]}-GA" if branch else row[3])
        parser.mkdir(parents=True)
        (parser / "NvOnnxParser.h").write_text('#pragma once\n#include "NvInfer.h"\n')
    return f"-DSAMPLE_TENSORRT_HEADERS_URL={folder.as_uri()}"


def tags() -> list[list[str]]:
    """version, tag, commit, commit of the parser: as the module has them."""
    text = (project.templates_root() / "cpp_trt" / "cmake" / "tensorrt_headers.cmake").read_text()
    rows = re.findall(r'^  "(\d[^"]*)"', text, re.MULTILINE)
    return [row.split() for row in rows]


def test_every_tag_is_pinned_by_a_commit() -> None:
    rows = tags()
    versions = [tuple(map(int, row[0].split("."))) for row in rows]
    assert versions == sorted(set(versions)) and len(rows) >= 21
    for version, (_, tag, commit, parser) in zip(versions, rows, strict=True):
        assert re.fullmatch(r"v?\d+\.\d+(\.\d+)?", tag) and re.fullmatch("[0-9a-f]{40}", commit)
        assert tag.lstrip("v").split(".")[:2] == list(map(str, version))
        assert (parser == "-") == (version >= (10, 14)) and (
            parser == "-" or re.fullmatch("[0-9a-f]{40}", parser)
        )


@needs_cuda
@pytest.mark.parametrize(
    ("library", "taken"),
    [
        ("8.5.1", "8.5.3"),
        ("10.9.0", "10.9.0"),
        ("10.14.2", "10.14.1"),
        ("10.99.0", "10.16.0"),
        ("11.4.0", "11.1.0"),
    ],
)
def test_headers_are_downloaded_with_all_that_they_include(
    host: Host, tmp_path: Path, library: str, taken: str
) -> None:
    """Of the same major version and of a minor one not above the library's; once."""
    url = published(tmp_path / "www", taken)
    folder = stubs.sdk(tmp_path / "sdk", library)
    found = host.finds(f"-DTensorRT_ROOT={folder}", url)
    assert found["VERSION"] == library and found["HEADERS_VERSION"] == taken
    (downloaded,) = (host.build / "_deps").iterdir()
    assert downloaded.name == f"tensorrt-headers-{taken.rpartition('.')[0]}"
    files = {str(f.relative_to(downloaded)) for f in downloaded.rglob("*.h")}
    assert files == {"NvInfer.h", "NvInferPlugin.h", "NvInferVersion.h", "NvOnnxParser.h", "impl/Detail.h"}
    must(cmake("--build", host.build))
    shutil.rmtree(tmp_path / "www")
    passed, output = host.configure("-DFETCHCONTENT_FULLY_DISCONNECTED=ON")
    assert passed, output


@needs_cuda
def test_the_parsers_header_comes_from_its_branch_where_the_commit_is_gone(
    host: Host, tmp_path: Path
) -> None:
    url = published(tmp_path / "www", "10.7.0", branch=True)
    folder = stubs.sdk(tmp_path / "sdk", "10.7.0")
    base = tmp_path / "shared"
    host.finds(f"-DTensorRT_ROOT={folder}", url, f"-DFETCHCONTENT_BASE_DIR={base}")
    assert (base / "tensorrt-headers-10.7" / "NvOnnxParser.h").is_file()


def test_a_download_that_fails_names_the_way_without_it(host: Host, tmp_path: Path) -> None:
    """Half of the headers are there: nothing is kept of them."""
    url = published(tmp_path / "www", "10.9.0")
    next((tmp_path / "www").rglob("Detail.h")).unlink()
    folder = stubs.sdk(tmp_path / "sdk", "10.9.0")
    said = host.refuses(f"-DTensorRT_ROOT={folder}", url)
    assert "could not be downloaded" in said and "impl/Detail.h" in said
    assert "-DSAMPLE_TENSORRT_HEADERS=<folder>" in said
    assert "include/ of NVIDIA/TensorRT at v10.9.0" in said and "NvOnnxParser.h of onnx/onnx-tensorrt" in said
    assert not list((host.build / "_deps").iterdir())


def test_no_download_where_it_is_forbidden(host: Host, tmp_path: Path) -> None:
    url = published(tmp_path / "www", "11.1.0")
    folder = stubs.sdk(tmp_path / "sdk", "11.1.0")
    for switch in ("SAMPLE_FETCH_TENSORRT_HEADERS=OFF", "FETCHCONTENT_FULLY_DISCONNECTED=ON"):
        shutil.rmtree(host.build, ignore_errors=True)
        said = host.refuses(f"-DTensorRT_ROOT={folder}", url, f"-D{switch}")
        assert switch.partition("=")[0] in said and "-DSAMPLE_TENSORRT_HEADERS=<folder>" in said
        assert not (host.build / "_deps").exists()


def test_a_version_without_public_headers_is_said(host: Host, tmp_path: Path) -> None:
    folder = stubs.sdk(tmp_path / "sdk", "12.0.0")
    said = host.refuses(f"-DTensorRT_ROOT={folder}", f"-DSAMPLE_TENSORRT_HEADERS_URL={tmp_path.as_uri()}")
    assert "TensorRT 12.0.0, for which this project knows no public headers" in said


# --- what is refused -------------------------------------------------------------------------------------


def test_a_root_without_a_library(host: Host, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    said = host.refuses(f"-DTensorRT_ROOT={empty}")
    assert f"TensorRT_ROOT is {empty}, which has no libnvinfer.so" in said and "pip install tensorrt" in said
    assert "headers without a library" not in said


def test_a_root_that_was_named_is_the_only_one(host: Host, tmp_path: Path, sdk: Path) -> None:
    """Not even a whole SDK elsewhere is taken silently."""
    said = host.refuses("-DTensorRT_ROOT=/nowhere", f"-DCMAKE_PREFIX_PATH={sdk}")
    assert "TensorRT_ROOT is /nowhere" in said


def test_nothing_anywhere(host: Host, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    said = host.refuses(python_with(tmp_path / "site", tmp_path))
    if "No libnvinfer.so" not in said:
        pytest.skip("this machine has TensorRT in the system's folders")
    assert "pip install tensorrt" in said and "-DTensorRT_ROOT=<folder>" in said


def test_headers_without_a_library(host: Host, tmp_path: Path) -> None:
    headers = stubs.fake_headers(tmp_path / "sdk" / "include", "10.13.3")
    said = host.refuses(f"-DTensorRT_ROOT={tmp_path / 'sdk'}")
    assert f"headers without a library in {headers}" in said and "pip install tensorrt" in said
    said = host.refuses("-DTensorRT_ROOT=/nowhere", f"-DSAMPLE_TENSORRT_HEADERS={headers}")
    assert f"headers without a library in {headers}" in said


def test_a_headers_folder_without_headers(host: Host, sdk: Path) -> None:
    said = host.refuses(f"-DTensorRT_ROOT={sdk}", "-DSAMPLE_TENSORRT_HEADERS=/nowhere")
    assert "SAMPLE_TENSORRT_HEADERS is /nowhere, which has no NvInfer.h" in said and "10.13.3" in said


def test_header_sets_none_of_which_fits(host: Host, tmp_path: Path) -> None:
    stubs.fake_headers(tmp_path / "headers" / "10.13" / "include", "10.13.3")
    folder = stubs.sdk(tmp_path / "sdk", "10.9.0")
    said = host.refuses(f"-DTensorRT_ROOT={folder}", f"-DSAMPLE_TENSORRT_HEADERS={tmp_path / 'headers'}")
    assert "no X.Y/include/NvInfer.h that fits" in said and "10.9.0" in said


@pytest.mark.parametrize(
    ("headers", "library", "why"),
    [
        ("10.15.1", "11.4.0", "another major version"),
        ("11.0.0", "10.16.0", "another major version"),
        ("8.6.1", "10.0.1", "another major version"),
        ("10.13.3", "10.9.0", "newer headers call functions that an older library does not have"),
    ],
)
def test_headers_and_library_of_two_versions(
    host: Host, tmp_path: Path, headers: str, library: str, why: str
) -> None:
    include = stubs.fake_headers(tmp_path / "headers", headers)
    root = stubs.sdk(tmp_path / "sdk", library)
    said = host.refuses(f"-DTensorRT_ROOT={root}", f"-DSAMPLE_TENSORRT_HEADERS={include}")
    assert f"The headers in {include} are of version {headers}" in said and why in said
    assert f"{root}/lib/libnvinfer.so is of version {library}" in said
    assert "-DSAMPLE_TENSORRT_HEADERS=<folder>" in said and "-DTensorRT_ROOT=<folder>" in said


def test_a_major_mismatch_of_a_pip_library(host: Host, tmp_path: Path) -> None:
    folder = stubs.pip_libraries(tmp_path / "site" / "tensorrt_libs", "11.4.0")
    include = stubs.fake_headers(tmp_path / "headers", "10.15.0")
    said = host.refuses(f"-DTensorRT_ROOT={folder}", f"-DSAMPLE_TENSORRT_HEADERS={include}")
    assert "another major version" in said and f"{folder}/libnvinfer.so.11 is of version 11:" in said


def test_headers_without_a_version(host: Host, tmp_path: Path, sdk: Path) -> None:
    include = stubs.fake_headers(tmp_path / "broken", "10.13.3")
    (include / "NvInferVersion.h").write_text("#define NV_TENSORRT_MAJOR SOMETHING_ELSE\n")
    said = host.refuses(f"-DTensorRT_ROOT={sdk}", f"-DSAMPLE_TENSORRT_HEADERS={include}")
    assert "no version of TensorRT can be read" in said


def test_the_lean_runtime(host: Host, tmp_path: Path) -> None:
    folder = stubs.pip_libraries(
        tmp_path / "site" / "tensorrt_lean_libs", "11.4.0", stem="nvinfer_lean", parser=False
    )
    for arguments in ([f"-DTensorRT_ROOT={folder}"], [python_with(tmp_path / "site", tmp_path)]):
        shutil.rmtree(host.build, ignore_errors=True)
        said = host.refuses(*arguments, f"-DSAMPLE_TENSORRT_HEADERS={tmp_path}")
        assert (
            f"{folder}/libnvinfer_lean.so.11 is TensorRT's lean runtime, which cannot build engines" in said
        )
        assert "pip install tensorrt" in said


def test_the_rtx_library_with_plain_headers_or_none(host: Host, tmp_path: Path) -> None:
    site = tmp_path / "site"
    stubs.pip_libraries(
        site / "tensorrt_rtx_libs", "1.7.1", stem="tensorrt_rtx", dist="tensorrt_rtx_cu13_libs"
    )
    python = python_with(site, tmp_path)
    several = tmp_path / "headers"
    plain = stubs.fake_headers(several / "11.1" / "include", "11.1.0")
    for arguments, why in (
        ([], "which has no public headers"),
        ([f"-DSAMPLE_TENSORRT_HEADERS={plain}"], "those of TensorRT 11.1.0, which do not fit it"),
        ([f"-DSAMPLE_TENSORRT_HEADERS={several}"], "no headers of TensorRT-RTX"),
    ):
        shutil.rmtree(host.build, ignore_errors=True)
        said = host.refuses(python, *arguments)
        assert why in said and "TensorRT-RTX SDK" in said and "libtensorrt_rtx.so.1" in said


def test_rtx_headers_with_a_plain_library(host: Host, tmp_path: Path, sdk: Path) -> None:
    include = stubs.fake_headers(tmp_path / "rtx", "1.7.1", style="rtx")
    said = host.refuses(f"-DTensorRT_ROOT={sdk}", f"-DSAMPLE_TENSORRT_HEADERS={include}")
    assert "those of TensorRT-RTX 1.7.1, but" in said


@needs_cuda
def test_the_parser_is_required_here_and_optional_elsewhere(host: Host, tmp_path: Path) -> None:
    headers = stubs.fake_headers(tmp_path / "headers", "10.9.0", parser=False)
    (tmp_path / "with-parser").mkdir()
    (tmp_path / "with-parser" / "NvOnnxParser.h").touch()
    root = stubs.sdk(tmp_path / "sdk", "10.9.0", headers=headers, parser=False)
    said = host.refuses(f"-DTensorRT_ROOT={root}")
    assert "has no libnvonnxparser.so" in said and "missing: onnxparser" in said
    stubs.pip_libraries(tmp_path / "more", "10.9.0")
    shutil.copy(tmp_path / "more" / "libnvonnxparser.so.10", root / "lib")
    shutil.rmtree(host.build)
    said = host.refuses(f"-DTensorRT_ROOT={root}")
    assert "has no NvOnnxParser.h" in said and "onnx/onnx-tensorrt, branch release/10.9-GA" in said
    backend = host.folder / "cmake" / "network_source.cmake"
    backend.write_text(backend.read_text().replace("_TRT_NEEDS_PARSER ON)", "_TRT_NEEDS_PARSER OFF)"))
    main = host.folder / "main.cpp"
    main.write_text(main.read_text().replace("#include <NvOnnxParser.h>\n", ""))
    shutil.rmtree(host.build)
    assert host.finds(f"-DTensorRT_ROOT={root}")["ONNX_PARSER_FOUND"] == "FALSE"
    must(cmake("--build", host.build))


# --- the CUDA runtime ------------------------------------------------------------------------------------

NO_TOOLKIT = "-DCMAKE_DISABLE_FIND_PACKAGE_CUDAToolkit=ON"


@pytest.mark.parametrize(
    ("package", "version", "remedy"),
    [
        ("cu13", 13020, 'pip install "nvidia-cuda-crt==13.2.*"'),
        ("cuda_runtime", 12090, 'pip install "nvidia-cuda-nvcc-cu12==12.9.*"'),
        ("cuda_runtime", 11080, 'pip install "nvidia-cuda-nvcc-cu11==11.8.*"'),
    ],
)
def test_the_pip_package_that_has_crt_is_named(
    host: Host, tmp_path: Path, sdk: Path, package: str, version: int, remedy: str
) -> None:
    site = cuda_site(tmp_path / "site", package, version)
    said = host.refuses(f"-DTensorRT_ROOT={sdk}", NO_TOOLKIT, python_with(site, tmp_path))
    assert "crt/host_defines.h" in said and remedy in said


@pytest.mark.parametrize(
    ("package", "crt", "version"),
    [("cu13", "cu13", 13020), ("cuda_runtime", "cuda_nvcc", 12090), ("cuda_runtime", "cuda_nvcc", 11080)],
)
def test_the_cuda_runtime_of_pip_packages(
    host: Host, tmp_path: Path, sdk: Path, package: str, crt: str, version: int
) -> None:
    site = cuda_site(tmp_path / "site", package, version, crt=crt)
    found = host.finds(f"-DTensorRT_ROOT={sdk}", NO_TOOLKIT, python_with(site, tmp_path))
    assert found["CUDA_VERSION"] == f"{version // 1000}.{version % 1000 // 10}"


def test_no_cuda_runtime_at_all(host: Host, tmp_path: Path, sdk: Path) -> None:
    (tmp_path / "site").mkdir()
    python = python_with(tmp_path / "site", tmp_path)
    said = host.refuses(f"-DTensorRT_ROOT={sdk}", NO_TOOLKIT, python)
    assert "no CUDA toolkit" in said and "pip install nvidia-cuda-runtime nvidia-cuda-crt" in said
    said = host.refuses(f"-DTensorRT_ROOT={sdk}", "-DCUDAToolkit_ROOT=/nowhere", python)
    assert "CUDAToolkit_ROOT is /nowhere" in said
    site = cuda_site(tmp_path / "half", "cu13", 13020, crt="cu13", library=False)
    said = host.refuses(f"-DTensorRT_ROOT={sdk}", f"-DCUDAToolkit_ROOT={site / 'nvidia' / 'cu13'}")
    assert "neither libcudart_static.a nor libcudart.so" in said


def test_compiles_with_the_real_pip_packages_of_cuda_alone(host: Host, tmp_path: Path, sdk: Path) -> None:
    """GENCPP_CUDA_SITES: folders that pip filled with --target, or else this Python's packages."""
    sites = [Path(p) for p in os.environ.get("GENCPP_CUDA_SITES", "").split(os.pathsep) if p]
    sites = sites or [Path(p) for p in sys.path if p]
    layouts = (("cu13", "cu13"), ("cuda_runtime", "cuda_nvcc"))
    complete = [
        site
        for site in sites
        for runtime, crt in layouts
        if (site / "nvidia" / runtime / "include" / "cuda_runtime_api.h").is_file()
        and (site / "nvidia" / crt / "include" / "crt" / "host_defines.h").is_file()
    ]
    if not complete:
        pytest.skip(
            "no complete CUDA runtime from pip: pip install --no-deps --target DIR nvidia-cuda-runtime "
            "nvidia-cuda-crt, and GENCPP_CUDA_SITES=DIR"
        )
    for i, site in enumerate(complete):
        real = Host(tmp_path / f"host-{i}")
        real.finds(f"-DTensorRT_ROOT={sdk}", NO_TOOLKIT, python_with(site, tmp_path))
        must(cmake("--build", real.build))
        done = subprocess.run([str(real.build / "host")], capture_output=True, text=True, check=False)
        assert "library 101303" in done.stdout, done.stderr


# --- several projects, installed packages ----------------------------------------------------------------

HOST_OF_THREE = """
cmake_minimum_required(VERSION 3.22...4.1)
project(host LANGUAGES CXX)
set(SAMPLE_INSTALL ON)
foreach(name IN ITEMS torchy sample other)
  add_subdirectory(${name})
endforeach()
add_executable(host main.cpp)
target_link_libraries(host PRIVATE torchy::torchy sample::sample other::other)
"""

MAIN_OF_THREE = """
#include <cstdio>
#include <sample/model.hpp>
#include <other/model.hpp>
#include <torchy/model.hpp>
template <typename Model>
void load(const char* name) {
  const auto model = Model::load();
  std::printf("%s: %s\\n", name, model ? "loaded" : model.error().message.c_str());
}
int main() {
  load<sample::Model>("sample");
  load<other::Model>("other");
  load<torchy::Model>("torchy");
}
"""


@pytest.mark.full("three projects in one host: test_two_backends has two")
@pytest.mark.torch
@needs_cuda
def test_a_host_with_libtorch_and_two_tensorrt_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One search for TensorRT, one binary; an installed package finds TensorRT again."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # the libraries are stubs, whatever this machine has
    version = next((h for h in header_sets(stubs.real_headers()) if h.version.startswith("10.")), None)
    if version is None:
        pytest.skip(f"no headers of TensorRT 10 in {stubs.real_headers()} (GENCPP_TENSORRT_HEADERS)")
    root = stubs.sdk(tmp_path / "sdk", version.version, headers=version.folder)
    folder = tmp_path / "host"
    for name in ("sample", "other"):
        rendered.write(folder / name, name)
    rendered.write(folder / "torchy", "torchy", classifier)
    (folder / "CMakeLists.txt").write_text(HOST_OF_THREE)
    (folder / "main.cpp").write_text(MAIN_OF_THREE)
    arguments = ["-G", "Ninja", *cmake_arguments(), f"-DTensorRT_ROOT={root}", "-DCMAKE_BUILD_TYPE=Debug"]
    done = must(cmake("-S", folder, "-B", folder / "build", *arguments))
    assert done.stdout.count("Found TensorRT: ") == 1 and "Found LibTorch" in done.stdout
    must(cmake("--build", folder / "build"))
    ran = subprocess.run([str(folder / "build" / "host")], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    said = dict(line.split(": ", 1) for line in ran.stdout.splitlines())
    assert said["sample"] == said["other"] and ("driver" in said["sample"] or "CUDA" in said["sample"])
    assert said["torchy"] and "driver" not in said["torchy"]
    listed = subprocess.run(
        ["ldd", str(folder / "build" / "host")], capture_output=True, text=True, check=False
    )
    for line in listed.stdout.splitlines():  # LibTorch keeps the CUDA runtime that it came with
        assert "libcudart" not in line or "nvidia" in line or "torch" in line, line

    prefix = tmp_path / "prefix"
    must(cmake("--install", folder / "build", "--prefix", prefix))
    installed = {p.name for p in (prefix / "lib" / "cmake" / "sample").glob("*.cmake")}
    assert {*MODULES, "sample-config.cmake"} <= installed
    consumer = folder / "sample" / "tests" / "consumer"
    arguments = [*("-G", "Ninja", "-DCONSUMER_MODE=package"), *cmake_arguments(backend=False)]
    arguments += [f"-DCMAKE_PREFIX_PATH={prefix}", NO_PYTHON]
    missing = cmake("-S", consumer, "-B", tmp_path / "without", *arguments, "-DTensorRT_ROOT=/nowhere")
    assert missing.returncode != 0
    assert "TensorRT_ROOT is /nowhere" in missing.stdout and "TensorRT was not found" in missing.stderr
    must(cmake("-S", consumer, "-B", tmp_path / "consumer", *arguments, f"-DTensorRT_ROOT={root}"))
    must(cmake("--build", tmp_path / "consumer"))
    assert set(ctest(tmp_path / "consumer").values()) == {"Skipped"}
