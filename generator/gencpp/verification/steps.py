"""The steps of a proof, in their order: what each needs, and what runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..core.backend import Backend, Check
from ..core.spec import ProjectSpec, StepResult
from . import building, consumers, running
from .proof import Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A row of the table."""

    name: str
    run: Callable[[Proof], StepResult]
    needs: tuple[str, ...] = ()
    """Steps that have to have passed."""
    model: bool = False
    """Whether it is about the model: nothing to prove where that cannot be built or loaded."""
    applies: Callable[[Backend], bool] = lambda _: True
    needed: bool = True
    """Whether the proof is incomplete where it was skipped."""


_BEFORE = (Step(name="doctor", run=building.doctor),)

_AFTER = (
    Step(name="configure", run=building.configure),
    Step(name="build", run=building.build, needs=("configure",)),
    Step(name="test", run=building.test, needs=("build",)),
    Step(name="parity", run=running.parity, needs=("build",), model=True),
    Step(name="bench", run=running.bench, needs=("build",), model=True),
    Step(
        name="profile",
        run=running.profile,
        needs=("build",),
        model=True,
        applies=lambda backend: backend.layer_times,
    ),
    Step(name="consumer-subdirectory", run=consumers.subdirectory, needs=("build",), model=True),
    Step(name="install", run=consumers.install, needs=("build",), model=True),
    Step(name="consumer-package", run=consumers.package, needs=("install",), model=True),
)


def steps_of(backend: Backend, folder: Path, project: ProjectSpec) -> tuple[Step, ...]:
    """Those of every project, with the backend's own checks, which need no build, before it."""
    checks = [_of_check(check) for check in backend.checks(folder, project)]
    return (*_BEFORE, *checks, *(step for step in _AFTER if step.applies(backend)))


def names_for_all() -> tuple[str, ...]:
    """Of the steps that no backend brings, in their order."""
    return tuple(step.name for step in (*_BEFORE, *_AFTER))


def _of_check(check: Check) -> Step:
    def run(proof: Proof) -> StepResult:
        checked = check.run()
        return StepResult(
            name=check.name,
            status=checked.status,
            seconds=round(checked.seconds, 3),
            reason=checked.reason,
            log=proof.log(check.name, checked.log),
            needed=check.needed,
        )

    return Step(name=check.name, run=run, needed=check.needed)
