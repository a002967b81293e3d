"""The process that tests of messages fork from: what comes out of a fork is what a new Python gives."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import Gencpp
from places import ROOT, SUPPORT
from warm import Warm

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--version",),
        ("--help",),
        ("new",),
        ("verify", "/nowhere"),
        ("new", "--model", "resnet81", "out"),
    ],
    ids=str,
)
def test_a_fork_says_what_a_new_python_says(
    gencpp: Gencpp, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    forked, new = (gencpp(*arguments, cwd=tmp_path, fresh=fresh) for fresh in (False, True))
    assert (forked.returncode, forked.stdout) == (new.returncode, new.stdout)
    assert forked.stderr == new.stderr
    assert os.listdir(tmp_path) == []


def test_a_call_leaves_nothing_to_the_next(gencpp: Gencpp, tmp_path: Path) -> None:
    """Its own arguments, folder, variables, modules and streams."""
    (tmp_path / "one").mkdir()
    for number in ("one", "two"):
        (tmp_path / f"{number}.py").write_text(
            "import os, sys\n"
            "def make():\n"
            "    print(os.getcwd(), os.environ.get('SAID'), 'shared' in sys.modules, file=sys.stderr)\n"
            "    sys.modules['shared'] = sys\n"
            "    import torch\n"
            "    return torch.nn.Linear(6, 4)\n"
        )
    for number, folder in (("one", tmp_path / "one"), ("two", tmp_path)):
        arguments = ["inspect", f"{number}:make", "--path", tmp_path, "--input", "input:1x6"]
        done = gencpp(*arguments, cwd=folder, env={"SAID": number})
        assert done.returncode == 0, done.stderr
        assert f"{folder} {number} False" in done.stderr


def test_calls_at_once_and_an_end_by_a_signal(tmp_path: Path) -> None:
    (tmp_path / "dies.py").write_text("import os\ndef make(): os.kill(os.getpid(), 9)\n")
    warm = Warm(ROOT)
    try:
        dies = ["inspect", "dies:make", "--path", str(tmp_path), "--input", "x:1x6"]
        calls = [dies, ["--version"], dies, ["--version"]]
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(lambda argv: warm.call(argv, dict(os.environ), tmp_path), calls))
        assert [d.returncode for d in done] == [-signal.SIGKILL, 0, -signal.SIGKILL, 0]
        assert done[1].stdout.startswith("gencpp ")
    finally:
        warm.close()


def test_what_is_imported_ahead_starts_no_thread() -> None:
    """A fork would have the locks of its parent's threads, and not the threads."""
    import subprocess
    import sys

    code = f"import os, sys\nsys.path.insert(0, {str(SUPPORT)!r})\nimport warm\nwarm.import_ahead()\n"
    code += "print([open(f'/proc/self/task/{t}/comm').read().strip() for t in os.listdir('/proc/self/task')])"
    argv = [sys.executable, "-c", code]
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # numpy's own ends its threads before a fork
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=env)
    assert done.stdout.count("'") == 2, done.stdout
