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
from pathlib import Path
from typing import Any

LOG = "objects.txt"
"""In the folder of the build: a word for each object."""
TAKEN = "taken"
COMPILED = "compiled"

_COMMANDS = "compile_commands.json"


def main(argv: list[str], launcher: list[str]) -> int:
    """Copies the object, or runs the compiler. `launcher`: this program as CMake calls it."""
    other, command = Path(argv[0]), argv[1:]
    out = command[command.index("-o") + 1] if "-o" in command[:-1] else ""
    same = find(Path.cwd(), other, out, launcher) if out else None
    if same is None:
        code = subprocess.call(command)
    else:
        shutil.copyfile(same, out)  # not its time: it is as new as this build
        code = 0
    if out:
        with contextlib.suppress(OSError), Path(LOG).open("a", encoding="utf-8") as file:
            file.write(f"{COMPILED if same is None else TAKEN}\n")
    return code


def find(build: Path, other: Path, out: str, launcher: list[str]) -> Path | None:
    """The object of `other` that is made as `out` of `build` is; None: there is none."""
    own = [entry for entry in _entries(build) if entry.get("output") == out]
    if len(own) != 1:
        return None
    wanted = _command(own[0], launcher)
    for entry in _entries(other):
        if entry.get("file") == own[0].get("file") and _command(entry, []) == wanted:
            found = Path(str(entry["directory"]), str(entry["output"]))
            if found.is_file():
                return found
    return None


def _entries(build: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads((build / _COMMANDS).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # no such build, or one that tells nothing: all is compiled
        return []
    return [entry for entry in found if isinstance(entry, dict) and "output" in entry]


def _command(entry: dict[str, Any], launcher: list[str]) -> list[str]:
    """The words of a command, less the launcher, with one name for the object."""
    words = shlex.split(str(entry.get("command", "")))
    if launcher and words[: len(launcher)] == launcher:
        words = words[len(launcher) :]
    return [word.replace(str(entry["output"]), "OBJECT") for word in words]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], [sys.executable, "-I", "-S", *sys.argv[:2]]))
