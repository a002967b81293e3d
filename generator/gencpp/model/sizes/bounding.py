"""Whether an artifact is the model at every size that is compared, and between which bounds it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...core.errors import CheckFailed, UsageError
from ...core.spec import Dim, ModelSpec, TensorSpec
from ...tensors.export_guards import Guards, ranges_text
from .answers import Answers, Refused, case_text
from .plan import Axis, SizeCase, alone, axes_of, axis_text

Check = Callable[[Sequence[Any], Sequence[tuple[str, Any]]], tuple[str, float]]
"""(inputs, the model's outputs) -> ("", largest relative difference), or what is wrong with the artifact."""

_ROUNDS = 12
"""How often bounds are narrowed until all that is left is right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeProblem:
    """Sizes at which an artifact is not the model, though it is at the opt sizes."""

    case: SizeCase
    text: str
    """`at x:0=8 output differs by ...`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounded:
    """What of the bounds an artifact is right for."""

    spec: ModelSpec
    """With these bounds; the same where nothing helps."""
    axes: tuple[tuple[Axis, Dim], ...]
    """What had to be narrowed, as it was and as it is right."""
    problem: SizeProblem
    """The first."""

    @property
    def reach(self) -> int:
        """How many sizes are left, to choose the widest of several artifacts by."""
        return reach(self.spec)


def reach(spec: ModelSpec) -> int:
    """How many sizes its inputs may have beyond one of each dimension."""
    return sum(d.max - d.min for t in spec.inputs for d in t.dims)


def compared_sizes(answers: Answers, spec: ModelSpec, check: Check) -> tuple[SizeProblem | None, float]:
    """(the first case at which `check` finds something, largest relative difference before it)"""
    worst = 0.0
    for case in answers.plan(spec).cases:
        problem, relative = check(*answers.at(spec.inputs, case))
        if problem:
            text = f"at {case_text(spec.inputs, case)} {problem}"
            return SizeProblem(case=case, text=text), worst
        worst = max(worst, relative)
    return None, worst


def bounded(answers: Answers, spec: ModelSpec, check: Check, first: SizeProblem) -> Bounded:
    """The bounds within which the artifact is the model; `first`: where it was found not to be.

    A dimension is narrowed to the sizes between its opt and the first that is wrong, by bisection, until all
    cases of what is left are right.
    """
    made, problem = spec, first
    for _ in range(_ROUNDS):
        narrowed = _narrowed(answers, made, check, problem)
        if narrowed is None:
            break
        made = narrowed
        found, _ = compared_sizes(answers, made, check)
        if found is None:
            return Bounded(spec=made, axes=_changed(spec, made), problem=first)
        problem = found
    made = _all_fixed(spec)
    return Bounded(spec=made, axes=_changed(spec, made), problem=first)


def within_guards(answers: Answers, spec: ModelSpec, guards: Guards) -> Bounded | None:
    """The bounds that torch.export's graph holds for; None where sizes beyond them are all compared anyway.

    A size of one is often said to be beyond, because torch.export takes ones for constants.
    """
    compared = {tuple(t.shape() for t in spec.inputs), *(c.shapes for c in answers.plan(spec).cases)}
    made, axes = spec, []
    for axis in axes_of(spec.inputs, [t.dims for t in spec.inputs]):
        found = [guards.ranges[p] for p in axis.places if p in guards.ranges]
        low = max([axis.dim.min, *(r[0] for r in found)])
        high = min([axis.dim.max, *(r[1] for r in found)])
        i, d = axis.places[0]
        if low == axis.dim.min + 1 and any(s[i][d] == axis.dim.min for s in compared):
            low = axis.dim.min
        dim = Dim(min=min(low, axis.dim.opt), opt=axis.dim.opt, max=max(high, axis.dim.opt))
        if dim != axis.dim:
            made = with_bounds(made, axis, dim)
            axes.append((axis, dim))
    if not axes:
        return None
    told = ranges_text(spec.inputs, guards)
    case = SizeCase(name=told, shapes=tuple(t.shape() for t in spec.inputs))
    text = f"torch.export found that it holds for {told} only, which the file does not check"
    return Bounded(spec=made, axes=tuple(axes), problem=SizeProblem(case=case, text=text))


def touches_asked(answers: Answers, found: Bounded) -> bool:
    """Whether bounds are wrong that the user gave."""
    return any(answers.is_asked(axis) for axis, _ in found.axes)


def batch_is_asked(answers: Answers, spec: ModelSpec) -> bool:
    """Whether the user gave the bounds of the batch."""
    return any(answers.is_asked(a) for a in axes_of(spec.inputs, [t.dims for t in spec.inputs]) if a.batch)


def refuse_asked(answers: Answers, spec: ModelSpec, found: Bounded, what: str) -> None:
    """Raises CheckFailed where a bound that the user gave is wrong, with the one that is right."""
    asked = [(axis, dim) for axis, dim in found.axes if answers.is_asked(axis)]
    if not asked:
        return
    right = " ".join(_option(spec.inputs, axis, dim) for axis, dim in asked if dim.dynamic)
    fixed = [f"{axis_text(spec.inputs, a)} at {d.opt}" for a, d in asked if not d.dynamic]
    hint = f"{what} is right with {right}: give these bounds" if right else ""
    if fixed:
        names = " and ".join(axis_text(spec.inputs, a) for a, d in asked if not d.dynamic)
        out = f"leave --dynamic {names} out"
        hint += f"{'; ' if hint else f'{what} '}is right with {', '.join(fixed)} only: {out}"
    raise CheckFailed(
        f"{answers.loaded.source_text}: {what} is not the model within the bounds of --dynamic:"
        f" {found.problem.text}",
        hint=f"{hint}, or {answers.loaded.change} so that it holds for all sizes.",
    )


def refuse_fixed(answers: Answers, spec: ModelSpec, why: str, what: str) -> None:
    """Raises CheckFailed where the user gave bounds of the batch, which has to be fixed."""
    for axis in axes_of(spec.inputs, [t.dims for t in spec.inputs]):
        if axis.batch and answers.is_asked(axis):
            name = axis_text(spec.inputs, axis)
            raise CheckFailed(
                f"{answers.loaded.source_text}: {what} takes no other batch than {axis.dim.opt}: {why}",
                hint=f"Leave --dynamic {name} out, or {answers.loaded.change} so that it holds for all "
                "sizes.",
            )


def with_note(spec: ModelSpec, found: Bounded, what: str) -> ModelSpec:
    """The bounded spec, which tells its users what was bounded and why."""
    told = []
    for axis, dim in found.axes:
        name = "The batch" if axis.batch else axis_text(spec.inputs, axis)
        bound = f"bounded to {dim.min} to {dim.max}" if dim.dynamic else f"fixed at {dim.opt}"
        told.append(f"{name} is {bound}: {what} is not the model: {found.problem.text}.")
    return replace(found.spec, notes=(*spec.notes, *told))


def taken_by_the_model(answers: Answers, spec: ModelSpec) -> ModelSpec:
    """`spec` with the batch bounded to what the model itself takes, told in a note.

    Raises UsageError where the user asked for more.
    """
    dims = [t.dims for t in spec.inputs]
    axis = next((a for a in axes_of(spec.inputs, dims) if a.batch), None)
    if axis is None:
        return spec
    batch = axis

    def why_not(size: int) -> str:
        return answers.why_not(spec.inputs, alone(spec.inputs, dims, batch, size))

    left_out = answers.plan(spec).left_out
    names = {s: alone(spec.inputs, dims, axis, s).name for s in (axis.dim.max, axis.dim.min)}
    wrong = next((s for s, name in names.items() if name not in left_out and why_not(s)), None)
    if wrong is None:
        return spec
    dim = _between(axis.dim, lambda size: not why_not(size))
    if answers.is_asked(axis):
        raise UsageError(
            f"--dynamic: {answers.loaded.source_text} does not run with {wrong} items: {why_not(wrong)}",
            hint=f"Give bounds that it takes: {_option(spec.inputs, axis, dim)}.",
        )
    bound = f"bounded to {dim.min} to {dim.max}" if dim.dynamic else f"fixed at {dim.opt}"
    note = f"The batch is {bound}: with {wrong} items the model raises {why_not(wrong)}."
    made = with_bounds(spec, axis, dim)
    return replace(made, notes=(*made.notes, note))


def with_bounds(spec: ModelSpec, axis: Axis, dim: Dim) -> ModelSpec:
    """`spec` with other bounds of one axis; outputs that grow with the batch follow it."""
    inputs = list(spec.inputs)
    for i, d in axis.places:
        inputs[i] = inputs[i].with_dim(d, dim)
    outputs = spec.outputs
    if axis.batch:
        outputs = tuple(_follow(t, axis.dim, dim) for t in outputs)
    return replace(spec, inputs=tuple(inputs), outputs=outputs)


def _follow(tensor: TensorSpec, before: Dim, batch: Dim) -> TensorSpec:
    """An output may have several rows an item."""
    if tensor.batch is None:
        return tensor
    rows = max(1, tensor.batch.opt // before.opt)
    return tensor.with_batch(Dim(min=batch.min * rows, opt=batch.opt * rows, max=batch.max * rows))


def _narrowed(answers: Answers, spec: ModelSpec, check: Check, problem: SizeProblem) -> ModelSpec | None:
    """One step: the axis that the problem is of, cut to what is right; None where nothing is left to cut."""
    dims = [t.dims for t in spec.inputs]
    axes = axes_of(spec.inputs, dims, frozenset(problem.case.axis.places if problem.case.axis else ()))
    axis = next((a for a in axes if problem.case.axis and a.places == problem.case.axis.places), None)
    if axis is None:
        # Several at once: with fewer items, or smaller ones, they may be right.
        axis = max(axes, key=lambda a: (a.batch, a.dim.max / a.dim.min), default=None)
        if axis is None:
            return None
        halved = Dim(min=axis.dim.min, opt=axis.dim.opt, max=max(axis.dim.opt, axis.dim.max // 2))
        if "smallest" in problem.case.name or halved == axis.dim:
            halved = Dim.fixed(axis.dim.opt)
        return with_bounds(spec, axis, halved)
    i, d = axis.places[0]
    size = problem.case.shapes[i][d]
    fixed = axis

    def right(other: int) -> bool:
        try:
            found = answers.at(spec.inputs, alone(spec.inputs, dims, fixed, other))
        except Refused:
            return False
        return not check(*found)[0]

    low, high = axis.dim.min, axis.dim.max
    dim = _between(Dim(min=min(size, axis.dim.opt), opt=axis.dim.opt, max=max(size, axis.dim.opt)), right)
    if size > axis.dim.opt:
        high = dim.max
    else:
        low = dim.min
    return with_bounds(spec, axis, Dim(min=low, opt=axis.dim.opt, max=high))


def _between(dim: Dim, right: Callable[[int], bool]) -> Dim:
    """The sizes around opt that are right, by bisection towards both ends."""
    low, high = dim.opt, dim.max
    if high > low and not right(high):
        high -= 1
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if right(middle) else (low, middle - 1)
    most = high
    low, high = dim.min, dim.opt
    if low < high and not right(low):
        low += 1
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if right(middle) else (middle + 1, high)
    return Dim(min=low, opt=dim.opt, max=most)


def _all_fixed(spec: ModelSpec) -> ModelSpec:
    for axis in axes_of(spec.inputs, [t.dims for t in spec.inputs]):
        spec = with_bounds(spec, axis, Dim.fixed(axis.dim.opt))
    return spec


def _changed(spec: ModelSpec, made: ModelSpec) -> tuple[tuple[Axis, Dim], ...]:
    axes = axes_of(spec.inputs, [t.dims for t in spec.inputs])
    now = {a: made.inputs[a.places[0][0]].dims[a.places[0][1]] for a in axes}
    return tuple((a, d) for a, d in now.items() if d != a.dim)


def _option(inputs: Sequence[TensorSpec], axis: Axis, dim: Dim) -> str:
    """The option of `gencpp new` with these bounds."""
    places = axis.places[:1] if axis.batch else axis.places
    return " ".join(f"--dynamic {inputs[i].name}:{d}={dim.min}:{dim.opt}:{dim.max}" for i, d in places)
