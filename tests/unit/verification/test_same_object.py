"""Objects of the first build: taken where the very same command makes them, compiled where it differs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gencpp.verification import same_object

COMPILER = """import sys
from pathlib import Path
Path(sys.argv[sys.argv.index("-o") + 1]).write_text("compiled by " + sys.argv[1])
sys.exit(7 if "-fail" in sys.argv else 0)
"""


class Builds:
    """The project's build, whose objects are there, and a host's."""

    def __init__(self, folder: Path) -> None:
        self.first, self.host = folder / "first build", folder / "host"
        self.first.mkdir()
        self.host.mkdir()
        (folder / "cc.py").write_text(COMPILER)
        self.launcher = [sys.executable, "-I", "-S", str(same_object.__file__), str(self.first)]
        self.compiler = [sys.executable, str(folder / "cc.py")]

    def has(self, build: Path, out: str, *flags: str, source: str = "/p/a.cpp") -> None:
        file = build / "compile_commands.json"
        entries = json.loads(file.read_text()) if file.is_file() else []
        words = [*self.compiler, *flags, "-o", out, "-c", source]
        command = " ".join(f'"{w}"' if " " in w else w for w in words)
        entries.append({"directory": str(build), "command": command, "file": source})
        file.write_text(json.dumps(entries))
        if build == self.first:
            (build / out).write_text("of the first build")

    def makes(self, out: str, *flags: str, source: str = "/p/a.cpp") -> tuple[int, str]:
        """As ninja starts it: with the options of dependencies, which compile_commands.json does not tell."""
        argv = [*self.launcher, *self.compiler, *flags, "-MD", "-MF", f"{out}.d", "-o", out, "-c", source]
        done = subprocess.run(argv, cwd=self.host, check=False)
        return done.returncode, (self.host / out).read_text()


@pytest.fixture
def builds(tmp_path: Path) -> Builds:
    return Builds(tmp_path)


def test_an_equal_command_takes_the_object(builds: Builds) -> None:
    builds.has(builds.first, "a.o", "-O3")
    builds.has(builds.host, "sub-a.o", "-O3")
    assert builds.makes("sub-a.o", "-O3") == (0, "of the first build")
    assert (builds.host / same_object.LOG).read_text() == "taken\n"


@pytest.mark.parametrize(
    ("flags", "source"), [(["-O2"], "/p/a.cpp"), (["-O3", "-DX"], "/p/a.cpp"), (["-O3"], "/p/b.cpp")]
)
def test_another_command_is_compiled(builds: Builds, flags: list[str], source: str) -> None:
    builds.has(builds.first, "a.o", "-O3")
    builds.has(builds.host, "sub-a.o", *flags, source=source)
    code, text = builds.makes("sub-a.o", *flags, source=source)
    assert code == 0 and text.startswith("compiled by ")
    assert (builds.host / same_object.LOG).read_text() == "compiled\n"


def test_of_two_objects_of_a_source_the_one_with_the_same_flags(builds: Builds) -> None:
    builds.has(builds.first, "app-a.o", "-O1")
    builds.has(builds.first, "lib-a.o", "-O3")
    (builds.first / "lib-a.o").write_text("the library's")
    builds.has(builds.host, "sub-a.o", "-O3")
    assert builds.makes("sub-a.o", "-O3") == (0, "the library's")


def test_what_was_not_built_or_is_not_told_is_compiled(builds: Builds) -> None:
    builds.has(builds.host, "sub-a.o", "-O3")
    assert builds.makes("sub-a.o", "-O3")[1].startswith("compiled by ")  # the first build tells nothing
    builds.has(builds.first, "a.o", "-O3")
    (builds.first / "a.o").unlink()
    assert builds.makes("sub-a.o", "-O3")[1].startswith("compiled by ")
    assert builds.makes("unknown.o", "-O3")[1].startswith("compiled by ")


def test_an_error_of_the_compiler_stays_one(builds: Builds) -> None:
    builds.has(builds.host, "sub-a.o", "-fail")
    assert builds.makes("sub-a.o", "-fail")[0] == 7
