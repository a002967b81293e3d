"""The programs of a project: built where they are not, in the folder that verify uses."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .. import parity
from ..backends import RuntimeOptions, backend_named
from ..errors import CheckFailed, EnvironmentLacks
from ..project import read_manifest
from ..spec import ProjectSpec
from ..toolchain import Finished, find_toolchain, run
from ..verify import is_cache_of

Progress = Callable[[str], None]

_EXE = ".exe" if os.name == "nt" else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A project whose programs are there and give the Python model's answers."""

    key: str
    """What it is called beside others."""
    folder: Path
    project: ProjectSpec
    program: Path
    bench: Path

    @property
    def assets_variable(self) -> str:
        """The environment variable that would point the programs to other assets."""
        return f"{self.project.name.upper()}_ASSETS"


def build(folder: Path, progress: Progress) -> Built:
    """Builds what is not up to date, and compares the program's answers with the goldens.

    Raises CheckFailed when it does not build or answers otherwise, EnvironmentLacks where something to
    build or run it is missing.
    """
    folder = folder.resolve()
    project = read_manifest(folder).project
    made = Built(
        key=project.name,
        folder=folder,
        project=project,
        program=folder / "build" / f"{project.name}{_EXE}",
        bench=folder / "build" / f"{project.name}_bench{_EXE}",
    )
    tools = find_toolchain()
    backend = backend_named(project.backend)
    arguments, missing = backend.configure_arguments(project.name, RuntimeOptions())
    if missing:
        raise EnvironmentLacks(f"{backend.title} was not found: {missing}", hint=backend.remedy)
    cache = folder / "build" / "CMakeCache.txt"
    if cache.is_file() and not is_cache_of(cache, folder):
        shutil.rmtree(folder / "build")
    progress(f"configuring {project.name}")
    argv = [str(tools.cmake), "--preset", "release", f"-DCMAKE_MAKE_PROGRAM={tools.ninja}", *arguments]
    done = run(argv, timeout=600, cwd=folder)
    if done.code != 0:
        if why := backend.absent(done.output):
            cache.unlink(missing_ok=True)
            raise EnvironmentLacks(f"{backend.title} was not found: {why}", hint=backend.remedy)
        raise _failed(project, "configure", done)
    progress(f"building {project.name}")
    targets = ["--target", project.name, f"{project.name}_bench"]
    done = run([str(tools.cmake), "--build", str(folder / "build"), *targets], timeout=3600, cwd=folder)
    if done.code != 0:
        raise _failed(project, "build", done)
    _check(made, progress)
    return made


def _check(made: Built, progress: Progress) -> None:
    """A program that answers otherwise than the model is not timed."""
    progress(f"comparing {made.key} with the Python model's answers")
    env = {k: v for k, v in os.environ.items() if k != made.assets_variable}
    found = parity.compare(made.folder, made.project, lambda argv: run(argv, timeout=600, env=env))
    if found.no_device:
        raise EnvironmentLacks(
            f"{made.key} cannot run here: {found.no_device}", hint="Run bench on a machine with a GPU."
        )
    if problem := found.problem():
        raise CheckFailed(
            f"{made.key} does not give the Python model's answers, so it is not timed: {problem}",
            hint=f"gencpp verify {made.folder.name} says more.",
        )


def _failed(project: ProjectSpec, step: str, done: Finished) -> CheckFailed:
    tail = "\n".join(done.output.rstrip().splitlines()[-15:])
    return CheckFailed(f"{project.name} does not {step}:\n{tail}", hint="gencpp verify says more.")
