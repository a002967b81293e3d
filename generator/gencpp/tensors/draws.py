"""Operators that draw random numbers at run time, in TorchScript, in torch.export's programs and in ONNX.

Which operators draw is torch's own word: the tag `nondeterministic_seeded`, or a generator among the
arguments. Some draw only where an argument says so (dropout's `train`): what is known of it is taken into
account.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..core.errors import CheckFailed, GencppError
from ..core.messages import short_place

UNKNOWN = object()
"""An argument whose value is not a constant of the graph."""

_SWITCHES = ("train", "training")
"""Arguments that are true where the operator may draw."""

_RATES = ("dropout", "dropout_p")
"""Arguments that are the share of what is dropped: with 0 nothing is drawn."""

_UNTAGGED = re.compile(r"(^quantized::dropout|^aten::quantized_(lstm|gru))")
"""Operators that draw, and that torch does not tag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """An operator that draws at run time."""

    operator: str
    """`aten::dropout`; of ONNX `Bernoulli`"""
    place: str = ""
    """`net.py:12`, or the module or node; empty: not known"""

    def __str__(self) -> str:
        return self.operator + (f" ({self.place})" if self.place else "")


class RandomDraw(CheckFailed):
    """A model whose artifact draws random numbers at run time."""


def refuse_draws(where: str, draws: Iterable[Draw], *, of_file: bool = False) -> None:
    """Raises RandomDraw that names each operator with its place; nothing where there are none.

    `of_file`: the model came as a file, and its code is not here.
    """
    counted: dict[Draw, int] = {}
    for draw in draws:
        counted[draw] = counted.get(draw, 0) + 1
    if not counted:
        return
    told = [str(draw) + (f", {count} times" if count > 1 else "") for draw, count in counted.items()]
    more = f", and {len(told) - 5} more" if len(told) > 5 else ""
    raise RandomDraw(
        f"{where} draws random numbers in every run: {'; '.join(told[:5])}{more}. No two runs need agree,"
        " so nothing can be proven",
        hint="export the file anew from the model in inference mode, or with the random numbers as an input."
        if of_file
        else "call .eval() on what is in training mode, write training=False (or a rate of 0), or take the"
        " random numbers as an input of forward.",
    )


def schema_draws(name: str, arguments: Sequence[str], tagged: bool, constants: Mapping[str, Any]) -> bool:
    """Whether an operator draws, by what is known of its arguments; an unknown switch counts as on.

    `name`: `aten::dropout`; `arguments`: their names; `tagged`: torch says that it draws, where nothing
    switches that off; `constants`: those arguments that are known, by name.
    """
    if not (tagged or _UNTAGGED.match(name)):
        return False
    rates = [*_RATES, *(("p",) if any(a in _SWITCHES for a in arguments) else ())]  # else p is a probability
    for argument in arguments:
        value = constants.get(argument, UNKNOWN)
        if argument in _SWITCHES and value is False:
            return False
        if argument in rates and value is not UNKNOWN and value is not None and float(value) == 0.0:
            return False
    return True


def overload_draws(overload: Any, constants: Mapping[str, Any]) -> bool:
    """The same of a torch.ops overload."""
    schema = overload._schema
    return schema_draws(schema.name, [a.name for a in schema.arguments], _tagged(overload), constants)


@cache
def _tagged(overload: Any) -> bool:
    import torch

    generator = any("Generator" in str(a.type) for a in overload._schema.arguments)
    return generator or torch.Tag.nondeterministic_seeded in overload.tags


def overload_named(name: str, overload: str) -> Any | None:
    """The torch.ops overload of `aten::dropout` and `` (or `out`); None where there is none."""
    import torch

    namespace, _, operator = name.partition("::")
    try:
        return getattr(getattr(getattr(torch.ops, namespace), operator), overload or "default")
    except (AttributeError, RuntimeError):  # an operator of the interpreter's own
        return None


def program_draws(program: Any) -> list[Draw]:
    """Those of a torch.export.ExportedProgram, its branches among them."""
    import torch

    found = []
    for graph in _graphs(program.graph_module):
        for node in graph.nodes:
            overload = node.target
            if not isinstance(overload, torch._ops.OpOverload):
                continue
            known = _plain(overload, node.args, node.kwargs)
            if overload_draws(overload, known):
                found.append(Draw(operator=overload._schema.name, place=_frame(node)))
    return found


def run_draws(module: Any, inputs: Sequence[Any]) -> list[Draw]:
    """Those that one run of `module` came to, with the file and line of the user's that called them.

    For messages: a run sees one way through the model only. Empty where the run fails.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    found: list[Draw] = []
    mode: Any = TorchDispatchMode

    class Watch(mode):  # type: ignore[misc]
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            if overload_draws(func, _plain(func, args, kwargs or {})):
                found.append(Draw(operator=func._schema.name, place=_caller()))
            return func(*args, **(kwargs or {}))

    try:
        with torch.no_grad(), Watch():
            module(*[t.clone() for t in inputs])
    except GencppError:
        raise
    except Exception:  # noqa: BLE001 - the user's code, or what cannot be watched: the graph's word is enough
        return []
    return found


def with_places(draws: Sequence[Draw], watched: Callable[[], list[Draw]]) -> list[Draw]:
    """`draws`, or those that a run came to where these know the user's line and the others do not."""
    if not draws or all(d.place and not d.place.startswith("torch/") for d in draws):
        return list(draws)
    seen = [d for d in watched() if d.place]
    return seen or list(draws)


def _plain(overload: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call that are numbers or None, by name, defaults among them."""
    arguments = overload._schema.arguments
    values = {a.name: a.default_value for a in arguments if a.has_default_value()}
    values |= dict(zip((a.name for a in arguments), args, strict=False)) | dict(kwargs)
    return {k: v for k, v in values.items() if isinstance(v, bool | int | float) or v is None}


def _graphs(module: Any) -> Iterator[Any]:
    import torch

    for inner in module.modules():
        if isinstance(inner, torch.fx.GraphModule):
            yield inner.graph


def _frame(node: Any) -> str:
    """The user's line of a node of torch.export."""
    places = re.findall(r'File "([^"]+)", line (\d+)', node.meta.get("stack_trace") or "")
    own = [p for p in places if "/torch/" not in p[0].replace("\\", "/")] or places
    return short_place(own[-1][0], int(own[-1][1])) if own else ""


def _caller() -> str:
    """The innermost line of the stack that is neither torch's nor ours."""
    for frame in reversed(traceback.extract_stack()):
        name = frame.filename.replace("\\", "/")
        if "/torch/" not in name and frame.filename != __file__:
            return short_place(frame.filename, frame.lineno)
    return ""
