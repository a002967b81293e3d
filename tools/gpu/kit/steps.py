"""Steps that stand alone: what fails in one must not take the others with it."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from .clock import Skipped
from .projects import Failed
from .results import FAILED, SKIPPED, Part


def guarded(part: Part, name: str, step: Callable[[], object], *, skipped: str = "") -> bool:
    """Whether it ended and gave nothing or something true; what it raised becomes a check of that name.

    `skipped` is the name where it did not run, if that is another one.
    """
    try:
        return step() in (None, True)
    except Skipped as e:
        part.add(skipped or name, SKIPPED, str(e))
    except Failed as e:
        part.add(name, FAILED, str(e))
    except Exception as e:  # noqa: BLE001 - minutes on a GPU are dear
        traceback.print_exc()
        part.add(name, FAILED, f"{type(e).__name__}: {e}")
    return False
