"""Which branches by values an ONNX file takes: a copy whose branches mark an output, run on inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...onnx.graph import opset_of
from ...onnx.runtime import OnnxRunner
from .text import Branch, binary, call

_PREFIX = "gencpp_branch_"
_ALL = f"{_PREFIX}all"

_SIZED_BY_VALUES = ("NonZero", "Unique", "NonMaxSuppression", "Compress")
_SIZED_BY_ARGUMENTS = (
    *("Reshape", "Expand", "Tile", "Slice", "Range", "Pad", "Resize", "TopK", "OneHot", "Upsample", "Split"),
    *("SplitToSequence", "CenterCropPad", "Col2Im", "AffineGrid", "Loop", "If"),
)
_SAME = ("Cast", "CastLike", "Identity", "Squeeze", "Unsqueeze", "Reshape")
_BINARY = {
    **{"Equal": "==", "Greater": ">", "GreaterOrEqual": ">=", "Less": "<", "LessOrEqual": "<=", "And": "and"},
    **{"Or": "or", "Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "Mod": "%"},
}

Bits = tuple[bool, bool]
"""Whether the elements, and whether the size, depend on the elements of the inputs."""


@dataclass
class _Probe:
    """What is known of a graph while it is walked."""

    bits: dict[str, Bits]
    made: dict[str, Any] = field(default_factory=dict)
    """By the name of a value its node, or its constant's text."""
    found: dict[int, tuple[str, str]] = field(default_factory=dict)
    """By the number of an If or Loop that depends on values: (operator, condition)."""
    numbers: dict[int, int] = field(default_factory=dict)
    """Of each node, by id."""
    nodes: list[Any] = field(default_factory=list)
    inside_scan: int = 0


def onnx_branches(path: Path, runs: Sequence[Sequence[Any]]) -> list[Branch]:
    """Every branch by a value, with whether one of `runs` took it; raises what ONNX Runtime raises."""
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    graph = model.graph
    probe = _Probe(bits={i.name: (True, False) for i in graph.input})
    probe.bits |= {t.name: (False, False) for t in graph.initializer}
    _walk(graph, probe)
    if not probe.found and not probe.inside_scan:
        return []
    unseen = [
        Branch(text="a branch inside a Scan was not looked at", taken=False) for _ in range(probe.inside_scan)
    ]
    if not probe.found:
        return unseen
    slots = 2 * len(probe.nodes)
    mark = _instrument(graph, probe, slots, opset_of(model))
    assert mark is not None
    graph.node.append(onnx.helper.make_node("Identity", [mark], [_ALL]))
    graph.output.append(onnx.helper.make_tensor_value_info(_ALL, onnx.TensorProto.INT64, [slots]))
    file = path.with_name("branches.onnx")  # beside it, where its weights are
    total = [0] * slots
    try:
        file.write_bytes(model.SerializeToString())
        runner = OnnxRunner(file)
        for run in runs:
            total = [a + b for a, b in zip(total, runner(*run)[_ALL].tolist(), strict=True)]
    finally:
        file.unlink(missing_ok=True)
    found = [
        branch
        for number, (kind, text) in probe.found.items()
        for branch in _branches(kind, text, number, total)
    ]
    return found + unseen


def _branches(kind: str, text: str, number: int, total: Sequence[int]) -> Iterator[Branch]:
    first, second = total[2 * number], total[2 * number + 1]
    if kind == "Loop":
        yield Branch(text=f"the loop over {text} is never entered", taken=first > 0)
    elif first or second:  # else it lies in a branch that is named
        yield Branch(text=f"{text} is never true", taken=first > 0)
        yield Branch(text=f"{text} is never false", taken=second > 0)


def _graphs(node: Any) -> list[Any]:
    """Its subgraphs; of an If the one for true first."""
    attributes = sorted((a for a in node.attribute if a.HasField("g")), key=lambda a: a.name != "then_branch")
    return [a.g for a in attributes]


def _walk(graph: Any, probe: _Probe) -> None:
    for tensor in graph.initializer:
        probe.bits[tensor.name] = (False, False)
        probe.made[tensor.name] = tensor
    for node in graph.node:
        given = [probe.bits.get(name, (False, False)) for name in node.input]
        made = [_bits(node, given)] * len(node.output)
        if node.op_type in ("If", "Loop"):
            made = _control(node, given, probe)
        elif node.op_type == "Scan":
            made = [(True, any(s for _, s in given))] * len(node.output)
            inner = [n for g in _graphs(node) for n in g.node if n.op_type in ("If", "Loop")]
            probe.inside_scan += len(inner)
        for name, b in zip(node.output, made, strict=False):
            probe.bits[name] = b
            probe.made[name] = node


def _control(node: Any, given: list[Bits], probe: _Probe) -> list[Bits]:
    number = probe.numbers.setdefault(id(node), len(probe.nodes))
    if number == len(probe.nodes):
        probe.nodes.append(node)
    if node.op_type == "If":
        for graph in _graphs(node):
            _walk(graph, probe)
        if given[0][0]:
            probe.found[number] = ("If", f"`{_text(node.input[0], probe)}`")
        sides = [[probe.bits.get(o.name, (False, False)) for o in g.output] for g in _graphs(node)]
        depends = given[0][0]
        return [(a[0] or b[0] or depends, a[1] or b[1] or depends) for a, b in zip(*sides, strict=True)]
    body = _graphs(node)[0]
    carried = [*given[2:]]
    depends = any(v for v, _ in given[:2])
    for _ in range(len(carried) + 2):
        for value, b in zip(body.input, [(depends, False), (depends, False), *carried], strict=False):
            probe.bits[value.name] = b
        _walk(body, probe)
        after = [probe.bits.get(o.name, (False, False)) for o in body.output]
        depends = depends or after[0][0]
        grown = [(a[0] or b[0] or depends, a[1] or b[1]) for a, b in zip(carried, after[1:], strict=False)]
        if grown == carried:
            break
        carried = grown
    if depends:
        name = next((n for n, (v, _) in zip(node.input[:2], given, strict=False) if v), body.output[0].name)
        probe.found[number] = ("Loop", f"`{_text(name, probe)}`")
    scanned = [(v or depends, s or depends) for v, s in after[1 + len(carried) :]]
    return carried + scanned


def _bits(node: Any, given: list[Bits]) -> Bits:
    kind = node.op_type
    values, sizes = any(v for v, _ in given), any(s for _, s in given)
    if kind in ("Shape", "Size"):
        return sizes, False
    if kind == "ConstantOfShape":
        return False, values
    by_argument = kind in _SIZED_BY_ARGUMENTS and any(v for v, _ in given[0 if kind == "Range" else 1 :])
    return values, sizes or by_argument or (kind in _SIZED_BY_VALUES and values)


def _instrument(graph: Any, probe: _Probe, slots: int, opset: int) -> str | None:
    """The name of a value of `graph` that counts what was taken in it and below; None: nothing is there."""
    import onnx
    from onnx import helper

    marks: list[str] = []

    def add(name: str, op: str, inputs: list[str], **attributes: Any) -> str:
        graph.node.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    for node in list(graph.node):
        if node.op_type not in ("If", "Loop"):
            continue
        number = probe.numbers[id(node)]
        for side, sub in enumerate(_graphs(node)):
            own = f"{_PREFIX}{number}_{side}"
            one = [int(i == 2 * number + side) for i in range(slots)]
            inner = _instrument(sub, probe, slots, opset)
            value = helper.make_tensor(f"{own}_value", onnx.TensorProto.INT64, [slots], one)
            sub.node.append(helper.make_node("Constant", [], [f"{own}_one"], value=value))
            sub.node.append(
                helper.make_node("Add", [f"{own}_one", inner], [own])
                if inner
                else helper.make_node("Identity", [f"{own}_one"], [own])
            )
            outputs = len(sub.output) - (node.op_type == "Loop")
            sub.output.append(helper.make_tensor_value_info(own, onnx.TensorProto.INT64, [slots]))
        node.output.extend([""] * (outputs - len(node.output)))
        out = f"{_PREFIX}{number}"
        node.output.append(out)
        if node.op_type == "Loop":  # a row for each turn
            axes = {"axes": [0]} if opset < 13 else {}
            inputs = [out]
            if not axes:
                zero = helper.make_tensor(f"{out}_axis", onnx.TensorProto.INT64, [1], [0])
                graph.node.append(helper.make_node("Constant", [], [f"{out}_zero"], value=zero))
                inputs.append(f"{out}_zero")
            out = add(f"{out}_sum", "ReduceSum", inputs, keepdims=0, **axes)
        marks.append(out)
    if not marks:
        return None
    total = marks[0]
    for i, mark in enumerate(marks[1:], 1):
        total = add(f"{marks[0]}_and_{i}", "Add", [total, mark])
    return total


def _text(name: str, probe: _Probe, depth: int = 5) -> str:
    """A condition as people would write it."""
    made = probe.made.get(name)
    if made is None:
        return name  # an input
    if not hasattr(made, "op_type"):
        return _constant(made)
    kind = made.op_type
    if kind == "Constant":
        return next((_constant(a.t) for a in made.attribute if a.HasField("t")), "...")
    inputs = [i for i in made.input if i]
    if depth == 0 or not inputs or kind in ("If", "Loop", "Scan"):
        return "..."
    if kind in _SAME:
        return _text(inputs[0], probe, depth)
    if kind in _BINARY and len(inputs) > 1:
        return binary(_text(inputs[0], probe, depth - 1), _BINARY[kind], _text(inputs[1], probe, depth - 1))
    if kind == "Not":
        return f"not {_text(inputs[0], probe, depth - 1)}"
    return call(kind, [_text(inputs[0], probe, depth - 1)])


def _constant(tensor: Any) -> str:
    from onnx import numpy_helper

    if tensor.data_location == tensor.EXTERNAL:
        return "weights"
    value = numpy_helper.to_array(tensor)
    return str(value.reshape(-1)[0]) if value.size == 1 else "weights"
