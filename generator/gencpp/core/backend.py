"""What the rest of gencpp asks of a backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .spec import ProjectSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeOptions:
    """Where the user says that a runtime is."""

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


class Backend(Protocol):
    """A runtime that generated projects link. Holds no state and imports no runtime."""

    @property
    def name(self) -> str:
        """As `--backend` takes it and the manifest keeps it."""

    @property
    def title(self) -> str:
        """As people write it."""

    def template_layers(self, project: ProjectSpec) -> tuple[str, ...]:
        """The folders under templates/ that overlay templates/common, in this order."""

    @property
    def artifact_format(self) -> str:
        """Which exporter makes the artifact."""

    def generated_files(self, project: ProjectSpec) -> dict[str, str]:
        """Text files of this backend's own that no template can hold, by their path."""

    def template_names(self, project: ProjectSpec) -> dict[str, str]:
        """Names that the common templates need of every backend."""

    @property
    def remedy(self) -> str:
        """How to get the runtime."""

    def configure_arguments(self, name: str, options: RuntimeOptions) -> tuple[list[str], str]:
        """CMake arguments for the project `name` that point to the runtime, and why there are none."""

    def absent(self, log: str) -> str:
        """What the machine lacks of this runtime, from the log of a failed configure; empty: nothing.

        Where it says something, a project is proven as far as it goes without the runtime.
        """

    def checks(self, folder: Path, project: ProjectSpec) -> tuple[Check, ...]:
        """Steps of verify of its own, before the project is configured."""
