"""What a command tells while it works."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], None]
"""Takes what happens now, for a status line, which a pipe does not see."""

_NOTICE = "notice: "


def silent(_: str) -> None:
    """Tells nobody."""


def notice(progress: Progress, text: str) -> None:
    """What a user has to see before the command goes on: it stays on the screen, and is in a pipe, too."""
    progress(_NOTICE + text)


def noticed(text: str) -> str:
    """The text of a notice; empty: it is the next status."""
    return text.removeprefix(_NOTICE) if text.startswith(_NOTICE) else ""
