"""What the rest of gencpp asks of a task: the column that each of them fills."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..core.spec import GoldenCase, ProjectSpec, TensorSpec


class TaskColumn(Protocol):
    """A meaning that a model's outputs may have. Holds no state; imports torch inside its methods only."""

    @property
    def layer(self) -> str:
        """The folder under templates/ with its C++, over templates/common."""

    @property
    def api(self) -> str:
        """Its public headers with a comma behind each, for the project's README: "`boxes.hpp`, "."""

    @property
    def proof(self) -> str:
        """What its tests compare besides the outputs, for the project's README; empty: nothing."""

    def named(self, outputs: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
        """The outputs of a model as its C++ calls them."""

    def check(self, outputs: Sequence[TensorSpec], labels: Sequence[str]) -> None:
        """Raises UsageError for outputs, or labels, that it cannot be of."""

    def postprocess(self, outputs: Sequence[Any]) -> Any:
        """What a Python user makes of a batch's outputs (torch tensors): the stage that bench times."""

    def golden(self, outputs: Sequence[Any]) -> dict[str, Any]:
        """The reference answer for a golden case's outputs (torch tensors), as plain JSON; empty: none."""

    def notes(self, answers: Sequence[Sequence[Any]]) -> tuple[str, ...]:
        """What a user should know of the goldens' outputs (torch tensors, by case), one sentence each."""

    def check_golden(self, case: GoldenCase) -> None:
        """Raises UsageError for an answer that a manifest should not have."""

    def difference(self, case: GoldenCase, printed: Any, outputs: Sequence[Any]) -> str:
        """How the program's JSON differs from the case's answer; empty: it does not.

        `printed`: `results[0]` of its JSON, decoded and not checked; `outputs`: the references (NumPy).
        """

    def generated_files(self, project: ProjectSpec) -> dict[str, str]:
        """Text files that no template can hold, by their path."""
