"""What is made once a run and shared between its processes: projects, doubles and builds."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


class Once:
    """Makes a folder by its name, once a run. Another process that wants it waits and takes what was made.

    Who takes a folder does not change it: another process may be reading it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def of(cls, factory: pytest.TempPathFactory) -> Once:
        base = factory.getbasetemp()
        # xdist gives each process a folder of its own in the run's.
        root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "once"
        root.mkdir(exist_ok=True)
        return cls(root)

    def folder(self, name: str, make: Callable[[Path], object]) -> Path:
        """The folder `name`, empty when `make` gets it. What fails for one fails for all, with its reason."""
        folder, made, failed = (self.root / f"{name}{end}" for end in ("", ".made", ".failed"))
        with FileLock(self.root / f"{name}.lock"):
            if failed.exists():
                pytest.fail(f"{name} could not be made in this run:\n{failed.read_text()}", pytrace=False)
            if not made.exists():
                folder.mkdir()
                try:
                    make(folder)
                except BaseException as error:
                    if isinstance(error, pytest.skip.Exception):
                        folder.rmdir()
                    else:
                        failed.write_text(traceback.format_exc())
                    raise
                made.touch()
        return folder
