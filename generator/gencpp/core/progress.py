"""What a command tells while it works."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], None]
"""Takes what happens now, for a status line, which a pipe does not see."""

_NOTICE = "notice: "
_STEP = "step: "


def silent(_: str) -> None:
    """Tells nobody."""


def notice(progress: Progress, text: str) -> None:
    """What a user has to see before the command goes on: it stays on the screen, and is in a pipe, too."""
    progress(_NOTICE + text)


def noticed(text: str) -> str:
    """The text of a notice; empty: it is the next status."""
    return text.removeprefix(_NOTICE) if text.startswith(_NOTICE) else ""


def step(progress: Progress, text: str) -> None:
    """The start or the end of a long step: the status on a terminal, and a line of its own in a pipe."""
    progress(_STEP + text)


def stepped(text: str) -> str:
    """The text of a step; empty: it is something else."""
    return text.removeprefix(_STEP) if text.startswith(_STEP) else ""
