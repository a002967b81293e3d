"""Hosts with flags and a standard of their own: what reaches the compiler for our sources, and for theirs."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from building import STRICT, cmake, cmake_arguments, compile_object, image_libraries, must
from conftest import cuda, include_of
from once import Once
from places import GOLDEN, ROOT
from samples import classifier, tensorrt
from trt.rendered import write
from writing import texts_of

from gencpp.core.spec import ProjectSpec
from gencpp.core.toolchain import find_toolchain

INEXACT = ("-ffast-math", "-Ofast", "-funsafe-math-optimizations", "-ffinite-math-only")
FORGETTING = ("-freciprocal-math", "-fno-signed-zeros", "-mfpmath=387")
PICKY = (
    *STRICT,
    *("-Wold-style-cast", "-Wsign-conversion", "-Wduplicated-cond", "-Wduplicated-branches", "-Wlogical-op"),
    *("-Wuseless-cast", "-Wnull-dereference", "-Wdouble-promotion", "-Wcast-qual", "-Wextra-semi"),
)
"""Warnings that hosts turn on, as errors."""
HOST = """
cmake_minimum_required(VERSION 3.22)
project(host LANGUAGES CXX)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
add_compile_options(-ffinite-math-only -ffp-contract=fast)
add_library(flags INTERFACE)
target_compile_options(flags INTERFACE -ffast-math -fsingle-precision-constant)
link_libraries(flags)
set(SAMPLE_CORE_ONLY ON)
set(SAMPLE_BUILD_TESTS ON)
add_subdirectory(sample)
target_compile_options(sample_core PRIVATE -funsafe-math-optimizations)
add_executable(host main.cpp)
target_link_libraries(host PRIVATE sample::core)
"""


@pytest.fixture(scope="module")
def host(once: Once) -> Path:
    """A configured host that asks for fast floating point in every way that CMake knows."""
    return once.folder("host-of-flags", make_host)


def make_host(folder: Path) -> None:
    for path, data in texts_of(classifier()).items():
        (folder / "sample" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "sample" / path).write_bytes(data)
    (folder / "CMakeLists.txt").write_text(HOST)
    (folder / "main.cpp").write_text("int main() {}\n")
    (folder / "toolchain.cmake").write_text("set(CMAKE_CXX_FLAGS_INIT -freciprocal-math)\n")
    flags = ("-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS_RELEASE=-Ofast -DNDEBUG")
    toolchain = f"-DCMAKE_TOOLCHAIN_FILE={folder / 'toolchain.cmake'}"
    where = ("-S", folder, "-B", folder / "build", "-G", "Ninja")
    must(cmake(*where, *flags, toolchain, *cmake_arguments(backend=False)))


def commands(host: Path) -> Iterator[tuple[Path, list[str]]]:
    for entry in json.loads((host / "build" / "compile_commands.json").read_text()):
        yield Path(entry["file"]), shlex.split(entry["command"])


def test_fast_math_of_a_host_reaches_none_of_our_sources(host: Path) -> None:
    """By what the compiler itself makes of the flags, as it is told them."""
    seen: dict[tuple[str, ...], list[str]] = {}
    for file, command in commands(host):
        flags = tuple(a for a in command if re.match(r"-[fOm]|-std", a))
        seen.setdefault(flags, []).append(file.relative_to(host).as_posix())
    assert any("-ffast-math" in flags for flags in seen)
    for flags, files in seen.items():
        argv = [str(find_toolchain().compiler), *flags, "-Q", "--help=optimizers"]
        told = must(subprocess.run(argv, capture_output=True, text=True, check=False)).stdout
        on = dict(line.split()[:2] for line in told.splitlines() if len(line.split()) >= 2)
        loose = [
            name
            for name in (
                *("-funsafe-math-optimizations", "-ffinite-math-only", "-fassociative-math"),
                *("-freciprocal-math", "-fsingle-precision-constant", "-fallow-store-data-races"),
            )
            if on[name] == "[enabled]"
        ]
        contract = re.search(r"-ffp-contract=\S*\s+(\w+)", told)
        assert contract is not None
        if files == ["main.cpp"]:
            assert loose, "the host's own file has its flags"
            continue
        assert not loose, (files, flags)
        assert on["-fsigned-zeros"] == "[enabled]" and contract[1] == "off", (files, flags)
    ours = [f for files in seen.values() for f in files if f != "main.cpp"]
    assert {"sample/src/tensor/tensor.cpp", "sample/tests/test_classify.cpp"} <= set(ours)


def test_no_program_or_library_of_ours_turns_tiny_numbers_off(host: Path) -> None:
    """-ffast-math at linking adds crtfastmath.o: `-###` tells what a link would take."""
    argv = [
        str(find_toolchain().ninja),
        "-C",
        str(host / "build"),
        "-t",
        "commands",
        "sample/tests/all",
        "host",
    ]
    links = [
        line.partition("&& ")[2].rpartition(" &&")[0]
        for line in must(
            subprocess.run(argv, capture_output=True, text=True, check=False)
        ).stdout.splitlines()
        if " -o " in line and " -c " not in line and "&& " in line and "ar qc" not in line
    ]
    told = {}
    for link in links:
        words = shlex.split(link)
        done = subprocess.run(
            [*words, "-###"], cwd=host / "build", capture_output=True, text=True, check=False
        )
        told[Path(words[words.index("-o") + 1]).name] = "crtfastmath" in done.stderr
    assert told.pop("host") and len(told) >= 6 and not any(told.values()), told


@pytest.mark.parametrize("flag", [*INEXACT, *FORGETTING])
def test_a_guarded_file_stops_another_build(flag: str) -> None:
    """What is compiled without our CMake files says why it is not."""
    guard = ROOT / "templates" / "common" / "src" / "exact_math.hpp"
    argv = [str(find_toolchain().compiler), "-x", "c++", "-std=c++17", "-fsyntax-only", str(guard)]
    assert subprocess.run(argv, capture_output=True, check=False).returncode == 0
    stopped = subprocess.run([*argv, flag], capture_output=True, text=True, check=False)
    assert stopped.returncode != 0 and "#error" in stopped.stderr


def test_our_sources_have_their_own_standard(host: Path, tmp_path: Path) -> None:
    """A host's C++20 is not theirs, and ours is not the host's."""
    standards = {file.name: [a for a in command if a.startswith("-std=")] for file, command in commands(host)}
    assert standards.pop("main.cpp") == ["-std=gnu++20"]
    assert {*map(tuple, standards.values())} == {("-std=c++17",)}
    for standard in ("20", "23"):
        build = tmp_path / standard
        where = ("-S", host, "-B", build, "-G", "Ninja")
        must(cmake(*where, f"-DSAMPLE_CXX_STANDARD={standard}", *cmake_arguments(backend=False)))
        told = (build / "compile_commands.json").read_text()
        assert told.count(f"-std=c++{standard} ") == len(standards)


@pytest.mark.parametrize("standard", ["17", "20", "23"])
def test_public_headers_in_a_host_that_warns_of_everything(standard: str, host: Path, tmp_path: Path) -> None:
    """Included as the host's own files are, not as SYSTEM; optimised, for some warnings come late."""
    include = host / "sample" / "include"
    # opencv.hpp is for hosts that have OpenCV: test_opencv.
    names = sorted(f.name for f in (include / "sample").iterdir() if f.name != "opencv.hpp")
    uses = """
namespace sample {
template class Result<int>;
template class Result<Outputs>;
template class Span<const TensorView>;
inline constexpr Dims kDims{1, 3, 224, 224};
static_assert(kDims.elements() == 150528);
std::int64_t used(const Model& model, Tensor& tensor, float* data) {
  const Result<Outputs> outputs = model.run({tensor.view(), view_of(data, Dims{2, 3})});
  Tensor taken = std::move(tensor);
  return outputs ? outputs->front().dims()[0] + *taken.data_as<std::int64_t>() : -1;
}
}  // namespace sample
"""
    text = "".join(f"#include <sample/{name}>\n" for name in (*names, *names)) + uses
    (tmp_path / "host.cpp").write_text(text)
    flags = (f"-std=c++{standard}", "-O2", *PICKY, f"-I{include}")
    done = compile_object(tmp_path, "host.cpp", tmp_path / "host.o", *flags)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("make", [classifier, tensorrt])
def test_each_public_header_compiles_alone(make: Callable[[], ProjectSpec], tmp_path: Path) -> None:
    headers = {p: data for p, data in texts_of(make()).items() if p.parts[0] == "include"}
    for path, data in headers.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    names = sorted(p.name for p in headers if p.name != "opencv.hpp")  # which test_opencv compiles
    assert "model.hpp" in names and "engine.hpp" in names
    for name in names:
        source = tmp_path / f"alone_{Path(name).stem}.cpp"
        source.write_text(f"#include <sample/{name}>\n")
        done = compile_object(
            tmp_path, source.name, source.with_suffix(".o"), "-std=c++17", *PICKY, "-Iinclude"
        )
        assert done.returncode == 0, (name, done.stderr[-2000:])


@pytest.mark.full("TensorRT's sources with the warnings of hosts: those of the dev preset are there")
def test_tensorrt_sources_in_such_a_host(tmp_path: Path) -> None:
    """What is for TensorRT, in a host's C++20; the network's code with it."""
    sample = write(tmp_path / "sample")
    network = ROOT / "templates" / "cpp_trt" / "api" / "network" / "src" / "network"
    (sample / "src" / "network").mkdir()
    for file in network.iterdir():
        text = file.read_text().replace("{= name =}", "sample").replace("{= NAME =}", "SAMPLE")
        (sample / "src" / "network" / file.name).write_text(text)
    shutil.copy(GOLDEN / "network" / "resnet18" / "weights_info.hpp", sample / "src")
    flags = (
        *("-std=c++20", "-fsyntax-only", '-DSAMPLE_NETWORK_CODE=""', *PICKY, "-Iinclude", "-Isrc", "-Iapp"),
        *("-isystem", str(include_of("10.13")), "-isystem", str(cuda())),
    )
    wrong = {}
    rooms = (*sample.glob("src/tensorrt/*.cpp"), *sample.glob("src/network/*.cpp"))
    for source in (*sorted(rooms), sample / "src" / "model.cpp"):
        argv = [str(find_toolchain().compiler), *flags, str(source.relative_to(sample))]
        done = subprocess.run(argv, cwd=sample, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            wrong[source.name] = re.findall(r"error: .*", done.stderr)[:3]
    assert not wrong


def sources(*parts: str) -> list[str]:
    layers = [ROOT / "templates" / layer for layer in ("common", "tasks/classification")]
    folders = [layer / part for layer in layers for part in parts]
    return [
        str(f.relative_to(folder.parent))
        for folder in folders
        for f in sorted(folder.rglob("*.cpp"))
        if "consumer" not in f.parts
    ]


_FULL = pytest.mark.full("what hosts build is there in C++20")


@pytest.mark.parametrize(
    ("standard", "parts"),
    [
        ("20", ("src",)),
        pytest.param("20", ("app", "bench", "tests"), marks=_FULL),
        pytest.param("23", ("src", "app", "bench", "tests"), marks=_FULL),
    ],
)
def test_sources_in_another_standard_have_no_warning(
    standard: str, parts: tuple[str, ...], host: Path, tmp_path: Path
) -> None:
    """All that needs no backend; `SAMPLE_CXX_STANDARD` gives them that standard."""
    if missing := image_libraries():
        pytest.skip(f"needs the development files of {missing}")
    places = [f'#define SAMPLE_TEST_{what} ""\n' for what in ("GOLDENS", "SCRATCH")]
    (tmp_path / "test_folders.hpp").write_text("".join(places))  # as CMake writes it
    flags = (
        *(f"-std=c++{standard}", "-O0", *PICKY),  # to objects, which a later run finds
        *(f"-I{part}" for part in ("include", "src", "app", "bench", "tests")),
        *("-DSAMPLE_HAVE_JPEG", "-DSAMPLE_HAVE_PNG"),
    )
    if "tests" in parts:
        flags += (f"-I{tmp_path}",)
    wrong = {}
    for source in sources(*parts):
        folder = tmp_path / Path(source).parent.name
        folder.mkdir(exist_ok=True)
        done = compile_object(host / "sample", source, folder / f"{Path(source).stem}.o", *flags)
        if done.returncode != 0:
            wrong[source] = re.findall(r"error: .*", done.stderr)[:3]
    assert not wrong
