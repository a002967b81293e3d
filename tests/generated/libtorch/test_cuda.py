"""LibTorch projects on GPUs: what is built when, and what is refused. test_cuda_run.py runs them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from building import STRICT, cmake, cmake_arguments, compile_object, compile_program, must
from samples import classifier
from writing import texts_of

from gencpp.backends.libtorch import aoti
from gencpp.backends.libtorch.spec import CompiledFor, LibTorchSpec, RunsOn
from gencpp.core.errors import EnvironmentLacks
from gencpp.core.toolchain import find_toolchain

Gencpp = Callable[..., subprocess.CompletedProcess[str]]
SOURCES = ("cuda/cuda_runner.cpp", "cuda/cuda_slot.cpp", "cuda/cuda_graph.cpp")


# --- what is built -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    done: subprocess.CompletedProcess[str]
    build: Path

    @property
    def said(self) -> str:
        return " ".join((self.done.stdout + self.done.stderr).split())

    def command(self, source: str) -> str:
        """The compiler's command line of a file in src/; empty: it is not built."""
        rows = json.loads((self.build / "compile_commands.json").read_text())
        return next((r["command"] for r in rows if r["file"].endswith(f"/src/{source}")), "")


def tree(folder: Path, **runtime: Any) -> Path:
    """A rendered project, whose artifact is not needed to configure it; `runtime`: fields of LibTorchSpec."""
    spec = classifier("sample")
    spec = replace(spec, runtime=replace(LibTorchSpec.of(spec), **runtime))
    for path, data in texts_of(spec).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def libtorch(folder: Path, cuda: str = "", version: tuple[int, int] = (2, 9)) -> Path:
    """What FindLibTorch.cmake looks at of a LibTorch; nothing of it can be linked."""
    root = folder / "torch"
    files = {
        "include/torch/csrc/jit/api/module.h": "",
        "include/torch/headeronly/version.h": "".join(
            f"#define TORCH_VERSION_{part} {number}\n"
            for part, number in zip(("MAJOR", "MINOR", "PATCH"), (*version, 0), strict=True)
        ),
        "include/torch/csrc/api/include/torch/version.h": "",
        "lib/libtorch_cpu.so": "",
        "lib/libc10.so": "",
    }
    if cuda:
        files |= {"lib/libtorch_cuda.so": "", "lib/libc10_cuda.so": ""}
        files["version.py"] = f"__version__ = '2.9.0'\ncuda: Optional[str] = '{cuda}'\n"
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def headers(folder: Path, version: int, *, crt: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cuda.h").touch()
    (folder / "cuda_runtime_api.h").write_text(f"#define CUDART_VERSION {version}\n")
    if crt:
        (folder / "crt").mkdir()
        (folder / "crt" / "host_config.h").touch()
    return folder


def configured(tmp_path: Path, root: Path, *options: str, **runtime: Any) -> Configured:
    build = tmp_path / "build"
    arguments = ["-G", "Ninja", *cmake_arguments(backend=False), f"-DTorch_ROOT={root}"]
    arguments += ["-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", "-DCMAKE_DISABLE_FIND_PACKAGE_CUDAToolkit=ON"]
    done = cmake("-S", tree(tmp_path / "sample", **runtime), "-B", build, *arguments, *options)
    return Configured(done=done, build=build)


def test_a_cpu_build_of_libtorch_has_none_of_it(tmp_path: Path) -> None:
    found = configured(tmp_path, libtorch(tmp_path))
    must(found.done)
    assert "no CUDA graphs" not in found.said
    assert not any(found.command(source) for source in SOURCES)
    assert found.command("cuda/gpu.cpp") and "HAVE_CUDA" not in found.command("cuda/gpu.cpp")


def test_what_is_asked_for_and_cannot_be_built_is_an_error(tmp_path: Path) -> None:
    cases = (
        ("", (2, 9), "this LibTorch is a CPU build"),
        ("13.2", (2, 4), "LibTorch is 2.4.0, streams need 2.5 or later"),
        ("13.2", (2, 9), "there is no CUDA toolkit, nor pip's nvidia-cuda-runtime"),
    )
    for i, (cuda, version, words) in enumerate(cases):
        folder = tmp_path / str(i)
        found = configured(folder, libtorch(folder, cuda, version), "-DSAMPLE_CUDA=ON")
        assert found.done.returncode != 0 and words in found.said, found.said
        assert "SAMPLE_CUDA_INCLUDE=DIR" in found.said


def test_without_headers_all_but_graphs_is_built(tmp_path: Path) -> None:
    found = configured(tmp_path, libtorch(tmp_path, "13.2"))
    must(found.done)
    assert "sample: no CUDA graphs: there is no CUDA toolkit" in found.said
    assert all(found.command(source) for source in SOURCES)
    assert "SAMPLE_HAVE_CUDA" in found.command("cuda/gpu.cpp")
    assert "HAVE_CUDA_GRAPHS" not in found.command("cuda/cuda_graph.cpp")


def test_it_can_be_turned_off(tmp_path: Path) -> None:
    found = configured(tmp_path, libtorch(tmp_path, "13.2"), "-DSAMPLE_CUDA=OFF")
    must(found.done)
    assert not any(found.command(source) for source in SOURCES)
    assert "HAVE_CUDA" not in found.command("cuda/gpu.cpp")


@pytest.mark.parametrize(
    ("built_with", "version", "words"),
    [
        ("13.2", 13000, ""),
        ("12.6", 12090, ""),
        ("12.1", 12030, ""),
        ("12.6", 12030, "the headers in {} are those of CUDA 12.3, LibTorch was built with 12.6"),
        ("12.1", 12060, "the headers in {} are those of CUDA 12.6, LibTorch was built with 12.1"),
        ("12.6", 13000, "the headers in {} are those of CUDA 13.0, LibTorch was built with 12.6"),
    ],
)
def test_headers_of_another_cuda_are_refused(
    built_with: str, version: int, words: str, tmp_path: Path
) -> None:
    """at::cuda::CUDAGraph is larger from 12.4 on: the wrong headers would write beyond it."""
    folder = headers(tmp_path / "include", version)
    found = configured(tmp_path, libtorch(tmp_path, built_with), f"-DSAMPLE_CUDA_INCLUDE={folder}")
    must(found.done)
    assert words.format(folder) in found.said
    assert ("HAVE_CUDA_GRAPHS" in found.command("cuda/cuda_graph.cpp")) == (not words)


def test_headers_of_pip_packages_are_enough(tmp_path: Path) -> None:
    """Before CUDA 13 the runtime and crt/ are in two folders."""
    root = libtorch(tmp_path, "12.6")
    headers(tmp_path / "nvidia" / "cuda_runtime" / "include", 12060, crt=False)
    found = configured(tmp_path, root)
    must(found.done)
    assert "has cuda_runtime_api.h but not crt/host_config.h, which another pip package holds" in found.said
    (tmp_path / "nvidia" / "cuda_nvcc" / "include" / "crt").mkdir(parents=True)
    (tmp_path / "nvidia" / "cuda_nvcc" / "include" / "crt" / "host_config.h").touch()
    shutil.rmtree(found.build)
    found = configured(tmp_path, root, "-DSAMPLE_CUDA=ON")
    must(found.done)
    command = found.command("cuda/cuda_graph.cpp")
    assert "HAVE_CUDA_GRAPHS" in command
    assert "nvidia/cuda_runtime/include" in command and "nvidia/cuda_nvcc/include" in command


def test_nvtx(tmp_path: Path) -> None:
    root = libtorch(tmp_path, "13.0")
    options = ("-DSAMPLE_NVTX=ON", "-DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF")
    found = configured(tmp_path, root, *options)
    assert found.done.returncode != 0
    assert "nvtx3/nvToolsExt.h was not found: name its folder with -DSAMPLE_NVTX_INCLUDE=DIR" in found.said
    (tmp_path / "nvidia" / "cu13" / "include" / "nvtx3").mkdir(parents=True)
    (tmp_path / "nvidia" / "cu13" / "include" / "nvtx3" / "nvToolsExt.h").touch()
    found = configured(tmp_path, root, *options)
    must(found.done)
    assert "SAMPLE_HAVE_NVTX" in found.command("cuda/cuda_slot.cpp")


@pytest.mark.parametrize(
    ("device", "option", "words"),
    [
        ("cuda", "-DSAMPLE_CUDA=OFF", "SAMPLE_CUDA is OFF, but this project was made for a GPU alone"),
        ("cpu", "-DSAMPLE_CUDA=ON", "SAMPLE_CUDA is ON, but this project was made for the CPU alone"),
        ("cpu", "-DSAMPLE_NVTX=ON", "SAMPLE_NVTX is ON, but this project was made for the CPU alone"),
    ],
)
def test_what_a_project_was_not_made_for_is_an_error(
    device: str, option: str, words: str, tmp_path: Path
) -> None:
    found = configured(tmp_path, libtorch(tmp_path, "13.2"), option, device=RunsOn(device))
    assert found.done.returncode != 0 and words in found.said, found.said


EARLIER = """
cmake_minimum_required(VERSION 3.22)
project(host LANGUAGES CXX)
add_library(gencpp::libtorch INTERFACE IMPORTED GLOBAL)  # as a project of an earlier gencpp found it
set_target_properties(gencpp::libtorch PROPERTIES
  GENCPP_VERSION 2.9.0 GENCPP_CXX_STANDARD 17 GENCPP_CUDA OFF GENCPP_ROOT "${Torch_ROOT}")
add_subdirectory(sample)
add_executable(host main.cpp)
target_link_libraries(host PRIVATE sample::sample)
"""


@pytest.mark.parametrize("compiled", [True, False])
def test_a_project_beside_one_of_an_earlier_gencpp(compiled: bool, tmp_path: Path) -> None:
    """Which has one target for all of LibTorch."""
    made = CompiledFor(architecture="x86_64", cpu_flags=(), torch="2.9.0", threads=2)
    tree(tmp_path / "sample", compiled=made if compiled else None)
    (tmp_path / "CMakeLists.txt").write_text(EARLIER)
    (tmp_path / "main.cpp").touch()
    root = libtorch(tmp_path)
    arguments = ("-G", "Ninja", *cmake_arguments(backend=False), f"-DTorch_ROOT={root}")
    must(cmake("-S", tmp_path, "-B", tmp_path / "build", *arguments))


def real_headers() -> tuple[Path, Path]:
    """(torch, folder with CUDA's headers) of this machine."""
    import torch
    from fakes.double import cuda_include

    if torch.version.cuda is None:
        pytest.skip("torch is a CPU build")
    found = cuda_include()
    if found is None or not (found / "cuda.h").is_file():
        pytest.skip("no headers of CUDA: no toolkit, and no pip packages of it")
    version = re.search(r"CUDART_VERSION\s+(\d+)", (found / "cuda_runtime_api.h").read_text())
    assert version
    built_with = torch.version.cuda
    if int(version[1]) // 1000 != int(built_with.split(".")[0]):
        pytest.skip(f"the headers of CUDA are those of {version[1]}, torch was built with {built_with}")
    return Path(torch.__file__).parent, found


def test_graphs_compile_without_a_warning_and_link_without_the_cuda_runtime(tmp_path: Path) -> None:
    torch, cuda = real_headers()
    source = tree(tmp_path / "sample") / "src"
    flags = ["-std=c++20", "-O1", "-fPIC", *STRICT, "-DSAMPLE_HAVE_CUDA_GRAPHS", "-Isrc", "-Iinclude"]
    for folder in (torch / "include", torch / "include/torch/csrc/api/include", cuda):
        flags += ["-isystem", str(folder)]
    made = tmp_path / "graph.o"
    must(compile_object(source.parent, "src/cuda/cuda_graph.cpp", made, *flags))
    symbols = subprocess.run(["nm", "-u", "-C", made], capture_output=True, text=True, check=True).stdout
    names = [line.split(maxsplit=1)[1] for line in symbols.splitlines()]
    assert any(n.startswith("at::cuda::CUDAGraph::capture_begin(") for n in names)
    assert not [n for n in names if re.match(r"cu(da)?[A-Z]", n)]  # a project links LibTorch and no more


# --- the driver ------------------------------------------------------------------------------------------

FAKE_DRIVER = """
#include <cstring>
extern "C" {
int cuInit(unsigned) { return 0; }
int cuDeviceGet(int* device, int index) { *device = index + 10; return index < 2 ? 0 : 101; }
int cuDeviceGetAttribute(int* value, int attribute, int device) {
  *value = attribute == 75 ? 9 : attribute == 76 ? device - 10 : -1;
  return 0;
}
int cuDeviceGetName(char* name, int, int) { std::strcpy(name, "NVIDIA Test 1"); return 0; }
int cuStreamCreate(void**, unsigned) { return 0; }
}
"""

ASK = """
#include <cstdio>
#include <string>
#include "cuda/cuda_driver.hpp"
#include "libtorch/gpu.hpp"
int main(int, char** argv) {
  const auto gpu = sample::cuda::gpu_named(std::stoi(argv[1]));
  if (!gpu) {
    std::printf("%s: %s", sample::to_string(gpu.error().code), gpu.error().message.c_str());
    return 3;
  }
  const std::string capability = std::to_string(gpu->major) + "." + std::to_string(gpu->minor);
  const sample::CompiledFor wanted{"", "", "", 0, "NVIDIA Other", "9.1"};
  const auto ours = sample::check_compiled_for_gpu(wanted, std::stoi(argv[1]), {});
  const std::string said = ours ? "ours" : ours.error().message;
  std::printf("%s %s: %s", gpu->name.c_str(), capability.c_str(), said.c_str());
  return ours ? 0 : 1;
}
"""


def test_the_gpu_is_asked_for_without_cuda_and_foreign_code_is_refused(tmp_path: Path) -> None:
    tree(tmp_path / "sample")
    (tmp_path / "ask.cpp").write_text(ASK)
    (tmp_path / "driver.cpp").write_text(FAKE_DRIVER)
    (tmp_path / "lib").mkdir()
    library = str(tmp_path / "lib" / "libcuda.so.1")
    compiler = str(find_toolchain().compiler)
    argv = [compiler, "-std=c++17", "-shared", "-fPIC", str(tmp_path / "driver.cpp"), "-o", library]
    must(subprocess.run(argv, capture_output=True, text=True, check=False))
    files = ("ask.cpp", "sample/src/cuda/cuda_driver.cpp", "sample/src/libtorch/libtorch_facts.cpp")
    places = ("-Isample/src", "-Isample/include")
    compile_program(tmp_path, "ask", files, "-std=c++17", *places, link=["-ldl"])

    def ask(index: int) -> tuple[int, str]:
        environment = {**os.environ, "LD_LIBRARY_PATH": str(tmp_path / "lib")}
        done = subprocess.run(
            [tmp_path / "ask", str(index)], capture_output=True, text=True, env=environment, check=False
        )
        return done.returncode, done.stdout

    assert ask(1) == (0, "NVIDIA Test 1 9.1: ours")
    code, text = ask(0)
    assert code == 1 and "compute capability 9.1 (NVIDIA Other), this one is NVIDIA Test 1 with 9.0" in text
    assert "without --artifact aoti" in text
    assert ask(2) == (
        3,
        "no_device: CUDA device 2 cannot be asked: cuDeviceGet... failed (CUDA driver error 101)",
    )
    (tmp_path / "lib" / "libcuda.so.1").write_bytes(b"no library")
    assert ask(0)[0] == 3 or Path("/dev/nvidiactl").exists()


# --- compiling for a GPU -----------------------------------------------------------------------------------


def test_compiling_for_a_gpu_needs_one(
    gencpp: Gencpp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    for options, code, words in (
        (
            ("--device", "any", "--artifact", "aoti"),
            2,
            "--device any: --artifact aoti compiles for one device",
        ),
        (("--device", "cuda", "--artifact", "fused"), 2, "oneDNN graph fusion is for the CPU"),
        (("--device", "cuda", "--tune"), 2, "--tune measures on the CPU"),
        (("--device", "tpu", "--artifact", "aoti"), 2, "there is no device 'tpu'"),
    ):
        done = gencpp("new", "--model", "resnet18", *options, tmp_path / "out")
        assert done.returncode == code and words in done.stderr, done.stderr
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(EnvironmentLacks, match="--device cuda compiles on the GPU") as caught:
        aoti.check_gpu()
    assert caught.value.exit_code == 3
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA Test 1")
    made = aoti.this_machine("2.15.0", 2, "cuda")
    assert (made.gpu, made.capability) == ("NVIDIA Test 1", "9.0")
    assert aoti.this_machine("2.15.0", 2).gpu == ""
