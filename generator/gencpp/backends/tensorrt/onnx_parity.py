"""Whether an ONNX file, or what was made of it, gives the module's answers, at every size that may come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.messages import last_line
from ...core.spec import ModelSpec, Precision
from ...model.sizes.answers import Answers
from ...model.sizes.bounding import Bounded, bounded, compared_sizes
from ...model.sizes.plan import shapes_text
from ...onnx.runtime import OnnxRunner, compare_answers
from ...tensors.stimuli import covering

SEEDS = (11_003, 11_017)
MORE_SEEDS = tuple(range(11_100, 11_108))
"""Where the tracer warned: a branch that half of all inputs take slips through ten checks once in 500."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How the answers compare; `problem` is empty when they are the model's."""

    problem: str = ""
    worst: float = 0.0
    """Largest relative difference."""
    bounds: Bounded | None = None
    """Where it is the model at the opt sizes only or nearly so: the sizes at which it is."""


def parity(
    answers: Answers, spec: ModelSpec, path: Path, precision: Precision, *, more: bool = False
) -> Parity:
    """The file's answers against the model's: for two seeds (ten with `more`), and at the other sizes."""
    try:
        runner = OnnxRunner(path, precision)
    except Exception as e:  # noqa: BLE001 - ONNX Runtime raises kinds of its own
        return Parity(problem=f"ONNX Runtime refuses it: {last_line(e)}")
    return parity_of(runner, answers, spec, precision, more=more)


def parity_of(
    runner: Any, answers: Answers, spec: ModelSpec, precision: Precision, *, more: bool = False
) -> Parity:
    """The same for `runner`, a callable that gives outputs by name for inputs in the model's order."""

    def check(inputs: Sequence[Any], reference: Sequence[tuple[str, Any]]) -> tuple[str, float]:
        found = compare_answers(runner, reference, inputs, precision)
        return found.problem, found.worst

    worst = 0.0
    shapes = shapes_text(spec.inputs, tuple(t.shape() for t in spec.inputs))
    for seed in covering(spec.inputs, (*SEEDS, *(MORE_SEEDS if more else ()))):
        problem, relative = check(*answers.of(spec.inputs, seed))
        if problem:
            return Parity(problem=f"{problem} (inputs {shapes}, seed {seed})")
        worst = max(worst, relative)
    sizes, relative = compared_sizes(answers, spec, check)
    if sizes is None:
        return Parity(worst=max(worst, relative))
    return Parity(problem=sizes.text, bounds=bounded(answers, spec, check, sizes))
