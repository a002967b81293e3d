"""The whole suite runs in several processes, tests that are named in one: as tests/conftest.py decides."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import conftest
import pytest

TESTPATHS, ARGS = pytest.Config.ArgsSource.TESTPATHS, pytest.Config.ArgsSource.ARGS


def decided(source: pytest.Config.ArgsSource, numprocesses: int | None = None) -> Any:
    option = SimpleNamespace(numprocesses=numprocesses, dist="no", usepdb=False)
    conftest.pytest_cmdline_main(SimpleNamespace(args_source=source, option=option))  # type: ignore[arg-type]
    return option.numprocesses


@pytest.fixture(autouse=True)
def eight_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def test_the_whole_suite_is_divided() -> None:
    assert decided(TESTPATHS) == conftest.PROCESSES == 4
    assert decided(TESTPATHS, numprocesses=0) == 0  # -n 0


def test_tests_that_are_named_are_not() -> None:
    assert decided(ARGS) is None


def test_one_of_the_processes_does_not_start_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    assert decided(TESTPATHS) is None


def test_without_the_plugin_everything_is_here() -> None:
    option = SimpleNamespace(usepdb=False)
    config = SimpleNamespace(args_source=TESTPATHS, option=option)
    conftest.pytest_cmdline_main(config)  # type: ignore[arg-type]
    assert vars(option) == {"usepdb": False}
