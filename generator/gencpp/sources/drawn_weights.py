"""Which weights of a module are still as a random generator drew them: nobody loaded others over them.

torch's functions are watched while a factory runs. What a random function fills is remembered with some of
its elements; a copy of it is remembered, too. What writes there later (`load_state_dict`, constants) ends
that; what is not seen changes the elements. So a weight is told only where it certainly is what was drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_ELEMENTS = 256
"""Of each tensor that are compared."""

_FILLS = frozenset(
    """
    bernoulli_ cauchy_ exponential_ geometric_ log_normal_ normal_ random_ trunc_normal_ uniform_
    xavier_normal_ xavier_uniform_ kaiming_normal_ kaiming_uniform_ orthogonal_ sparse_
    """.split()  # noqa: SIM905
)
_MAKES = frozenset("bernoulli normal rand rand_like randint randint_like randn randn_like".split())  # noqa: SIM905
_CONSTANTS = frozenset("fill_ zero_ constant_ zeros_ ones_".split())  # noqa: SIM905
_COPIES = frozenset("clone contiguous to float half bfloat16 double type detach".split())  # noqa: SIM905


@dataclass
class Drawn:
    """What was drawn while a factory ran."""

    records: dict[int, tuple[Any, Any]] = field(default_factory=dict)
    """(the tensor, some of its elements) by the address of its memory, which the tensor keeps its own."""

    def names(self, module: Any) -> list[str]:
        """The parameters of `module` that are as they were drawn."""
        return [name for name, p in module.named_parameters() if self.has(p)]

    def has(self, tensor: Any) -> bool:
        """Whether it is a tensor that was drawn, and has the elements that it had then."""
        import torch

        record = self.records.get(_address(tensor))
        if record is None:
            return False
        some = _some(tensor)
        return some.shape == record[1].shape and bool(torch.equal(some, record[1]))

    def remember(self, tensor: Any) -> None:
        """Of a tensor that was filled just now."""
        if address := _address(tensor):
            self.records[address] = (tensor.detach(), _some(tensor))

    def change(self, tensor: Any, *, constant: bool, loaded: bool) -> None:
        """Of a tensor, or a part of one, that was changed in place by something that is not random.

        Scaled by itself it is still what was drawn, and so it is with a `constant` part, such as the row of a
        padding index.
        """
        address = _address(tensor)
        if address not in self.records:
            return
        whole = self.records[address][0]
        part = tensor.numel() < whole.numel()
        if (constant or loaded) and not part:
            del self.records[address]
        elif not loaded:
            self.remember(whole)


def _address(tensor: Any) -> int:
    """0: it has no memory, as on the device `meta`."""
    try:
        return int(tensor.untyped_storage().data_ptr())
    except (RuntimeError, NotImplementedError):  # a sparse or a fake tensor
        return 0


def _some(tensor: Any) -> Any:
    flat = tensor.detach().flatten()
    return flat[:: max(1, flat.numel() // _ELEMENTS)].clone()


@contextmanager
def watching_draws() -> Iterator[Drawn]:
    """What torch draws inside, as far as Python asks for it."""
    import torch
    from torch.overrides import TorchFunctionMode

    drawn = Drawn()
    mode: Any = TorchFunctionMode

    class Watch(mode):  # type: ignore[misc]
        def __torch_function__(
            self, func: Callable[..., Any], _: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
        ) -> Any:
            name = getattr(func, "__name__", "")
            first = args[0] if args and isinstance(args[0], torch.Tensor) else None
            second = args[1] if len(args) > 1 and isinstance(args[1], torch.Tensor) else None
            copied = first if name in _COPIES else second if name == "copy_" else None
            known = copied is not None and drawn.has(copied)
            made = func(*args, **(kwargs or {}))
            if not isinstance(made, torch.Tensor):
                return made
            if known or name in _FILLS or name in _MAKES:
                drawn.remember(made)
            elif first is not None and name.endswith("_") and not name.endswith("__"):
                drawn.change(made, constant=name in _CONSTANTS, loaded=second is not None)
            return made

    with Watch():
        yield drawn


def note_of(drawn: Drawn, module: Any, where: str, *, state_dict: bool) -> str:
    """What a user should know of weights that nobody loaded; empty: nothing, or biases alone."""
    names, matrices = drawn.names(module), [name for name, p in module.named_parameters() if p.dim() > 1]
    if state_dict or not set(names) & set(matrices):
        return ""
    count = sum(1 for _ in module.parameters())
    way_out = f"Load trained ones in {where}, or give them with --state-dict FILE."
    if set(matrices) <= set(names):
        return f"Nobody loaded weights: they are the random ones that {where} made. {way_out}"
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"{len(names)} of {count} weights are the random ones that {where} made ({shown}). {way_out}"
