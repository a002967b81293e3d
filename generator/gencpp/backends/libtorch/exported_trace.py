"""A model as one straight line of operators: exported, then traced.

oneDNN graph fusion joins neighbours of one block only. A scripted model keeps branches on ranks and lists
that grow (torchvision's SE blocks, DenseNet), which lie between what could be one kernel; some models it
cannot run at all. torch.export resolves them, and refuses what depends on values: its trace holds for all
inputs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from ...core.spec import TensorSpec
from ...tensors.dynamic_shapes import dynamic_shapes, examples
from ...tensors.export_guards import Guards, guards_of, ranges_text
from ...tensors.fast_path import fast_path_off
from ...tensors.flat import shapes_for, with_flat_outputs
from ...tensors.stimuli import seeded_inputs
from .memory_format import in_channels_last

_SEED = 11_003
_ASSERTIONS = ("_assert_scalar", "_assert_tensor_metadata", "sym_constrain_range", "_assert_async")


def export_and_trace(
    module: Any,
    inputs: Sequence[TensorSpec],
    *,
    channels_last: bool,
    found: Callable[[Guards], None] = lambda _: None,
) -> Any:
    """The traced ScriptModule, its 4-D weights in channels-last order where that is asked for.

    `module` stays as it is; `found` gets what its graph holds for, and the trace does not check. Raises what
    torch.export and the tracer raise, of many kinds, and ValueError where a dimension besides the batch
    varies, for which a trace would keep what one size took, or where torch.export's graph holds for fewer
    sizes than may come.
    """
    import torch

    if any(d.dynamic for t in inputs for d in t.other_dims):
        raise ValueError("a dimension besides the batch varies")
    with torch.no_grad(), fast_path_off():
        # Two or more where the batch varies: torch.export takes a one for a constant. The trace is compared
        # with the model for a batch of one all the same.
        given = tuple(examples(inputs))
        flat = with_flat_outputs(module, given)
        program = torch.export.export(
            flat, given, dynamic_shapes=shapes_for(flat, dynamic_shapes(inputs, least=2))
        )
        guards = guards_of(program, inputs)
        found(guards)
        beyond = {p: r for p, r in guards.ranges.items() if r[0] > 2 or r[1] < inputs[p[0]].dims[p[1]].max}
        if beyond:
            told = ranges_text(inputs, Guards(ranges=beyond))
            raise ValueError(f"torch.export's graph holds for {told} only")
        graph = _without_guards(program)
        _fold_hard_sigmoids(graph)
        _plain_sizes(graph)
        if channels_last:
            _dense_planes(graph)
            graph = in_channels_last(graph)  # a copy: the weights are the model's
        trace: Any = torch.jit.trace
        # A list of outputs needs strict=False.
        return trace(graph, tuple(seeded_inputs(inputs, _SEED)), check_trace=False, strict=False)


def _without_guards(program: Any) -> Any:
    """The program's torch.fx.GraphModule, which does not check its inputs: the tracer cannot follow that."""
    known = inspect.signature(program.module).parameters
    graph = program.module(check_guards=False) if "check_guards" in known else program.module()
    graph._forward_pre_hooks.clear()
    return graph


def _plain_sizes(graph: Any) -> None:
    """Makes Python's own functions of what reads or takes a size that varies: the tracer follows those."""
    import torch

    size = torch.ops.aten.sym_size.int
    for node in list(graph.graph.nodes):
        if node.op != "call_function":
            continue
        if node.target is size:
            node.op, node.target = "call_method", "size"
        elif any(name in str(node.target) for name in _ASSERTIONS) and not node.users:
            graph.graph.erase_node(node)
        elif isinstance(node.target, torch._ops.OpOverload) and any(map(_varies, node.all_input_nodes)):
            name = node.target.overloadpacket.__name__
            first = node.args[0] if node.args else None
            if isinstance(first, torch.fx.Node) and not _varies(first) and hasattr(torch.Tensor, name):
                node.op, node.target = "call_method", name
            elif all(map(_varies, node.all_input_nodes)) and hasattr(torch, name):
                # zeros, full, arange: the tracer would keep the sizes of one batch. The first state of an
                # LSTM would be too short for others, which oneDNN does not check: it writes past the end.
                node.target = getattr(torch, name)
    graph.graph.eliminate_dead_code()
    graph.recompile()


def _varies(node: Any) -> bool:
    """Whether the node is a size that varies, or was reckoned from one."""
    import torch

    return isinstance(node.meta.get("val"), torch.SymInt | torch.SymFloat | torch.SymBool)


def _fold_hard_sigmoids(graph: Any) -> None:
    """hardsigmoid(conv(x)) becomes clamp(conv'(x), 0, 1), slope and offset being in the weights.

    oneDNN has the operator, but LibTorch's fuser does not hand it over: it would lie between fused parts.
    """
    import torch

    aten = torch.ops.aten
    convolutions = (aten.conv1d.default, aten.conv2d.default, aten.conv3d.default)
    nodes = graph.graph
    for count, node in enumerate(list(nodes.nodes)):
        if node.target not in (aten.hardsigmoid.default, aten.hardsigmoid_.default):
            continue
        before = node.args[0]
        if before.target not in convolutions or len(before.users) != 1:
            continue
        constants = (*before.args[1:3], None)[:2]
        if any(c is not None and c.op != "get_attr" for c in constants):
            continue
        weight, bias = (None if c is None else _attribute(graph, c.target).detach() for c in constants)
        assert weight is not None
        offset = torch.full_like(weight[:, *[0] * (weight.dim() - 1)], 0.5)
        names = (f"hard_sigmoid_{count}_weight", f"hard_sigmoid_{count}_bias")
        graph.register_buffer(names[0], weight / 6)
        graph.register_buffer(names[1], offset if bias is None else bias / 6 + offset)
        with nodes.inserting_before(before):
            folded = tuple(nodes.get_attr(name) for name in names)
        before.args = (before.args[0], *folded, *before.args[3:])
        with nodes.inserting_before(node):
            clamped = nodes.call_function(aten.hardtanh.default, (before, 0.0, 1.0))
        node.replace_all_uses_with(clamped)
        nodes.erase_node(node)


def _dense_planes(graph: Any) -> None:
    """Copies a channel of a picture before it is scaled or shifted alone (torchvision's transform_input).

    In channels-last order its elements lie apart, and for such a tensor oneDNN's fused parts have a slow
    reference kernel only: docs/results/speed.md has what that costs.
    """
    import torch

    aten = torch.ops.aten
    taken = (aten.select.int, aten.slice.Tensor)
    pointwise = (aten.mul.Tensor, aten.add.Tensor, aten.sub.Tensor, aten.div.Tensor)
    nodes = graph.graph
    for node in list(nodes.nodes):
        if node.target not in taken or len(node.args) < 2:
            continue
        rank = node.args[0].meta["val"].dim()
        if rank != 4 or node.args[1] % rank != 1:
            continue
        users = [*node.users]
        for user in users:
            if user.target == aten.unsqueeze.default:
                users += user.users
        if any(user.target in pointwise for user in users):
            with nodes.inserting_after(node):
                dense = nodes.call_function(aten.contiguous.default, ())
            node.replace_all_uses_with(dense)
            dense.args = (node,)


def _attribute(module: Any, path: str) -> Any:
    for name in path.split("."):
        module = getattr(module, name)
    return module
