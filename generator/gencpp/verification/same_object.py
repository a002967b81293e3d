"""A compiler launcher: an object that another build made by the very same command is copied from there.

    python same_object.py OTHER_BUILD_FOLDER COMPILER ARGUMENT...

CMake calls it with the command line of the compiler, in the folder of a build. Both builds tell their
commands in compile_commands.json. Where one of OTHER_BUILD_FOLDER is equal to this one, but for the name of
the object, the compiler would write the same object again, as long as the other build is up to date.
Anything else is compiled. The file stands alone.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LOG = "objects.txt"
"""In the folder of the build: a word for each object."""
TAKEN = "taken"
COMPILED = "compiled"


def main(argv: list[str]) -> int:
    """Copies the object, or runs the compiler."""
    other, command = Path(argv[0]), argv[1:]
    out = _object(command)
    same = find(Path.cwd(), other, out) if out else None
    if same is None:
        code = subprocess.call(command)
    else:
        shutil.copyfile(same, out)  # not its time: it is as new as this build
        code = 0
    if out:
        with contextlib.suppress(OSError), Path(LOG).open("a", encoding="utf-8") as file:
            file.write(f"{COMPILED if same is None else TAKEN}\n")
    return code


def find(build: Path, other: Path, out: str) -> Path | None:
    """The object of `other` that is made as `out` of `build` is; None: there is none."""
    own = [words for words, _ in _commands(build) if _object(words) == out]
    if len(own) != 1:
        return None
    for words, folder in _commands(other):
        if _nameless(words) == _nameless(own[0]) and (folder / _object(words)).is_file():
            return folder / _object(words)
    return None


def _commands(build: Path) -> Iterator[tuple[list[str], Path]]:
    """The words of each command, and the folder that it runs in."""
    try:
        found = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # no such build, or one that tells nothing: all is compiled
        return
    for entry in found:
        yield shlex.split(entry["command"]), Path(entry["directory"])


def _object(command: list[str]) -> str:
    """What a compiler writes; empty: it writes no object."""
    return command[command.index("-o") + 1] if "-o" in command[:-1] and "-c" in command else ""


def _nameless(command: list[str]) -> list[str]:
    """A command with one name for whatever it calls its object, and what lies beside that."""
    own = _object(command)
    return [word.replace(own, "OBJECT") if own else word for word in command]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
