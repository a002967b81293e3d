"""Objects that were compiled before: ccache keeps them between runs, compile_cache.py within one.

ccache finds an object by the files that went into it, with no look at their text, so a second run is fast. It
takes a place for a part of the text: a project that is built in its own folder and in a host's is two for it.
What it does not find goes on to compile_cache.py, which compares texts alone.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import compile_cache

SIZE = "1GiB"
"""At most. A run of the default lane adds about 50 MiB."""


def _find_ccache() -> str | None:
    """The wheel's, beside this Python, or the machine's."""
    here = str(Path(sys.executable).parent)
    return shutil.which("ccache", path=os.pathsep.join([here, os.environ.get("PATH", "")]))


def environment(run: Path, temporary: Path) -> dict[str, str]:
    """Variables to add, which make CMake compile through both.

    `run`: a folder of this run, which goes with it. `temporary`: what the projects are built below; how they
    lie to each other counts, not where.
    """
    own = compile_cache.environment(run)
    ccache = _find_ccache()
    prefix = own[compile_cache.LAUNCHER].split(";")
    if ccache is None or any(" " in word for word in prefix):  # ccache divides its prefix at spaces
        return own
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gencpp"
    defaults = {
        "CCACHE_DIR": str(caches / "test-objects"),
        "CCACHE_MAXSIZE": SIZE,
        # Inductor keeps objects of its own, else in the temporary folder.
        "TORCHINDUCTOR_CACHE_DIR": str(caches / "test-inductor"),
    }
    return {
        **own,
        **{name: value for name, value in defaults.items() if name not in os.environ},
        compile_cache.LAUNCHER: ccache,
        "CCACHE_PREFIX": " ".join(prefix),
        "CCACHE_BASEDIR": str(temporary),
        "CCACHE_NOHASHDIR": "1",  # debug information names the folder of the first build: nobody looks
        "CCACHE_DEPEND": "1",  # no look at the text where an object is missing: compile_cache.py has its own
        "CCACHE_STATSLOG": str(run / "ccache.txt"),
    }


def summary(run: Path) -> str:
    """What they brought in this run, in a line; empty where nothing was compiled."""
    log = run / "ccache.txt"
    told = Counter(log.read_text().split() if log.is_file() else [])
    kept = told["direct_cache_hit"]
    lines = [f"{kept} objects of earlier runs"] if kept else []
    return ", ".join([*lines, *filter(None, [compile_cache.summary(run)])])


def keep_log(run: Path, target: Path) -> None:
    """A line for each object: compiled or taken again, its key, seconds, name, and the test."""
    if (log := run / "log.txt").is_file() and target.is_dir():
        shutil.copyfile(log, target / "objects.txt")


def folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="gencpp-objects-"))


def remove(run: Path, added: dict[str, str]) -> None:
    """Takes the variables back, and the folder of this run away."""
    for name in added:
        os.environ.pop(name, None)
    shutil.rmtree(run, ignore_errors=True)
