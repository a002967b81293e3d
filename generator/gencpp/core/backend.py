"""What the rest of gencpp asks of a backend: the column that each of them fills."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .progress import Progress
from .recipe import ProjectRecipe
from .request import Request
from .spec import Artifact, ModelSpec, Precision, Profiles, ProjectSpec, RuntimeSpec

if TYPE_CHECKING:
    from .loaded import LoadedModel


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeOptions:
    """Where the user says that a runtime is; a field begins with the name of its backend."""

    tensorrt_root: Path | None = None
    tensorrt_headers: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """How a check ended: its status as in StepResult, and the reason."""

    status: str
    reason: str
    seconds: float = 0.0
    log: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A step of verify that only one backend has; it needs no build."""

    name: str
    run: Callable[[], Checked]
    needed: bool = True
    """Whether the proof is incomplete where it was skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A project as it is written, with its text files that need more than its facts."""

    project: ProjectSpec
    files: Mapping[str, str] = field(default_factory=dict)


def as_it_is(project: ProjectSpec) -> Completed:
    """Of an export that needs no golden."""
    return Completed(project=project)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What every export gives."""

    artifact: Artifact
    model: ModelSpec
    """As the artifact has it: what was asked, with what the export had to fix."""
    runtime: RuntimeSpec
    candidates: tuple[Artifact, ...] = ()
    """Artifacts of which `finish` chooses one; empty: there is one only."""
    finish: Callable[[ProjectSpec], Completed] = as_it_is
    """What can be done once there are goldens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A loaded model as its inspection left it."""

    loaded: LoadedModel
    model: ModelSpec
    profiles: Profiles
    """Optimisation profiles that were asked for, or the bounds of `model`."""
    answers: Any
    """model.sizes.answers.Answers: the model's own answers, computed once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where an export writes."""

    assets: Path
    """The project's, and what is left there is shipped."""
    scratch: Path
    """Empty, and gone when the project is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What `gencpp inspect` tells of a backend."""

    answers: dict[str, str]
    """`yes: how`, or `no: why`, by way; the backend's own name is among them."""
    operators: tuple[tuple[str, int, str], ...] = ()
    """(operator of ONNX, nodes, the runtime's first version that takes it; empty: none)"""
    model: ModelSpec | None = None
    """What a project of it would have; None where it takes the model not."""


class Backend(Protocol):
    """A runtime that generated projects link. Holds no state, and imports no runtime where it is imported."""

    @property
    def name(self) -> str:
        """As `--backend` takes it and the manifest keeps it."""

    @property
    def title(self) -> str:
        """As people write it."""

    def template_layers(self, project: ProjectSpec) -> tuple[str, ...]:
        """The folders under templates/ that overlay templates/common, in this order."""

    @property
    def own_options(self) -> tuple[str, ...]:
        """Fields of Request that it takes and others do not."""

    def excluded(self, given: Mapping[str, Any], recipe: ProjectRecipe) -> tuple[str, ...]:
        """Fields of `recipe` that those in `given` leave no room for."""

    def on_cpu(self, project: ProjectSpec) -> bool:
        """Whether the project's programs run without a GPU."""

    @property
    def layer_times(self) -> bool:
        """Whether `<name>_bench --exportProfile` tells the time of each layer."""

    @property
    def precisions(self) -> Mapping[Precision, float]:
        """What it computes in, with the tolerance of the goldens."""

    def check(self, request: Request) -> None:
        """Raises UsageError for what it cannot do, EnvironmentLacks without what it needs."""

    def export(
        self, request: Request, inspected: Inspection, folders: Folders, progress: Progress
    ) -> Exported:
        """Writes the artifact into the assets; raises CheckFailed where it is not the model."""

    def tried(self, inspected: Inspection, scratch: Path, progress: Progress) -> Tried:
        """Whether the model can be exported; what is written in `scratch` is of no use."""

    def facts(self, project: ProjectSpec) -> dict[str, Any]:
        """What bench.json tells of a project's runtime, as plain JSON."""

    def measured(self, project: ProjectSpec) -> list[tuple[str, ...]]:
        """Rows with a head of what its export measured; empty: nothing."""

    def check_tunable(self, project: ProjectSpec) -> None:
        """Raises UsageError where `gencpp tune` does not apply."""

    def generated_files(self, project: ProjectSpec) -> dict[str, str]:
        """Text files of this backend's own that no template can hold, by their path."""

    def template_names(self, project: ProjectSpec) -> dict[str, str]:
        """Names that the common templates need of every backend."""

    @property
    def remedy(self) -> str:
        """How to get the runtime."""

    def configure_arguments(self, name: str, options: RuntimeOptions) -> tuple[list[str], str]:
        """CMake arguments for the project `name` that point to the runtime, and what is missing of it here.

        Empty: nothing is missing. Anything else ends the command.
        """

    def absent(self, log: str) -> str:
        """What the machine lacks of this runtime, from the log of a failed configure; empty: nothing.

        Where it says something, a project is proven as far as it goes without the runtime.
        """

    def checks(self, folder: Path, project: ProjectSpec) -> tuple[Check, ...]:
        """Steps of verify of its own, before the project is configured."""
