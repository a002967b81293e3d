"""Logits of N x classes: the best classes of a picture, by softmax."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..core.cpp import double_literal, string_literal
from ..core.errors import UsageError
from ..core.json_value import JsonValue
from ..core.spec import GoldenCase, ProjectSpec, TensorSpec
from ..core.words import counted

TOP = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TopClasses(JsonValue):
    """The best classes of the first item."""

    best: tuple[tuple[int, float], ...]
    """(class index, probability), best first"""


class Classification:
    """Softmax over the first output."""

    layer = "tasks/classification"
    api = "`classify.hpp` (the best classes), `labels.hpp` (their names), "
    proof = "the best classes"

    def named(self, outputs: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
        """The only one is `logits` where the model has no name for it."""
        if len(outputs) == 1 and outputs[0].name == "output":
            return (replace(outputs[0], name="logits"),)
        return outputs

    def check(self, outputs: Sequence[TensorSpec], labels: Sequence[str]) -> None:
        """Raises UsageError where the first output is not batch x classes, or not one class a label."""
        dims = outputs[0].dims
        if len(dims) != 2:
            raise UsageError(
                f"labels need an output of batch x classes; {outputs[0].name} has"
                f" {counted(len(dims), 'dimension')}",
                hint="leave --labels out.",
            )
        if outputs[0].batch is not None and outputs[0].batch_axis != 0:
            raise UsageError(
                f"labels need an output of batch x classes; {outputs[0].name} is classes x batch",
                hint="transpose it in forward, or leave --labels out.",
            )
        if labels and dims[1].opt != len(labels):
            raise UsageError(
                f"{counted(len(labels), 'label')} for {dims[1].opt} classes",
                hint="--labels FILE: one label a line, one a class.",
            )

    def postprocess(self, outputs: Sequence[Any]) -> Any:
        """(probabilities, classes) of each item, best first: float32 softmax, as Python users compute it."""
        import torch

        scores = torch.softmax(outputs[0].float(), 1)
        return scores.topk(min(TOP, scores.shape[1]))

    def golden(self, outputs: Sequence[Any]) -> dict[str, Any]:
        """TopClasses."""
        values, classes = self.postprocess(outputs)
        best = tuple((int(c), float(v)) for c, v in zip(classes[0], values[0], strict=True))
        return TopClasses(best=best).to_json()

    def check_golden(self, case: GoldenCase) -> None:
        """TopClasses, some of them; what they are beyond is compared with the outputs."""
        if case.answer:
            best = TopClasses.from_json(case.answer).best
            if not 1 <= len(best) <= TOP or any(index < 0 or not 0 <= p <= 1 for index, p in best):
                raise UsageError(f"golden {case.name}: these are no best classes")

    def difference(self, case: GoldenCase, printed: Any, outputs: Sequence[Any]) -> str:
        """The best classes in Python's order; those whose reference logits lie within two tolerances of each
        other may change places."""
        import numpy as np

        if not case.answer:
            return ""
        theirs = [index for index, _ in TopClasses.from_json(case.answer).best]
        try:
            ours = [int(entry["index"]) for entry in printed["top"][: len(theirs)]]
        except (ValueError, KeyError, IndexError, TypeError) as e:
            return f"no classes from the program: {type(e).__name__}: {e}"
        logits = outputs[0]
        if logits.ndim != 2:
            return f"the reference has {logits.ndim} dimensions, not batch x classes"
        near = 2 * case.outputs[0].tolerance * float(np.abs(logits).max())
        known = range(logits.shape[1])
        if len(ours) == len(theirs) and all(
            a in known and b in known and abs(float(logits[0, a]) - float(logits[0, b])) <= near
            for a, b in zip(ours, theirs, strict=True)
        ):
            return ""
        return f"best classes {ours}, Python's {theirs}"

    def generated_files(self, project: ProjectSpec) -> dict[str, str]:
        """tests/golden_tops.hpp: the best classes of the goldens that have them."""
        rows = []
        for case in project.goldens.cases:
            if not case.answer:
                continue
            best = TopClasses.from_json(case.answer).best
            told = ", ".join(f"{{{index}, {double_literal(p)}}}" for index, p in best)
            rows.append(f"      {{{string_literal(case.name)}, {{{told}}}}},")
        table = ["  static const std::vector<GoldenTop> tops{", *rows, "  };"]
        lines = [
            "// The best classes of the golden cases, by the Python model.",
            "#pragma once",
            "",
            "#include <cstddef>",
            "#include <string>",
            "#include <vector>",
            "",
            f"namespace {project.name}::test {{",
            "",
            "struct TopClass {",
            "  std::size_t index;",
            "  double probability;",
            "};",
            "",
            "struct GoldenTop {",
            "  std::string name;  // of the golden case",
            "  std::vector<TopClass> best;",
            "};",
            "",
            "inline const std::vector<GoldenTop>& golden_tops() {",
            *(table if rows else ["  static const std::vector<GoldenTop> tops;"]),
            "  return tops;",
            "}",
            "",
            f"}}  // namespace {project.name}::test",
            "",
        ]
        return {"tests/golden_tops.hpp": "\n".join(lines)}
