"""The model's own answers at the sizes that are compared, computed once for artifacts and goldens.

What would cost too much is left out, and named: the budget is reckoned from the model's multiply-adds and
from the size of its tensors, not measured, so that the same command compares the same sizes everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...core.errors import GencppError
from ...core.loaded import LoadedModel
from ...core.messages import last_line
from ...core.spec import Dim, ModelSpec, Profiles, TensorSpec
from ...tensors.export_guards import Condition
from ...tensors.module import run_module
from ...tensors.stimuli import seeded_inputs
from ..observed import observe
from ..onnx_work import onnx_work
from .guard_cases import MOST_CASES, beyond
from .plan import (
    Axis,
    Place,
    Shapes,
    SizeCase,
    alone,
    at,
    axes_of,
    distinct,
    odd_size,
    partners,
    profiles_of,
    shapes_text,
    sized,
    sizes_alone,
    together,
)

CASE_WORK = 300_000_000_000
"""Multiply-adds of one run: some six seconds of two processor cores. vit_b_16 may have 17 pictures."""

ALL_WORK = 2 * CASE_WORK
"""Of one run of all cases; each artifact that is tried runs them once or a few times."""

ELEMENT_WORK = 100
"""Multiply-adds that take as long as one element of an operator's result, which is read and written."""

CASE_BYTES = 4 << 30
"""Memory of one run, taken as four times its largest tensor and its inputs."""

KEPT_BYTES = 1 << 30
"""Answers that are kept; those beyond are computed anew when they are asked for."""


class Refused(Exception):
    """The model itself does not take inputs of these sizes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is compared for one set of bounds."""

    cases: tuple[SizeCase, ...]
    refused: tuple[str, ...] = ()
    """`x:2=81 (RuntimeError: ...)`: sizes that the model itself does not take."""
    left_out: tuple[str, ...] = ()
    """`x:0=64`: sizes whose comparison costs too much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cost:
    """Of one run of the opt sizes."""

    work: float
    bytes: float


@dataclass(slots=True, kw_only=True)
class Answers:
    """`loaded`'s answers to seeded inputs, kept by sizes and seed."""

    loaded: LoadedModel
    seed: int = 0
    """The user's."""
    profiles: Profiles = ()
    """TensorRT's, before an export bounded anything."""
    asked: frozenset[Place] = frozenset()
    """Dimensions whose bounds the user gave; the others' are ours."""
    conditions: dict[str, Condition] = field(default_factory=dict)
    """What torch.export's graphs of the model hold for: sizes beyond are compared, too."""
    _kept: dict[object, tuple[list[Any], list[tuple[str, Any]]]] = field(default_factory=dict)
    _kept_bytes: int = 0
    _refused: dict[Shapes, str] = field(default_factory=dict)
    _plans: dict[object, Plan] = field(default_factory=dict)
    _cost: _Cost | None = None

    def of(self, inputs: Sequence[TensorSpec], seed: int) -> tuple[list[Any], list[tuple[str, Any]]]:
        """Inputs of the opt sizes for this seed, and the model's outputs; neither is to be changed.

        Raises Refused where the model raises something.
        """
        key = (tuple((t.shape(), t.values) for t in inputs), seed)
        if key in self._kept:
            return self._kept[key]
        given = seeded_inputs(inputs, seed)
        try:
            found = run_module(self.loaded.eager, given)
        except GencppError:
            raise
        except Exception as e:  # noqa: BLE001 - the user's code runs here
            raise Refused(f"{type(e).__name__}: {last_line(e)}") from None
        size = sum(t.numel() * t.element_size() for t in (*given, *(t for _, t in found)))
        if self._kept_bytes + size <= KEPT_BYTES:
            self._kept_bytes += size
            self._kept[key] = (given, found)
        return given, found

    def at(self, inputs: Sequence[TensorSpec], case: SizeCase) -> tuple[list[Any], list[tuple[str, Any]]]:
        """The same for one of the cases."""
        return self.of(sized(inputs, case.shapes), 1000 * self.seed + case.seed)

    def plan(self, spec: ModelSpec) -> Plan:
        """The cases of the model with these bounds, in the order in which they are compared."""
        key = tuple(t.dims for t in spec.inputs)
        if key not in self._plans:
            self._plans[key] = self._planned(spec)
        return self._plans[key]

    def learn(self, conditions: Sequence[Condition]) -> None:
        """Takes what a graph of the model holds for; plans that were made before are made anew."""
        new = {c.text: c for c in conditions if c.text not in self.conditions}
        if new:
            self.conditions |= new
            self._plans.clear()

    def is_asked(self, axis: Axis) -> bool:
        """Whether the user gave the bounds of `axis`."""
        return any(p in self.asked for p in axis.places)

    def why_not(self, inputs: Sequence[TensorSpec], case: SizeCase) -> str:
        """Why the model itself refuses the case; empty: it takes it."""
        if case.shapes not in self._refused:
            try:
                self.at(inputs, case)
                self._refused[case.shapes] = ""
            except Refused as e:
                self._refused[case.shapes] = str(e)
        return self._refused[case.shapes]

    def _planned(self, spec: ModelSpec) -> Plan:
        cases: list[SizeCase] = []
        refused: dict[str, None] = {}
        left_out: dict[str, None] = {}
        if not any(d.dynamic for t in spec.inputs for d in t.dims):
            return Plan(cases=())
        self._cost = self._cost or _cost(self.loaded, spec)
        budget = _Budget(spec.inputs, self._cost)
        for number, profile in enumerate(profiles_of(spec.inputs, self.profiles)):
            if number:  # the opt sizes of the first are compared anyway
                cases += budget.within([SizeCase(name=f"profile {number}", shapes=at(profile, {}))], left_out)
            tied: frozenset[Place] = frozenset()
            axes = axes_of(spec.inputs, profile, tied)
            for axis in axes:
                tied |= self._ties(spec.inputs, profile, axis)
            axes = axes_of(spec.inputs, profile, tied)
            for axis in axes:
                cases += self._alone(spec.inputs, profile, axis, budget, refused, left_out)
            for case in together(profile, axes):
                fitting = budget.within([case], left_out)
                if not fitting and case.name == "all largest" and axes[0].batch:
                    # With few items all other sizes can still be compared together.
                    few = {p: a.dim.min if a.batch else a.dim.max for a in axes for p in a.places}
                    less = SizeCase(name="all but the batch largest", shapes=at(profile, few))
                    fitting = budget.within([less], left_out)
                cases += [c for c in fitting if not self._told(spec.inputs, c, refused)]
            further = beyond(tuple(self.conditions.values()), spec.inputs, profile, cases)
            left_out |= {case_text(spec.inputs, c): None for c in further[MOST_CASES:]}
            fitting = budget.within(further[:MOST_CASES], left_out)
            cases += [c for c in fitting if not self.why_not(spec.inputs, c)]
        opt = tuple(t.shape() for t in spec.inputs)
        return Plan(
            cases=tuple(c for c in distinct(cases) if c.shapes != opt),
            refused=tuple(refused),
            left_out=tuple(left_out),
        )

    def _ties(
        self, inputs: Sequence[TensorSpec], profile: Sequence[Sequence[Dim]], axis: Axis
    ) -> frozenset[Place]:
        """The dimensions that have to move with `axis`; empty where it moves alone, or nothing would help."""
        others = partners(inputs, profile, axis)
        if not others:
            return others
        size = axis.dim.min if axis.dim.min != axis.dim.opt else odd_size(axis.dim) or axis.dim.max
        if not self.why_not(inputs, alone(inputs, profile, axis, size)):
            return frozenset()
        tied = next(a for a in axes_of(inputs, profile, others) if axis.places[0] in a.places)
        return frozenset() if self.why_not(inputs, alone(inputs, profile, tied, size)) else others

    def _alone(
        self,
        inputs: Sequence[TensorSpec],
        profile: Sequence[Sequence[Dim]],
        axis: Axis,
        budget: _Budget,
        refused: dict[str, None],
        left_out: dict[str, None],
    ) -> list[SizeCase]:
        cases = []
        for size in sizes_alone(axis):
            case = alone(inputs, profile, axis, size)
            fitting = budget.within([case], left_out)
            if not fitting and size == axis.dim.max:
                # The largest that can be compared instead.
                less = budget.largest(axis.dim, lambda s: alone(inputs, profile, axis, s))
                fitting = (
                    budget.within([alone(inputs, profile, axis, less)], {}) if less > axis.dim.opt else []
                )
            kept = [c for c in fitting if not self._told(inputs, c, refused)]
            if fitting and not kept and size == odd_size(axis.dim):
                kept = self._even(inputs, profile, axis, budget)
            cases += kept
        return cases

    def _even(
        self, inputs: Sequence[TensorSpec], profile: Sequence[Sequence[Dim]], axis: Axis, budget: _Budget
    ) -> list[SizeCase]:
        """Instead of an odd size that the model refuses: one that is as even as the bounds are."""
        step = math.gcd(axis.dim.max - axis.dim.min, axis.dim.opt - axis.dim.min)
        size = odd_size(axis.dim, step=step) if step > 1 else None
        if size is None:
            return []
        case = alone(inputs, profile, axis, size)
        return [] if self.why_not(inputs, case) else budget.within([case], {})

    def _told(self, inputs: Sequence[TensorSpec], case: SizeCase, refused: dict[str, None]) -> bool:
        why = self.why_not(inputs, case)
        if why:
            refused[f"{case_text(inputs, case)} ({why})"] = None
        return bool(why)


def case_text(inputs: Sequence[TensorSpec], case: SizeCase) -> str:
    """The case by its dimension alone where one varies, else by the inputs' sizes."""
    if case.axis is not None:
        return case.name
    return f"{case.name} ({shapes_text(inputs, case.shapes)})"


class _Budget:
    """What may still be compared; a run costs in proportion to its inputs' elements."""

    def __init__(self, inputs: Sequence[TensorSpec], cost: _Cost) -> None:
        self._inputs = inputs
        self._elements = [math.prod(t.shape()) for t in inputs]
        self._bytes = sum(n * t.dtype.itemsize for n, t in zip(self._elements, inputs, strict=True))
        self._cost = cost
        self._left = float(ALL_WORK)

    def within(self, cases: Sequence[SizeCase], left_out: dict[str, None]) -> list[SizeCase]:
        """Those that fit, and are then paid for; the others are named in `left_out`."""
        kept = []
        for case in cases:
            work, fits = self._of(case)
            if not fits or work > self._left:
                left_out[case_text(self._inputs, case)] = None
                continue
            self._left -= work
            kept.append(case)
        return kept

    def largest(self, dim: Dim, case_at: Callable[[int], SizeCase]) -> int:
        """The largest size from opt on whose case fits."""
        low, high = dim.opt, dim.max
        while low < high:
            middle = (low + high + 1) // 2
            work, fits = self._of(case_at(middle))
            low, high = (middle, high) if fits and work <= self._left else (low, middle - 1)
        return low

    def _of(self, case: SizeCase) -> tuple[float, bool]:
        growth = max(
            (math.prod(s) / n for s, n in zip(case.shapes, self._elements, strict=True)), default=1.0
        )
        work = self._cost.work * growth
        return work, work <= CASE_WORK and (self._cost.bytes + self._bytes) * growth <= CASE_BYTES


def _cost(loaded: LoadedModel, spec: ModelSpec) -> _Cost:
    if loaded.onnx is not None:
        counted = onnx_work(loaded.onnx, spec.inputs, spec.outputs).multiply_adds
        return _by_inputs(spec) if counted is None else _Cost(work=float(counted), bytes=0.0)
    try:
        seen = observe(loaded.eager, seeded_inputs(spec.inputs, 0))
    except Exception:  # noqa: BLE001 - a module may not bear to be watched; its inputs then tell
        return _by_inputs(spec)
    return _Cost(work=float(seen.multiply_adds + ELEMENT_WORK * seen.elements), bytes=4.0 * seen.largest)


def _by_inputs(spec: ModelSpec) -> _Cost:
    """Of a model of which nothing is known but what it takes."""
    elements = sum(math.prod(t.shape()) for t in spec.inputs)
    return _Cost(work=float(ELEMENT_WORK * elements), bytes=0.0)


def answers_for(loaded: LoadedModel, answers: Answers | None) -> Answers:
    """`answers`, or new ones where there are none; `loaded` may be its model in another precision."""
    return Answers(loaded=loaded) if answers is None else answers
