"""Does anybody's work get lost when gencpp writes? Seeded histories of one folder; exit code 1 if so.

    python tools/sweeps/own_work_histories.py [--count 200] [--seed 0] [--commands 4] [--verbose]

A history is a dozen events on one OUT: projects written by the one writer (of other models, names and
backends; with --force or without; killed by SIGKILL at a random step), and in between, while it runs, and
after kills a user who edits, adds, removes and links files, also at paths that the next project generates,
makes empty folders and pipes, and commits to a git repository in OUT. After each event every byte that the
user wrote has to be in its place, or in a copy whose place was told; what is no file has to be where it was;
a command that refuses changes nothing; and the project is the old or the new one, never a mixture.

The last --commands histories run the real command line (they need torch, and some seconds each).
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest.mock import patch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "generator"), str(ROOT / "tests" / "support")]

from samples import classifier, tensorrt, tensors_only  # noqa: E402
from writing import DONE, KILLED, REFUSED, texts_of, write, write_until  # noqa: E402

from gencpp import project  # noqa: E402
from gencpp.core.errors import UsageError  # noqa: E402
from gencpp.core.spec import ProjectSpec  # noqa: E402
from gencpp.project import steps  # noqa: E402

EVENTS = 12
SPECS = (classifier(), classifier("other"), tensorrt(), tensors_only("third"), tensorrt("other"))
_GIT = ("-c", "user.name=x", "-c", "user.email=x@example.invalid", "-c", "gc.auto=0")


class Lost(Exception):
    """Something of the user's is gone, or the folder is not what it has to be."""


@dataclass
class History:
    """One folder, and all that its user knows of it."""

    folder: Path
    random: random.Random
    work: dict[str, bytes] = field(default_factory=dict)
    """By its path, what the user wrote there last."""
    copies: list[bytes] = field(default_factory=list)
    """What the user wrote and found in a copy, or expects there after a kill."""
    others: dict[str, str] = field(default_factory=dict)
    """Empty folders, links and pipes."""
    told: list[str] = field(default_factory=list)
    """Everything that commands said."""
    events: Counter[str] = field(default_factory=Counter)
    log: list[str] = field(default_factory=list)
    number: int = 0

    @property
    def out(self) -> Path:
        """The folder that is written."""
        return self.folder / "out"

    def say(self, text: str) -> None:
        """One line of the log, by which a failed history can be followed."""
        self.log.append(text)
        self.events[text.split(":")[0]] += 1


def run(seed: int, folder: Path) -> History:
    """Raises Lost, with the history's log, when one of the rules does not hold."""
    h = History(folder=folder, random=random.Random(seed))
    if h.random.random() < 0.2:
        h.out.mkdir()
        h.say("an empty folder")
    try:
        for _ in range(EVENTS):
            h.random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0](h)
            check(h)
        finish(h)
    except Lost as e:
        raise Lost(f"seed {seed}: {e}\n  " + "\n  ".join(h.log)) from None
    return h


# What commands do.


def a_write(h: History) -> None:
    """`gencpp new`, perhaps with a user who works while it runs."""
    spec, force, model = a_project(h)
    before = look(h.out)
    late = h.random.random() < 0.4
    step = h.random.randrange(60)
    count = [0]

    def meanwhile(*_: object) -> None:
        count[0] += 1
        if late and count[0] == step + 1:
            an_edit(h)

    first = late and h.random.random() < 0.5
    h.say(f"write{' with a user at work' if late else ''}: {named(spec, force)}")
    try:
        with patch.object(steps, "_hook", meanwhile):
            kept = write(
                h.out,
                spec,
                force=force,
                model=model,
                progress=h.told.append,
                meanwhile=(lambda: an_edit(h)) if first else (lambda: None),
            )
    except UsageError as e:
        h.say(f"refused: {str(e).splitlines()[0]}")
        mended = any("was interrupted" in text for text in h.told)
        if not late and not mended and look(h.out) != before:
            raise Lost("a command that was refused changed something") from None
        return
    h.told += [str(h.out / kept.folder / path) for path in kept.paths]
    is_project(h, spec)


def a_kill(h: History) -> None:
    """`gencpp new`, killed at one of its steps; perhaps a user who goes on, not knowing of it."""
    spec, force, model = a_project(h)
    at = h.random.choice((0, 1, 2, 3, 4, 5, 8, 13, 40, 100, 150, 200, 250))
    last = h.random.choice(("", "", "done", "kept", "tidied", "placed gencpp.json"))
    count = [0]

    def stop(step: str) -> bool:
        count[0] += 1
        return step.startswith(last) if last else count[0] > at

    told = h.folder.with_name(f"{h.folder.name}-told")
    ended = write_until(stop, h.out, spec, force=force, model=model, told=told)
    h.told += told.read_text().splitlines() if told.exists() else []
    how = {KILLED: "killed", DONE: "done before the kill", REFUSED: "refused before the kill"}
    h.say(f"{how.get(ended, 'broken')}: {named(spec, force)}, at {last or at}: {ended}")
    if ended not in (KILLED, DONE, REFUSED):
        raise Lost(f"the writer ended with {ended}")
    if ended == DONE:  # what it told went with its process
        h.told += [str(p) for p in (h.out / ".gencpp").rglob("*")] if force else []
        is_project(h, spec)
    if ended == KILLED and h.random.random() < 0.5 and h.out.is_dir():
        an_edit(h)
    if ended == KILLED and h.random.random() < 0.5 and (h.out / ".gencpp").is_dir():
        project.mend(h.out, h.told.append)
        h.say("mended")


def a_project(h: History) -> tuple[ProjectSpec, bool, bytes]:
    spec = h.random.choice(SPECS)
    if h.random.random() < 0.5:
        model = replace(spec.recipe.model, seed=h.random.randrange(3))
        spec = replace(spec, recipe=replace(spec.recipe, model=model))
    return spec, h.random.random() < 0.6, h.random.choice((b"model", b"another model"))


def named(spec: ProjectSpec, force: bool) -> str:
    return f"{spec.name} on {spec.backend}{' --force' if force else ''}"


def is_project(h: History, spec: ProjectSpec) -> None:
    """After a command that says that it is done: all of the project is there."""
    manifest = project.read_manifest(h.out)
    edited = [path for path in project.edited_files(h.out, manifest) if path not in h.work]
    if manifest.project != spec or edited:
        raise Lost(f"the project is not what was written: {edited}")


# What users do.


def an_edit(h: History) -> None:
    """Of a file that gencpp generated, or of their own."""
    files = sorted(p for p in own_files(h) if p.is_file() and not p.is_symlink())
    if not files:
        return
    file = h.random.choice(files)
    if h.random.random() < 0.1 and (h.out / "gencpp.json").is_file():
        file = h.out / "gencpp.json"
    data = file.read_bytes()
    if file.name == "gencpp.json":  # still JSON: a broken one is refused whatever is asked
        h.number += 1
        wrote(h, file, data + b" " * h.number)
    else:
        wrote(h, file, data + new_work(h))


def an_addition(h: History) -> None:
    """A file of their own, half of them where some project generates one."""
    spec = h.random.choice(SPECS)
    places = ("src/mine.cpp", "notes/work.txt", "assets/extra.bin", "build/CMakeCache.txt", "verify.json")
    path = h.random.choice((*map(str, texts_of(spec)), "assets/model.pt"))
    path = h.random.choice(places) if h.random.random() < 0.5 else path
    file = h.out / path
    if not (h.out / "gencpp.json").exists() or os.path.lexists(file):
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    wrote(h, file, new_work(h))


def a_removal(h: History) -> None:
    """Of a generated file, or of their own."""
    files = sorted(p for p in own_files(h) if p.is_file())
    if files:
        file = h.random.choice(files)
        path = file.relative_to(h.out).as_posix()
        h.say(f"remove: {path}")
        file.unlink()
        h.work.pop(path, None)


def a_thing(h: History) -> None:
    """An empty folder, a link, a pipe, or a commit."""
    if not (h.out / "gencpp.json").is_file():
        return
    h.number += 1
    path = h.out / h.random.choice(("", "src", "mine")) / f"thing-{h.number}"
    path.parent.mkdir(exist_ok=True)
    kind = h.random.choice(("folder", "link", "pipe", "git"))
    h.say(f"thing: {kind} {path.relative_to(h.out)}")
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("nowhere")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        git(h, "init", "-q")
        (h.out / ".git" / "refs" / "mine").mkdir(exist_ok=True)
        git(h, "commit", "-q", "--allow-empty", "-m", "x")
        h.others |= {f".git/{k}": v for k, v in look(h.out / ".git").items()}
        return
    h.others[path.relative_to(h.out).as_posix()] = kind_of(path)


def own_files(h: History) -> list[Path]:
    """Files in OUT, without those of git and of gencpp's records."""
    hidden = (".git", ".gencpp")
    return (
        [p for p in h.out.rglob("*") if p.relative_to(h.out).parts[0] not in hidden] if h.out.is_dir() else []
    )


def new_work(h: History) -> bytes:
    h.number += 1
    return f"\n// the user's work, number {h.number}\n".encode()


def wrote(h: History, file: Path, data: bytes) -> None:
    path = file.relative_to(h.out).as_posix()
    h.say(f"edit: {path}")
    old = h.work.get(path)
    if old is not None and (not file.is_file() or file.read_bytes() != old):
        h.copies.append(old)  # a killed command moved it
    file.write_bytes(data)
    h.work[path] = data


def git(h: History, *arguments: str) -> None:
    done = subprocess.run(
        ["git", "-C", str(h.out), *_GIT, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Lost(f"git {arguments[0]}: {done.stderr}")


# What has to hold.


def check(h: History) -> None:
    """Nothing of the user's is gone, and what is in a copy was told, once killed commands are mended."""
    pending = (h.out / ".gencpp" / "journal").exists()
    for path, data in list(h.work.items()):
        file = h.out / path
        if file.is_symlink() or not file.is_file() or file.read_bytes() != data:
            find_copy(h, path, data, pending)
            if not pending:
                del h.work[path]
                h.copies.append(data)
    for data in h.copies:
        find_copy(h, "a file that was replaced", data, pending)
    for path, kind in h.others.items():
        if kind_of(h.out / path) != kind:
            raise Lost(f"{path} was {kind[:40]}, and is {kind_of(h.out / path)[:40]}")


def find_copy(h: History, path: str, data: bytes, pending: bool) -> None:
    own = h.out / ".gencpp"
    found = [p for p in own.rglob("*") if p.is_file() and not p.is_symlink() and p.read_bytes() == data]
    found += [p for p in own_files(h) if p.is_file() and not p.is_symlink() and p.read_bytes() == data]
    if not found:
        raise Lost(f"{path} is gone: {data[-60:]!r}")
    if pending or any(own not in p.parents for p in found):
        return
    for copy in found:
        kept = re.match(r"kept-\d+", copy.relative_to(own).as_posix())
        name = copy.relative_to(own / kept.group(0)).as_posix() if kept else ""
        if kept and any(
            text == str(copy) or (f"{own / kept.group(0)}:" in text and name in text) for text in h.told
        ):
            return
    raise Lost(f"nobody was told of the copy {found[0]}")


def finish(h: History) -> None:
    """The next command mends, and writes with --force; nothing but the project and copies is left."""
    try:
        write(h.out, SPECS[0], force=True, progress=h.told.append)
    except UsageError:
        if (h.out / "gencpp.json").exists() or not own_files(h):
            raise
        # The first project was taken back from under a user's edit: what is left is the user's alone.
        check(h)
        return
    for path in (p for p in (h.out / ".gencpp").rglob("*") if p.is_file()):
        h.told.append(str(path))
    check(h)
    is_project(h, SPECS[0])
    if [p.name for p in h.folder.iterdir()] != ["out"]:
        raise Lost(f"left beside OUT: {[p.name for p in h.folder.iterdir()]}")
    if (h.out / ".gencpp").exists():
        there = {p.name for p in (h.out / ".gencpp").iterdir() if not p.name.startswith("kept-")}
        extra = sorted(there - {"base.zip"})
        if extra:
            raise Lost(f"left in OUT: {extra}")
    if (h.out / ".git").exists():
        git(h, "fsck", "--strict")
        git(h, "log", "--oneline")


WEIGHTS = {a_write: 4, a_kill: 3, an_edit: 3, an_addition: 2, a_removal: 1, a_thing: 1}
"""How often each event comes."""


def look(folder: Path) -> dict[str, str]:
    """Every entry below a folder, by its path."""
    return {p.relative_to(folder).as_posix(): kind_of(p) for p in sorted(folder.rglob("*"))}


def kind_of(path: Path) -> str:
    """What an entry is, with the bytes of a file and the target of a link."""
    if path.is_symlink():
        return f"link to {path.readlink()}"
    if path.is_file():
        return path.read_bytes().hex()
    return "folder" if path.is_dir() else "pipe" if path.exists() else "gone"


# The command line.

_KILLED_AT = """
import os, signal, sys
from gencpp.project import steps
def at(step):
    if step.startswith(os.environ["STOP"]):
        os.kill(os.getpid(), signal.SIGKILL)
if os.environ["STOP"]:
    steps._hook = at
from gencpp.cli.main import main
main()
"""


def run_commands(seed: int, folder: Path) -> History:
    """A history of whole commands, as a user types them; the models are small."""
    h = History(folder=folder, random=random.Random(seed))
    command(h, "named", "", 0)
    for number in range(3):
        an_addition(h)
        a_thing(h)
        stop = h.random.choice(("staged", "recorded", "placed src/", "placed gencpp.json", "done", "tidied"))
        force = ("--force",) if number % 2 else ()
        an_edit(h) if force else None
        command(h, h.random.choice(("named", "other")), stop, None, *force)
        if (h.out / ".gencpp" / "journal").exists():
            project.mend(h.out, h.told.append)
        check(h)
    command(h, "named", "", 0, "--force")
    check(h)
    return h


def command(h: History, name: str, stop: str, code: int | None, *options: str) -> None:
    models = str(ROOT / "tests" / "support" / "models")
    argv = [
        "new",
        "--model",
        "tiny:named",
        "--path",
        models,
        "--input",
        "x:1x6:float32",
        "--name",
        name,
        *options,
    ]
    done = subprocess.run(
        [sys.executable, "-c", _KILLED_AT, *argv, *options, str(h.out)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "generator"), "STOP": stop},
        cwd=h.folder.parent,
        check=False,
    )
    h.say(f"command: {' '.join(options)} {name}, stop {stop or 'never'}: {done.returncode}")
    said = f"{done.stdout}\n{done.stderr}"
    copies = re.findall(r"^  kept      (.*)$", done.stdout, re.MULTILINE)
    h.told += [*done.stderr.splitlines(), *(str(h.folder.parent / copy) for copy in copies)]
    if "Traceback" in said or (code is not None and done.returncode != code) or done.returncode == 1:
        raise Lost(f"the command ended with {done.returncode}: {said}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--commands", type=int, default=4)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    failed = 0
    events: Counter[str] = Counter()
    for index in range(options.count):
        seed = options.seed * 100_000 + index
        real = index >= options.count - options.commands
        folder = Path(tempfile.mkdtemp(prefix="gencpp-history-")) / "it"
        folder.mkdir()
        try:
            history = run_commands(seed, folder) if real else run(seed, folder)
            events += history.events
            if options.verbose:
                print(f"seed {seed}\n  " + "\n  ".join(history.log))
        except Lost as e:
            failed += 1
            print(e)
        finally:
            shutil.rmtree(folder.parent)
        if sys.stderr.isatty():
            print(f"\r{index + 1} of {options.count}", end="", file=sys.stderr)
    print(", ".join(f"{count} {what}" for what, count in sorted(events.items())))
    print(f"{options.count} histories, {options.count - failed} lost nothing, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
