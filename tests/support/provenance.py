"""What a page of results was made by: the command, the commit and the day, beneath its title."""

from __future__ import annotations

import datetime
import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def write_page(path: Path, text: str) -> None:
    """Writes a page that begins with `# title`; what made it is its second paragraph."""
    title, rest = text.split("\n", 1)
    path.write_text(f"{title}\n\n{made_by()}{rest}", encoding="utf-8")


def made_by() -> str:
    """`Made by COMMAND, commit HASH, DAY.` of this process."""
    return f"Made by `{command()}`, commit {commit()}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d}.\n"


def command() -> str:
    """How this program was called, from the repository's root; other folders are shown by their name."""
    program = Path(sys.argv[0]).resolve().relative_to(ROOT).as_posix()
    return shlex.join(["python", program, *(_shown(argument) for argument in sys.argv[1:])])


def _shown(argument: str) -> str:
    path = Path(argument)
    if not path.is_absolute():
        return argument
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def commit(root: Path = ROOT) -> str:
    """Of the checkout: GENCPP_COMMIT where that is set (a copy has no history), git's, or `unknown`."""
    if given := os.environ.get("GENCPP_COMMIT", "").strip():
        return given

    def git(*arguments: str) -> str:
        argv = ["git", "-C", str(root), *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    found = git("rev-parse", "--short=12", "HEAD")
    changed = bool(git("status", "--porcelain", "--untracked-files=no"))
    return f"{found}{' with changes' if changed else ''}" if found else "unknown"
