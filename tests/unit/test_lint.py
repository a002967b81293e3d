"""ruff and mypy --strict, as part of the tests, so that one command checks everything."""

from __future__ import annotations

import re
import subprocess
import sys

from places import ROOT


def run(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


def test_ruff() -> None:
    run("ruff", "check", "generator", "tests", "tools", "examples")
    run("ruff", "format", "--check", "generator", "tests", "tools", "examples")


def test_mypy() -> None:
    run("mypy")


def test_ci_runs_the_readmes_test_command() -> None:
    commands = [line for line in (ROOT / "README.md").read_text().splitlines() if "-m pytest" in line]
    assert len(commands) == 1
    assert re.fullmatch(r" +python3 -m venv \.venv && .*", commands[0])
    assert "README.md" in (ROOT / ".ci" / "run").read_text()


def test_no_two_files_of_tests_have_one_name() -> None:
    """pytest takes them for one module, where their folders are no packages."""
    names = [file.name for file in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
