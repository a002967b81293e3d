"""Which sides of Python's branches a trace took: it keeps one, whatever its inputs would take later.

The tracer only warns. Here the model is traced again at every size that is compared, and run with further
inputs, and each truth value that Python asks of a tensor is noted with its place. A branch of which both
sides were taken, by inputs for which the artifact gave the model's answers, does not matter. One side that
was never taken is told: the artifact may lack it. So is a number that Python takes where no condition on it
is seen: it may choose among the entries of a table, or in a function that gets it.
"""

from __future__ import annotations

import ast
import contextlib
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...core.messages import short_place
from ...core.spec import ModelSpec
from ...tensors.fast_path import fast_path_off
from ..sizes.answers import Answers, Refused
from .lines import Line, condition_at, conditions_of, watched_lines

_TRUTHS = ("__bool__", "__contains__", "allclose", "equal", "is_nonzero")
_NUMBERS = (
    *("__int__", "__index__", "__float__", "__complex__", "item"),
    *("tolist", "numpy", "__array__", "__dlpack__"),
)
_INNER = ("torch/_tensor.py", "torch/overrides.py", "torch/utils/_contextlib.py")
"""Files whose frames lie between a tensor and the line that asks it."""

_LONGEST = 60
"""Characters of a condition that are shown."""


@dataclass(slots=True)
class _Seen:
    """What one place asked, over all runs."""

    values: set[Any] = field(default_factory=set)
    operands: set[Any] = field(default_factory=set)
    of_values: bool = False
    """Whether a tensor's value was asked, not only a size."""


_SeenAt = dict[tuple[Line, bool], _Seen]
"""By the place, and whether a number was asked there, not a truth value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branches:
    """What was found; nothing where nothing was traced."""

    both: tuple[str, ...] = ()
    """Places of which both sides were taken."""
    one: tuple[str, ...] = ()
    """``nets.py:71: `x.shape[2] < 48` was never true``"""
    numbers: tuple[str, ...] = ()
    """Places where Python takes a number that no condition is seen on."""

    def notes(self) -> list[str]:
        """For README and terminal."""
        told = []
        if self.both:
            told.append(
                f"Branches at {', '.join(self.both)} took both sides at what was compared, with the model's"
                " answers: they do not matter to the trace."
            )
        told += [f"Never run, and not in the artifact: the other side of {text}." for text in self.one]
        if self.numbers:
            told.append(
                f"Python takes numbers out of tensors at {', '.join(self.numbers)}: the artifact has what it"
                " made of them while it was traced, and is shown to be right for what was compared only."
            )
        return told

    def untaken(self) -> tuple[str, ...]:
        """What no compared input took."""
        return (
            *self.one,
            *(f"{place}: any other use of the number that Python takes" for place in self.numbers),
        )


def branches_taken(module: Any, answers: Answers, spec: ModelSpec, seeds: Sequence[int]) -> Branches:
    """The branches of `module`, over inputs of these seeds and all sizes that are compared."""
    import torch

    seen: _SeenAt = {}
    if isinstance(module, torch.jit.ScriptModule):
        return Branches()
    for seed in seeds:
        inputs, _ = answers.of(spec.inputs, seed)
        with torch.no_grad(), fast_path_off(), _watched(seen, of_values=True):
            module(*[t.clone() for t in inputs])
    trace: Any = torch.jit.trace
    at_sizes = [answers.of(spec.inputs, seeds[0]), *_at_cases(answers, spec)]
    for inputs, _ in at_sizes:
        with (
            warnings.catch_warnings(),
            torch.no_grad(),
            fast_path_off(),
            _watched(seen, of_values=False),
        ):
            warnings.simplefilter("ignore")
            with contextlib.suppress(
                Exception
            ):  # sizes that cannot be traced: what was asked before is noted
                trace(module, tuple(t.clone() for t in inputs), check_trace=False, strict=False)
    lines, hidden = _conditions(seen)
    ways = _went(module, lines, [answers.of(spec.inputs, s)[0] for s in seeds] + [i for i, _ in at_sizes])
    for (at, number), found in seen.items():
        if not number and (found.of_values or len(found.operands) > 1):
            ways[at] = found.values
    both, one = [], []
    for (file, line), went in ways.items():
        place = short_place(file, line)
        if len(went) > 1:
            both.append(place)
        elif went and (told := _told(file, line, went)):
            one.append(f"{place}: {told}")
    return Branches(both=tuple(both), one=tuple(one), numbers=tuple(short_place(*at) for at in hidden))


def _conditions(seen: _SeenAt) -> tuple[list[Line], list[Line]]:
    """(the conditions on numbers that tensors gave; the places of numbers that no condition is seen on)"""
    import torch

    own = str(Path(torch.__file__).parent)
    lines: list[Line] = []
    hidden: list[Line] = []
    for ((file, line), number), found in seen.items():
        if not number or not (found.of_values or len(found.values) > 1):
            continue
        if at := conditions_of(file, line):
            lines += [(file, n) for n in at]
        elif found.of_values or not file.startswith(own):  # PyTorch's own functions know what sizes do
            hidden.append((file, line))
    return lines, hidden


def _went(module: Any, conditions: Sequence[Line], runs: Sequence[Sequence[Any]]) -> dict[Line, set[bool]]:
    """How these conditions went, over these inputs."""
    import torch

    lines: dict[Line, set[bool]] = {at: set() for at in conditions}
    if lines:
        with watched_lines(lines), torch.no_grad(), fast_path_off():
            for inputs in runs:
                module(*[t.clone() for t in inputs])
    return lines


def _at_cases(answers: Answers, spec: ModelSpec) -> Iterator[Any]:
    for case in answers.plan(spec).cases:
        try:
            yield answers.at(spec.inputs, case)
        except Refused:  # which no artifact can be compared at
            continue


@contextlib.contextmanager
def _watched(seen: _SeenAt, *, of_values: bool) -> Iterator[None]:
    """Notes what Python asks of tensors. While tracing, sizes are tensors, too."""
    import torch
    from torch.overrides import TorchFunctionMode

    made: dict[int, tuple[Any, tuple[Any, ...]]] = {}  # results of one number, with what they were made of
    mode: Any = TorchFunctionMode

    def parts(value: Any) -> tuple[Any, ...]:
        if isinstance(value, torch.Tensor):
            if id(value) in made:
                return made[id(value)][1]
            return (value.item(),) if value.dim() == 0 else ()
        return (value,) if isinstance(value, int | float) else ()

    class Watch(mode):  # type: ignore[misc]
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            result = func(*args, **(kwargs or {}))
            name = getattr(func, "__name__", "")
            if name in _TRUTHS or name in _NUMBERS:
                found = seen.setdefault((_place(), name in _NUMBERS), _Seen())
                found.values.add(result if isinstance(result, bool | int | float) else repr(result))
                found.operands.add(parts(args[0]))
                found.of_values = found.of_values or of_values
            elif isinstance(result, torch.Tensor) and result.dim() == 0 and not of_values:
                made[id(result)] = (result, tuple(p for a in args for p in parts(a)))
            return result

    with Watch():
        yield


def _place() -> tuple[str, int]:
    """(file, line) that asked."""
    frame: Any = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename.replace("\\", "/").endswith(_INNER):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def _told(file: str, line: int, values: set[Any]) -> str:
    """What was never so, by the source; empty where the other side only raises."""
    never = "true" if values == {False} else "false"
    node = condition_at(file, line)
    if node is None:
        return f"the condition was never {never}"
    if isinstance(node, ast.Assert):
        return ""
    if isinstance(node, ast.If):
        other = node.body if never == "true" else node.orelse
        if other and isinstance(other[0], ast.Raise):
            return ""
    test = " ".join(ast.unparse(node.test).split())
    return f"`{test if len(test) <= _LONGEST else test[: _LONGEST - 3] + '...'}` was never {never}"
