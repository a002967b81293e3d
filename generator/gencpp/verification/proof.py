"""A project under proof: what the steps of one verify share."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..core.backend import Backend, RuntimeOptions
from ..core.progress import Progress
from ..core.spec import ParityResult, ProjectSpec, StepResult
from ..core.toolchain import Finished, Toolchain, run
from .counts import count
from .hints import hint_for

_TAIL = 25
"""Last lines of a failed step's log that are shown."""

EXE = ".exe" if os.name == "nt" else ""


@dataclass(kw_only=True)
class Proof:
    """The project, the machine, and what was found so far."""

    folder: Path
    project: ProjectSpec
    backend: Backend
    runtime: RuntimeOptions
    """Where the user says that the runtime is."""
    arguments: list[str]
    """CMake's, which point to the runtime."""
    tools: Toolchain
    progress: Progress
    jobs: int | None = None
    label: str = ""
    """What goes on, before a program's own progress."""
    steps: list[StepResult] = field(default_factory=list)
    parity: tuple[ParityResult, ...] = ()
    bench: dict[str, Any] = field(default_factory=dict)
    no_model: str = ""
    """Why nothing can be told of the model here: the runtime is missing, or the model cannot be loaded."""

    @property
    def build(self) -> Path:
        """The folder of the project's own build."""
        return self.folder / "build"

    @property
    def logs(self) -> Path:
        """The folder of what verify writes."""
        return self.folder / "verify"

    @property
    def environment(self) -> dict[str, str]:
        """This process's, less what would point the programs to other assets."""
        return {k: v for k, v in os.environ.items() if k != f"{self.project.name.upper()}_ASSETS"}

    def program(self, suffix: str = "") -> str:
        """The path of a program that the build made."""
        return str(self.build / f"{self.project.name}{suffix}{EXE}")

    def build_command(self, folder: Path) -> list[str]:
        """Builds what was configured there."""
        jobs = ["--parallel", str(self.jobs)] if self.jobs else []
        return [str(self.tools.cmake), "--build", str(folder), *jobs]

    def run(self, argv: list[str], *, timeout: float = 600) -> Finished:
        """One program, in the project's folder; one that is not there is a failure as another."""
        try:
            return run(argv, timeout=timeout, env=self.environment, cwd=self.folder, told=self._tell)
        except OSError as e:
            told = f"cannot run {argv[0]}: {e.strerror or e}\n"
            return Finished(argv=tuple(argv), code=127, output=told, seconds=0.0)

    def command(self, name: str, argv: list[str], *, timeout: float = 600) -> tuple[Finished, StepResult]:
        """One program as a step, with its log."""
        finished = self.run(argv, timeout=timeout)
        self.log(name, f"$ {' '.join(argv)}\n{finished.output}")
        return finished, _result(name, finished)

    def commands(
        self, name: str, commands: Sequence[list[str]], *, timeout: float = 3600
    ) -> tuple[Finished, StepResult]:
        """Programs until one fails, as one step; `output` and `seconds` are those of all."""
        text, seconds = "", 0.0
        for argv in commands:
            last = self.run(argv, timeout=timeout)
            text += f"$ {' '.join(argv)}\n{last.output}"
            seconds += last.seconds
            if last.code != 0:
                break
        self.log(name, text)
        finished = replace(last, output=text, seconds=seconds)
        return finished, _result(name, finished)

    def log(self, name: str, text: str) -> str:
        """Writes the log of a step; gives its path in the project."""
        (self.logs / f"{name}.log").write_text(text, encoding="utf-8", errors="backslashreplace")
        return f"verify/{name}.log"

    def _tell(self, line: str) -> None:
        if counted := count(line):
            self.progress(f"{self.label} {counted}")


def _result(name: str, finished: Finished) -> StepResult:
    passed = finished.code == 0
    return StepResult(
        name=name,
        status="passed" if passed else "failed",
        seconds=round(finished.seconds, 3),
        reason="" if passed else f"exit code {finished.code}\n{_tail(finished.output)}",
        argv=finished.argv,
        log=f"verify/{name}.log",
    )


def _tail(text: str) -> str:
    lines = text.rstrip().splitlines()[-_TAIL:]
    hint = hint_for(text)
    return "\n".join([*lines, *([f"hint: {hint}"] if hint else [])])


def without_device(message: str) -> str:
    """Why a program that found no GPU was not run, and what to do."""
    return f"{message.rstrip('.')}. To enable it: run verify on a machine with an NVIDIA GPU."
