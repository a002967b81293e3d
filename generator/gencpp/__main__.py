"""The command `gencpp`, and `python -m gencpp`: an interrupt finds little before there is a command."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Any, NoReturn


def main() -> NoReturn:
    """Runs the command line; an interrupt while it is imported is one message, too."""
    with contextlib.suppress(ValueError, AttributeError):  # not the main thread
        signal.signal(signal.SIGINT, _end)
        signal.signal(signal.SIGTERM, _end)
    from .cli.main import main as run

    run()


def _end(*_: Any) -> NoReturn:
    os.write(2, b"gencpp: error: interrupted; nothing was written\n")
    os._exit(130)


if __name__ == "__main__":
    main()
