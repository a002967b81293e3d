"""A compiler launcher for one run of the tests: what was compiled once is not compiled again.

The tests build the same files in many folders. An object is taken from an earlier build when compiler,
flags and the preprocessed text are equal and the earlier compilation said nothing, though it was asked for
these warnings or for more: warnings and errors come from the compiler, each time. CMake calls this file with
the compiler's command line, so it stands alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

FOLDER = "GENCPP_TEST_OBJECTS"
"""Environment variable: where the objects of this run are."""
LAUNCHER = "CMAKE_CXX_COMPILER_LAUNCHER"
"""CMake's own, from which every new build folder takes its launcher."""

_SOURCES = (".cpp", ".cc", ".cxx")
# Places and names: what they bring in is in the preprocessed text, where it counts.
_SEARCH = ("-I", "-isystem", "-iquote", "-idirafter")
_UNHASHED = ("-D", "-U")
_PASSED_ON = ("-Wa,", "-Wl,", "-Wp,")
_WIDELY = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow")
_OUTPUTS = ("-o", "-MF", "-MT", "-MQ")
# The compiler would read or write a file that is not in the text; or the text tells nothing of the result.
_UNCACHED = ("-save-temps", "--coverage", "-fprofile", "-fmodule", "-gsplit", "-x", "-E", "-S", "-M", "@")


def environment(objects: Path) -> dict[str, str]:
    """Makes CMake compile through this file, with objects kept in that folder."""
    launcher = [sys.executable, "-I", "-S", str(Path(__file__).resolve())]
    return {FOLDER: str(objects), LAUNCHER: ";".join(launcher)}


def main(argv: list[str]) -> int:
    """Runs the compiler, or copies what it made before."""
    folder = os.environ.get(FOLDER)
    found = _key_arguments(argv) if folder and Path(folder).is_dir() else None
    if found is None:
        return subprocess.call(argv)
    plain, warnings = found
    text = _preprocessed(argv)
    if text is None or b"incbin" in text:  # an error, which the compiler tells better; a file by its name
        return subprocess.call(argv)
    key = hashlib.sha256(b"\0".join([*plain, text])).hexdigest()
    kept, target = Path(str(folder), f"{key}.o"), Path(argv[argv.index("-o") + 1])
    asked = kept.with_suffix(".warnings")
    with _alone(kept):
        if kept.is_file() and warnings <= set(asked.read_text().split()):
            shutil.copyfile(kept, target)
            _log(folder, "reused", key, 0.0, target.name)
            return 0
        before = _spent()
        # With the warnings of most builds: of what is silent under these, one object serves them all.
        more = [w for w in _WIDELY if w not in warnings]
        done = subprocess.run([*argv, *more], stderr=subprocess.PIPE, check=False)
        if more and (done.returncode != 0 or done.stderr):
            more = []
            done = subprocess.run(argv, stderr=subprocess.PIPE, check=False)
        warnings.update(more)
        sys.stderr.buffer.write(done.stderr)
        if done.returncode == 0 and not done.stderr:
            asked.unlink(missing_ok=True)  # of the object that is there: it is not to be taken for this one
            _keep(target, kept)
            asked.write_text(" ".join([*warnings, "-Werror"]))  # nothing was said: no error, either
        _log(folder, "compiled", key, _spent() - before, target.name)
        return done.returncode


@contextlib.contextmanager
def _alone(kept: Path) -> Iterator[None]:
    """Builds at the same time want the same objects: one compiles, the others wait and take what it kept."""
    with kept.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # given back when the file is closed, also where the process ends
        yield


def summary(folder: Path) -> str:
    """What it brought in this run, in a line; empty where nothing was compiled."""
    log = folder / "log.txt"
    rows = [line.split("\t") for line in log.read_text().splitlines()] if log.is_file() else []
    cost = {key: float(seconds) for what, key, seconds, *_ in rows if what == "compiled"}
    again = [cost.get(key, 0.0) for what, key, *_ in rows if what == "reused"]
    if not rows:
        return ""
    return (
        f"{len(rows) - len(again)} objects compiled in {sum(cost.values()):.0f} s of processor time, "
        f"{len(again)} taken again, which saved {sum(again):.0f} s"
    )


def _key_arguments(argv: list[str]) -> tuple[list[bytes], set[str]] | None:
    """What of a command line decides on the object, beside the text, and its warnings; None: not kept."""
    program = shutil.which(argv[0])
    if program is None or not {"-c", "-o", "-MF"} <= set(argv):
        return None
    state = Path(program).resolve().stat()
    found = [program, str(state.st_size), str(state.st_mtime_ns)]
    sources, warnings, position = [], set(), 1
    while position < len(argv):
        argument = argv[position]
        position += 1
        if argument == "-isystem":  # whose headers are told no warning of: another object, if it is one
            found.append(f"{argument} {Path(argv[position]).name}")
            position += 1
        elif argument in (*_SEARCH, *_OUTPUTS, *_UNHASHED):
            position += 1
        elif argument.startswith(("-MD", "-MMD")) or argument.startswith(_UNHASHED):
            pass
        elif argument.startswith(_UNCACHED):
            return None
        elif argument.startswith(_SEARCH):
            pass
        elif argument.startswith("-W") and not argument.startswith((*_PASSED_ON, "-Wno-")):
            warnings.add(argument)
        elif argument.endswith(_SOURCES) and not argument.startswith("-"):
            sources.append(argument)
        else:
            found.append(argument)
    if len(sources) != 1:
        return None
    return [a.encode() for a in (*found, Path(sources[0]).name)], warnings


def _preprocessed(argv: list[str]) -> bytes | None:
    """The text that is compiled, without the places it came from; writes the dependencies file, too."""
    arguments, position = [], 0
    while position < len(argv):
        if argv[position] == "-o":
            position += 1
        elif argv[position] != "-c":
            arguments.append(argv[position])
        position += 1
    done = subprocess.run([*arguments, "-E", "-P"], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 and not done.stderr else None


def _keep(made: Path, kept: Path) -> None:
    """Whole or not at all: other builds look at the same time."""
    with contextlib.suppress(OSError):
        number, scratch = tempfile.mkstemp(dir=kept.parent)
        os.close(number)
        shutil.copyfile(made, scratch)
        Path(scratch).replace(kept)


def _spent() -> float:
    """Processor time of what was run so far, which other work on the machine does not change much."""
    used = os.times()
    return used.children_user + used.children_system


def _log(folder: str | None, what: str, key: str, seconds: float, name: str) -> None:
    with Path(str(folder), "log.txt").open("a") as file:
        test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
        file.write(f"{what}\t{key}\t{seconds:.2f}\t{name}\t{test}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
