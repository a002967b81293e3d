"""Outputs of which nothing is known: the tensors are the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.errors import UsageError
from ..core.spec import GoldenCase, ProjectSpec, TensorSpec


class Generic:
    """No postprocessing."""

    layer = "tasks/generic"
    api = ""
    proof = ""

    def named(self, outputs: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
        """As the model calls them."""
        return outputs

    def check(self, outputs: Sequence[TensorSpec], labels: Sequence[str]) -> None:
        """Any outputs."""

    def postprocess(self, outputs: Sequence[Any]) -> Any:
        """Nothing."""
        return outputs

    def golden(self, outputs: Sequence[Any]) -> dict[str, Any]:
        """None."""
        return {}

    def notes(self, answers: Sequence[Sequence[Any]]) -> tuple[str, ...]:
        """None."""
        return ()

    def check_golden(self, case: GoldenCase) -> None:
        """None is wanted."""
        if case.answer:
            raise UsageError(f"golden {case.name}: a generic model has no answer besides its outputs")

    def difference(self, case: GoldenCase, printed: Any, outputs: Sequence[Any]) -> str:
        """The outputs are compared by all."""
        return ""

    def generated_files(self, project: ProjectSpec) -> dict[str, str]:
        """None."""
        return {}
