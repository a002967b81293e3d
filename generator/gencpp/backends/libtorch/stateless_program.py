"""torch.export's program of a model, with no state that a run leaves behind.

Compiled code keeps its buffers for all callers: what forward writes into one, it writes under another
caller's run. Buffers that forward changes are therefore copied at its start.
"""

from __future__ import annotations

from typing import Any

from ...tensors.draws import program_draws, refuse_draws
from ...tensors.flat import shapes_for, with_flat_outputs


def stateless_program(module: Any, examples: tuple[Any, ...], shapes: Any, where: str) -> Any:
    """The torch.export.ExportedProgram, its outputs a tuple of tensors.

    `shapes` says which dimensions vary, by input. Raises RandomDraw, and what torch.export raises.
    """
    import torch

    module = with_flat_outputs(module, examples)
    program = torch.export.export(module, examples, dynamic_shapes=shapes_for(module, shapes))
    refuse_draws(where, program_draws(program))
    if written := _written_buffers(program):
        own = (shapes,) if shapes else None  # all inputs are one argument, *inputs
        program = torch.export.export(_own_buffers(module, written), examples, dynamic_shapes=own)
        if left := _written_buffers(program):
            raise ValueError(f"forward writes {', '.join(left)}, which all callers of compiled code share")
    return program


def _written_buffers(program: Any) -> list[str]:
    """Names of the buffers that the program changes, in order."""
    import torch

    functional = program.run_decompositions({}) if _may_write(program.graph_module, torch) else program
    return sorted(set(functional.graph_signature.buffers_to_mutate.values()))


def _may_write(module: Any, torch: Any) -> bool:
    """Whether any operator writes something; those that write statistics do not say so."""
    for inner in module.modules():
        for node in getattr(getattr(inner, "graph", None), "nodes", ()):
            schema: Any = getattr(node.target, "_schema", None)
            if isinstance(node.target, torch._ops.OpOverload) and (
                schema.is_mutable or any(a.name == "running_mean" for a in schema.arguments)
            ):
                return True
    return False


def _own_buffers(module: Any, names: list[str]) -> Any:
    """A module that runs `module` on copies of those buffers."""
    import torch

    class OwnBuffers(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, *inputs: Any) -> Any:
            buffers = dict(self.inner.named_buffers())
            own = {name: buffers[name].clone() for name in names}
            return torch.func.functional_call(self.inner, own, inputs)

    return OwnBuffers().eval()
