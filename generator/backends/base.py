"""What the rest of gencpp asks of a backend."""

from __future__ import annotations

from typing import Protocol


class Backend(Protocol):
    """A runtime that generated projects link. Holds no state and imports no runtime."""

    @property
    def name(self) -> str:
        """As `--backend` takes it and the manifest keeps it."""

    @property
    def title(self) -> str:
        """As people write it."""

    @property
    def templates(self) -> str:
        """The folder under templates/ that overlays templates/common."""

    @property
    def artifact_format(self) -> str:
        """Which exporter makes the artifact."""

    def template_names(self) -> dict[str, str]:
        """Names that this backend's and the common templates need."""

    def configure_arguments(self) -> tuple[list[str], str]:
        """CMake arguments that point to this Python's copy of the runtime, and why there are none."""
