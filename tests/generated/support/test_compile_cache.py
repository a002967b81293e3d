"""The tests' own compiler launcher: it may save time, and must not change what a build gives."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import compile_cache
import pytest
from building import STRICT

from gencpp.core.toolchain import find_toolchain

CODE = """
#include "answer.hpp"
int answer() { return kAnswer; }
"""


class Place:
    """A folder with a source and a header, compiled as CMake does it."""

    def __init__(self, folder: Path, objects: Path, header: str = "constexpr int kAnswer = 42;") -> None:
        folder.mkdir()
        (folder / "source.cpp").write_text(CODE)
        (folder / "answer.hpp").write_text(header)
        self.folder, self.objects = folder, objects
        self.object = folder / "source.o"

    def compile(self, *flags: str) -> subprocess.CompletedProcess[str]:
        launcher = [sys.executable, "-I", "-S", compile_cache.__file__, str(find_toolchain().compiler)]
        where = [f"-I{self.folder}", "-MD", "-MT", "source.o", "-MF", str(self.folder / "source.d")]
        what = ["-o", str(self.object), "-c", str(self.folder / "source.cpp")]
        return subprocess.run(
            [*launcher, *where, *flags, *what],
            env={**os.environ, compile_cache.FOLDER: str(self.objects)},
            capture_output=True,
            text=True,
            check=False,
        )

    def last(self) -> str:
        return (self.objects / "log.txt").read_text().splitlines()[-1].partition("\t")[0]


@pytest.fixture
def objects(tmp_path: Path) -> Path:
    (tmp_path / "objects").mkdir()
    return tmp_path / "objects"


def test_an_equal_file_elsewhere_is_taken(tmp_path: Path, objects: Path) -> None:
    first, second = Place(tmp_path / "first", objects), Place(tmp_path / "second", objects)
    assert first.compile().returncode == 0 and first.last() == "compiled"
    assert second.compile(f"-DUNUSED={tmp_path}").returncode == 0 and second.last() == "reused"
    assert first.object.read_bytes() == second.object.read_bytes()
    told = (second.folder / "source.d").read_text()
    assert told.startswith("source.o:") and str(second.folder / "answer.hpp") in told


def test_what_differs_is_compiled(tmp_path: Path, objects: Path) -> None:
    first, other = Place(tmp_path / "first", objects), Place(tmp_path / "other", objects)
    assert first.compile().returncode == 0
    assert first.compile("-O2").returncode == 0 and first.last() == "compiled"
    (other.folder / "answer.hpp").write_text("constexpr int kAnswer = 43;")
    assert other.compile().returncode == 0 and other.last() == "compiled"
    assert first.compile("-DkAnswer=44").returncode != 0  # "constexpr int 44 = 42"
    (first.folder / "source.cpp").write_text(CODE + "int more() { return 1; }\n")
    assert first.compile().returncode == 0 and first.last() == "compiled"


def test_warnings_and_errors_come_each_time(tmp_path: Path, objects: Path) -> None:
    place = Place(tmp_path / "place", objects, "constexpr int kAnswer = 42; static int idle;")
    for _ in range(2):
        warned = place.compile("-Wall")
        assert warned.returncode == 0 and "idle" in warned.stderr and place.last() == "compiled"
        failed = place.compile("-Wall", "-Werror")
        assert failed.returncode != 0 and "idle" in failed.stderr
    (place.folder / "answer.hpp").unlink()
    missing = place.compile()
    assert missing.returncode != 0 and "answer.hpp" in missing.stderr


def test_a_silent_compilation_with_more_warnings_is_taken(tmp_path: Path, objects: Path) -> None:
    """And one with fewer is not: it was not asked."""
    place = Place(tmp_path / "place", objects)
    assert place.compile("-Wundef").returncode == 0 and place.last() == "compiled"
    assert place.compile().returncode == 0 and place.last() == "reused"
    assert place.compile("-Wundef", "-Wcast-align", "-Werror").returncode == 0 and place.last() == "compiled"
    assert place.compile("-Wcast-align", "-Wundef").returncode == 0 and place.last() == "reused"
    assert place.compile("-Wall", "-Wno-unused").returncode == 0 and place.last() == "compiled"
    assert place.compile("-O2").returncode == 0 and place.last() == "compiled"


def test_the_warnings_of_most_builds_are_asked_for_at_once(tmp_path: Path, objects: Path) -> None:
    """A host's build, which asks for none, may come before a strict one."""
    place = Place(tmp_path / "place", objects)
    assert place.compile().returncode == 0 and place.last() == "compiled"
    assert place.compile(*STRICT).returncode == 0 and place.last() == "reused"


def test_warnings_that_nobody_asked_for_are_not_told(tmp_path: Path, objects: Path) -> None:
    place = Place(tmp_path / "place", objects, NARROWS)
    quiet = place.compile()
    assert quiet.returncode == 0 and not quiet.stderr
    asked = place.compile("-Wconversion")
    assert asked.returncode == 0 and "conversion" in asked.stderr and place.last() == "compiled"
    assert place.compile(*STRICT).returncode != 0


NARROWS = "constexpr int kAnswer = 42; inline int narrow(double x) { return x; }"


def test_a_header_of_the_system_s_is_told_no_warning_of(tmp_path: Path, objects: Path) -> None:
    place = Place(tmp_path / "place", objects, NARROWS)
    (tmp_path / "headers").mkdir()
    header = (place.folder / "answer.hpp").rename(tmp_path / "headers" / "answer.hpp")
    strict = ("-Wconversion", "-Werror")
    assert place.compile("-isystem", str(header.parent), *strict).returncode == 0
    assert place.compile(f"-I{header.parent}", *strict).returncode != 0


def test_a_warning_that_was_switched_off_was_not_asked_for(tmp_path: Path, objects: Path) -> None:
    place = Place(tmp_path / "place", objects, NARROWS)
    assert place.compile("-Wconversion", "-Werror", "-Wno-conversion").returncode == 0
    assert place.compile("-Wconversion", "-Werror").returncode != 0


def test_a_file_that_the_assembler_reads_is_not_in_the_text(tmp_path: Path, objects: Path) -> None:
    data = tmp_path / "data"
    header = f'asm(".incbin \\"{data}\\"");\nconstexpr int kAnswer = 42;'
    place = Place(tmp_path / "place", objects, header)
    made = []
    for content in ("one", "two"):
        data.write_text(content)
        assert place.compile().returncode == 0
        made.append(place.object.read_bytes())
    assert made[0] != made[1] and not (objects / "log.txt").exists()


def test_builds_at_the_same_time_compile_once(tmp_path: Path, objects: Path) -> None:
    places = [Place(tmp_path / name, objects) for name in ("first", "second", "third")]
    with ThreadPoolExecutor(len(places)) as pool:
        assert [done.returncode for done in pool.map(Place.compile, places)] == [0, 0, 0]
    lines = (objects / "log.txt").read_text().splitlines()
    assert sorted(line.partition("\t")[0] for line in lines) == ["compiled", "reused", "reused"]
    assert len({place.object.read_bytes() for place in places}) == 1
