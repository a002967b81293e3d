"""Files that lie, in the generated program's decoder: refused, within the memory of an honest picture."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from building import STRICT, cmake, cmake_arguments, image_libraries, must
from hostile_pictures import Liar, liars
from once import Once
from places import TOOLS

from gencpp.bench.process import spawn
from gencpp.core.toolchain import find_toolchain

MEGABYTES = 64
"""Of a run on one hostile file, at most; one on a picture of a few pixels takes about 10."""
FAST_MATH = ("-DCMAKE_BUILD_TYPE=", "-DCMAKE_CXX_FLAGS=-O2 -ffast-math")
"""Of a host: the strangest flags that do not change a pixel."""


@pytest.fixture(scope="module")
def core(once: Once, photo_project: Path) -> Path:
    """The build folder of a project's core."""
    strict = f"-DCMAKE_CXX_FLAGS={' '.join(STRICT)}"
    return once.folder("core", core_maker(photo_project, "-DCMAKE_BUILD_TYPE=Release", strict))


def core_maker(project: Path, *options: str) -> Callable[[Path], None]:
    if missing := image_libraries():
        pytest.skip(f"needs the development files of {missing}")

    def make(build: Path) -> None:
        arguments = ("-DPHOTO_CORE_ONLY=ON", *options, *cmake_arguments(backend=False))
        must(cmake("-S", project, "-B", build, "-G", "Ninja", *arguments))
        must(cmake("--build", build))

    return make


@dataclass(frozen=True, slots=True)
class Answer:
    text: str
    megabytes: float


def ask(core: Path, line: str, scratch: Path) -> Answer:
    """One job for the project's own tool.

    bench's launcher starts it: Linux counts the memory of a program's parent into its peak, and this one has
    torch.
    """
    jobs = scratch / "jobs.txt"
    jobs.write_text(line + "\n")
    argv = ["/bin/sh", "-c", 'exec "$0" < "$1"', str(core / "tests" / "photo_pixels_tool"), str(jobs)]
    ran = spawn(argv, os.environ, timeout=120)
    assert ran.code == 0 and ran.peak_bytes is not None, ran.problem()
    return Answer(ran.output.strip(), ran.peak_bytes / (1 << 20))


@pytest.mark.parametrize("liar", list(liars()), ids=lambda liar: liar.name)
def test_a_file_that_lies_costs_nothing(liar: Liar, core: Path, tmp_path: Path) -> None:
    file = tmp_path / liar.name
    file.write_bytes(liar.data)
    answer = ask(core, f"{file} {tmp_path / 'out.npy'}", tmp_path)
    if liar.says:
        assert answer.text.startswith(f"error {file}: ") and liar.says in answer.text, answer.text
    else:
        assert answer.text == "ok"
    assert answer.megabytes < MEGABYTES


@pytest.mark.parametrize(("head", "says"), [(b"no picture", "not a JPEG"), (b"\xff\xd8\xff", "max_bytes")])
def test_six_gigabytes_are_not_read(head: bytes, says: str, core: Path, tmp_path: Path) -> None:
    file = tmp_path / "large.jpg"
    file.write_bytes(head)
    os.truncate(file, 6 << 30)  # takes no room on the disk
    answer = ask(core, f"{file} {tmp_path / 'out.npy'}", tmp_path)
    assert says in answer.text and answer.megabytes < MEGABYTES


@pytest.mark.parametrize("name", ["files", "hostile", "classify"])
def test_the_projects_own_tests_pass(name: str, core: Path) -> None:
    """What no tool shows: pipes, devices, sockets, the caller's own limits, files that change; every public
    function with arguments that it must refuse; NaN among logits."""
    program = core / "tests" / f"photo_test_{name}"
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout == "passed\n", done.stdout + done.stderr


@pytest.mark.full("that no source is compiled with a host's -ffast-math is tested, and pixels are without it")
def test_no_pixel_differs_under_fast_math(once: Once, photo_project: Path) -> None:
    """Every variant of a picture, resizes and tensors: PNM of other maximal values differed."""
    core = once.folder("core-fast-math", core_maker(photo_project, *FAST_MATH))
    script = TOOLS / "pixels" / "pixel_parity.py"
    tool = core / "tests" / "photo_pixels_tool"
    argv = [sys.executable, str(script), "--cases", "15", "--program", str(tool)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert re.search(r"\b0 of \d+ pixels differ", done.stdout)
    preprocess = core / "tests" / "photo_test_preprocess"
    assert subprocess.run([preprocess], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("source", ["image/resize_axis", "image/preprocess", "classify", "tensor/tensor"])
def test_a_build_without_cmake_stops_at_fast_math(source: str, photo_project: Path) -> None:
    """What has no integers to go by says so, instead of giving other pixels."""
    includes = [f"-I{photo_project / part}" for part in ("include", "src")]
    argv = [str(find_toolchain().compiler), "-std=c++17", "-fsyntax-only", *includes]
    file = str(photo_project / "src" / f"{source}.cpp")
    assert subprocess.run([*argv, file], capture_output=True, check=False).returncode == 0
    stopped = subprocess.run([*argv, "-ffast-math", file], capture_output=True, text=True, check=False)
    assert stopped.returncode != 0 and "add -fno-fast-math" in stopped.stderr


def test_no_pixel_differs_from_public_suites(core: Path) -> None:
    """PngSuite and the test pictures of Pillow, libjpeg-turbo and others, where they were fetched."""
    sys.path.insert(0, str(TOOLS / "pixels"))
    import corpora

    if missing := corpora.missing_suites():
        pytest.skip(missing)
    tool = core / "tests" / "photo_pixels_tool"
    argv = [sys.executable, str(TOOLS / "pixels" / "corpora.py"), "--program", str(tool)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
