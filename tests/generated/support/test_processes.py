"""How the suite runs: its processes and lanes, and what they share. tests/conftest.py decides."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import conftest
import pytest
from once import Once
from places import PACKAGE, ROOT, SUPPORT
from times import tables

TESTPATHS, ARGS = pytest.Config.ArgsSource.TESTPATHS, pytest.Config.ArgsSource.ARGS
TESTS = ROOT / "tests"


@pytest.fixture
def eight_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setenv("TMPDIR", tempfile.gettempdir())


def decided(source: pytest.Config.ArgsSource, numprocesses: int | None = None) -> Any:
    option = SimpleNamespace(numprocesses=numprocesses, dist="no", usepdb=False)
    config = SimpleNamespace(args_source=source, option=option, stash=pytest.Stash())
    conftest.pytest_cmdline_main(config)  # type: ignore[arg-type]
    return option


@pytest.mark.usefixtures("eight_processors")
def test_the_whole_suite_is_divided() -> None:
    found = decided(TESTPATHS)
    assert found.numprocesses == conftest.PROCESSES == 4
    assert decided(TESTPATHS, numprocesses=0).numprocesses == 0  # -n 0


@pytest.mark.usefixtures("eight_processors")
def test_tests_that_are_named_are_not() -> None:
    assert decided(ARGS).numprocesses is None


@pytest.mark.usefixtures("eight_processors")
def test_one_of_the_processes_does_not_start_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    assert decided(TESTPATHS).numprocesses is None


@pytest.mark.usefixtures("eight_processors")
def test_without_the_plugin_everything_is_here() -> None:
    option = SimpleNamespace(usepdb=False)
    config = SimpleNamespace(args_source=TESTPATHS, option=option)
    conftest.pytest_cmdline_main(config)  # type: ignore[arg-type]


# --- lanes -------------------------------------------------------------------------------------------------

LANES = """
import pytest
@pytest.mark.full("it takes long")
def test_long(): pass
def test_short(): pass
@pytest.mark.compile
def test_compiles(): pass
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A suite of this conftest.py, and of the three tests above."""
    shutil.copyfile(TESTS / "conftest.py", tmp_path / "conftest.py")
    (tmp_path / "test_lanes.py").write_text(LANES)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n  full(reason): long\n  compile: compiles\n")
    return tmp_path


def ran(suite: Path, *options: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "CCACHE_", "CMAKE_"))}
    path = os.pathsep.join([str(SUPPORT), str(PACKAGE)])
    # In a folder of its own: in the usual one it would first clear away what earlier runs left.
    apart = ("-p", "no:cacheprovider", "--basetemp", str(suite / "temporary"))
    return subprocess.run(
        [sys.executable, "-m", "pytest", *apart, "-rA", "--rootdir", ".", *options],
        capture_output=True,
        text=True,
        cwd=suite,
        env={**clean, "PYTHONPATH": path},
        check=False,
    )


def test_the_default_lane_says_what_it_leaves_out(suite: Path) -> None:
    said = ran(suite).stdout
    assert "2 passed, 1 skipped" in said
    assert "in the full lane only (--full): it takes long" in said
    # What compiles is begun first.
    assert said.index("::test_compiles") < said.index("::test_short")


def test_the_full_lane_has_all(suite: Path) -> None:
    assert "3 passed" in ran(suite, "--full").stdout
    assert "1 passed, 2 deselected" in ran(suite, "--full", "-m", "full").stdout


def test_the_full_lane_ends_with_its_time(suite: Path) -> None:
    said = ran(suite, "--full", "--minutes", "0").stdout
    assert "2 passed, 1 skipped" in said
    assert "in the full lane, for which no time was left (--minutes 0)" in said
    assert "3 passed" in ran(suite, "--full", "--minutes", "9").stdout


def test_where_the_time_goes(suite: Path) -> None:
    (suite / "test_timed.py").write_text(
        "import subprocess, sys, time\n"
        "def test_program(): subprocess.run([sys.executable, '-c', 'import time; time.sleep(0.6)'])\n"
        "def test_here(): time.sleep(0.3)\n"
    )
    assert "passed" in ran(suite, "--times", "told").stdout
    text = tables(suite / "told")
    assert "| other Python programs | 0.0 |" in text and "test_timed.py::test_program" in text
    longest = [line for line in text.splitlines() if "::" in line][:2]
    assert "test_program" in longest[0] and "test_here" in longest[1]


IN_TURN = """
import os, time, pytest
@pytest.mark.parametrize("number", range(COUNT))
def test_in_turn(number):
    time.sleep(0.05)
    print("ran in", os.environ["PYTEST_XDIST_WORKER"])
"""


def test_a_file_that_stays_together_stays_in_one_process(suite: Path) -> None:
    processes = {conftest.TOGETHER[0]: 1, "test_other.py": 2}
    for name, count in zip(
        processes, (6, 18), strict=True
    ):  # the other lasts longer, so both have some of it
        text = IN_TURN.replace("ran in", f"{name} ran in").replace("COUNT", str(count))
        (suite / name).write_text(text)
    said = ran(suite, "-n", "2", *processes).stdout
    assert "24 passed" in said
    for name, count in processes.items():
        assert len(set(re.findall(rf"{name} ran in (\w+)", said))) == count, said


def test_files_that_stay_together_exist() -> None:
    assert all(list(TESTS.rglob(name)) for name in conftest.TOGETHER)


# --- what processes share ----------------------------------------------------------------------------------


def test_a_folder_is_made_once_and_others_wait(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        time.sleep(0.2)
        (folder / "file").write_text("whole")

    with ThreadPoolExecutor(4) as pool:
        folders = list(pool.map(lambda _: Once(tmp_path).folder("project", make), range(4)))
    assert made == [tmp_path / "project"] and set(folders) == set(made)
    assert (folders[0] / "file").read_text() == "whole"


def test_what_cannot_be_made_is_not_tried_again(tmp_path: Path) -> None:
    tried: list[Path] = []

    def make(folder: Path) -> None:
        tried.append(folder)
        raise AssertionError("the compiler said no")

    with pytest.raises(AssertionError, match="said no"):
        Once(tmp_path).folder("project", make)
    with pytest.raises(pytest.fail.Exception, match=r"(?s)project could not be made.*the compiler said no"):
        Once(tmp_path).folder("project", make)
    assert len(tried) == 1


def test_what_is_skipped_is_skipped_for_all(tmp_path: Path) -> None:
    def make(folder: Path) -> None:
        pytest.skip("no headers")

    for _ in range(2):
        with pytest.raises(pytest.skip.Exception, match="no headers"):
            Once(tmp_path).folder("project", make)
