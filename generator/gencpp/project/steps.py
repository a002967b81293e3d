"""The steps of the writer, by name, so that tests can stop or kill it between any two of them.

Only code in the same process can replace the hook: no option, file or environment variable does.
"""

from __future__ import annotations

from collections.abc import Callable


def _nothing(_: str) -> None:
    return None


_hook: Callable[[str], None] = _nothing


def reached(step: str) -> None:
    """Called at staged, prepared, recorded, `moved P`, `placed P`, done, `kept P` and tidied; P is a path."""
    _hook(step)
