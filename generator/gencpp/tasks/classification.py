"""Logits, or probabilities, of N x classes: the best classes of a picture."""

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
_SUM = 0.01
"""How far the sum of a row of probabilities may be from 1: in bfloat16 a thousand of them are 0.002 off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopClasses(JsonValue):
    """The best classes of the first item."""

    best: tuple[tuple[int, float], ...]
    """(class index, probability), best first"""
    probabilities: bool = False
    """Whether the model itself gives probabilities; else they are the softmax of its logits."""


class Classification:
    """Softmax over the first output, or that output itself where it is probabilities."""

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

        scores = outputs[0].float()
        if not _are_probabilities(scores):
            scores = torch.softmax(scores, 1)
        return scores.topk(min(TOP, scores.shape[1]))

    def golden(self, outputs: Sequence[Any]) -> dict[str, Any]:
        """TopClasses."""
        values, classes = self.postprocess(outputs)
        best = tuple((int(c), float(v)) for c, v in zip(classes[0], values[0], strict=True))
        return TopClasses(best=best, probabilities=_are_probabilities(outputs[0].float())).to_json()

    def notes(self, answers: Sequence[Sequence[Any]]) -> tuple[str, ...]:
        """Where the first output is no logits."""
        scores = [outputs[0].float() for outputs in answers]
        if all(map(_are_probabilities, scores)):
            return (
                "The model gives probabilities (each row of its first output sums to 1): the best classes are"
                " taken from them as they are, without another softmax.",
            )
        if all(bool(((s >= 0) & (s <= 1)).all()) for s in scores):
            return (
                "Warning: all goldens of the first output lie between 0 and 1, as behind a sigmoid, and their"
                " rows do not sum to 1. The program and top_k() take them for logits: the order of classes is"
                " right, the softmax that is shown as a probability is not the model's. Return logits from"
                " forward, or leave --labels out.",
            )
        return ()

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
        """src/classify_info.hpp, and tests/golden_tops.hpp: the best classes of the goldens."""
        answers = [(c, TopClasses.from_json(c.answer)) for c in project.goldens.cases if c.answer]
        rows = []
        for case, answer in answers:
            best = answer.best
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
        given = bool(answers) and all(answer.probabilities for _, answer in answers)
        return {
            "src/classify_info.hpp": _info_header(project.name, "probabilities" if given else "logits"),
            "tests/golden_tops.hpp": "\n".join(lines),
        }


def _are_probabilities(scores: Any) -> bool:
    """Whether each row (of a torch tensor of batch x classes) is a distribution: a softmax ends the model."""
    return bool((scores >= 0).all()) and bool(((scores.sum(1) - 1).abs() <= _SUM).all())


def _info_header(name: str, scores: str) -> str:
    return "\n".join(
        [
            "// What the first output means, by the goldens.",
            "#pragma once",
            "",
            f'#include "{name}/classify.hpp"',
            "",
            f"namespace {name} {{",
            "",
            f"inline constexpr Scores kScores = Scores::{scores};",
            "",
            f"}}  // namespace {name}",
            "",
        ]
    )
