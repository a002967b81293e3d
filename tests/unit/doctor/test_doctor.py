"""Each thing that this machine has or lacks, with its remedy; torch is not needed to look."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from gencpp import doctor
from gencpp.core.toolchain import Finished


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with nothing on it: no program, no package, no library."""

    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(doctor, "installed_version", absent)
    monkeypatch.setattr(doctor, "find_program", lambda _: None)
    monkeypatch.setattr(doctor, "find_compiler", lambda: None)


@pytest.mark.usefixtures("bare")
def test_a_bare_machine_lacks_what_is_needed_and_says_what_to_do() -> None:
    found = {f.name: f for f in doctor.examine()}
    assert len(found) == len(doctor.examine())  # no name twice
    needed = {"C++ compiler", "cmake", "ninja", "Python package torch"}
    assert needed <= {f.name for f in found.values() if f.status == "missing"}
    assert all(f.remedy for f in found.values() if f.status == "missing")
    assert found["Python package onnx"].status == "absent"
    assert found["libjpeg"].detail == "not looked for: needs a GNU-like compiler"
    assert found["NVIDIA GPU"].status == found["CUDA toolkit"].status == "absent"


def test_a_cmake_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_program", lambda name: Path("/opt") / name)
    versions = {"/opt/cmake": "cmake version 3.18.4", "/opt/ninja": "1.10.1"}
    monkeypatch.setattr(doctor, "first_line", lambda argv: versions.get(argv[0], ""))
    found = {f.name: f for f in doctor.examine()}
    assert found["cmake"].status == "missing"
    assert found["cmake"].detail == "cmake version 3.18.4, 3.22 is needed"
    assert found["ninja"].status == "ok"


def test_a_compiler_that_is_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    (found,) = (f for f in doctor.examine() if f.name == "C++ compiler")
    assert (found.status, found.detail) == ("missing", "CXX=no-such-compiler is no program")


@pytest.mark.parametrize(("code", "status"), [(0, "ok"), (1, "absent")])
def test_a_library_is_looked_for_with_the_compiler(
    monkeypatch: pytest.MonkeyPatch, code: int, status: str
) -> None:
    monkeypatch.setattr(doctor, "find_compiler", lambda: Path("/opt/g++"))
    monkeypatch.setattr(doctor, "run", lambda *_, **__: Finished(argv=(), code=code, output="", seconds=0.0))
    found = {f.name: f for f in doctor.examine()}
    assert found["libjpeg"].status == found["libpng"].status == status
    assert bool(found["libjpeg"].remedy) == (code != 0)


@pytest.mark.parametrize(
    ("version", "status"), [((3, 11, 7), "ok"), ((3, 13, 0), "ok"), ((3, 14, 0), "missing")]
)
def test_a_python_without_torchscript(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...], status: str
) -> None:
    monkeypatch.setattr(doctor.sys, "version_info", version)
    found = doctor.examine()[0]
    assert (found.name, found.status) == ("Python", status)
