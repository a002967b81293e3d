"""What the double has to know of a network that a program defines layer by layer: dims and types.

They are taken from the plan, so that the double infers nothing by itself; tensors between the calls of one
layer of the plan, which the plan does not describe, follow from the calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gencpp.core.spec import DType
from gencpp.network.calls.call import Call, index_type
from gencpp.network.calls.calls import calls
from gencpp.network.plan import NetworkPlan

from .double import DTYPES

APIS = (805, 806)
"""Where the calls change: 8.5 has no normalization layer. Types of indices are the double's own matter."""

Facts = tuple[DType, tuple[int, ...]]


def made_lines(plan: NetworkPlan) -> Iterator[str]:
    """Rows of the table, one for each layer and version."""
    for api in APIS:
        facts = tensor_facts(plan, api)
        for call in calls(plan, api):
            rows = (facts[tensor] for tensor in call.outputs)
            yield f"made {api} " + " | ".join(" ".join(map(str, (DTYPES[d], *dims))) for d, dims in rows)


def write_plan_table(plan: NetworkPlan, file: Path, name: str = "network") -> Path:
    """A table with which a network can be defined and built, but which has no answers."""
    described = {t.name: t for t in (*plan.inputs, *plan.tensors)}
    lines = ["gencpp-double 1", f"table {name}", "onnx 0 0"]
    for kind, tensors in (("input", plan.inputs), ("output", tuple(described[o] for o in plan.outputs))):
        lines += [f"{kind} {t.name} {DTYPES[t.dtype]} {' '.join(map(str, t.dims))}" for t in tensors]
    file.write_text("\n".join([*lines, *made_lines(plan)]) + "\n", encoding="utf-8")
    return file


def tensor_facts(plan: NetworkPlan, api: int) -> dict[str, Facts]:
    """Type and dims of every tensor that the calls make, by its name; int64 is the plan's type of indices."""
    facts: dict[str, Facts] = {t.name: (t.dtype, t.dims) for t in (*plan.inputs, *plan.tensors)}
    for call in calls(plan, api):
        for tensor in call.outputs:
            if tensor not in facts:
                facts[tensor] = inner_facts(call, facts, api)
    return facts


def inner_facts(call: Call, facts: dict[str, Facts], api: int) -> Facts:
    """Of the few calls that layers of the plan are put together from."""
    inputs = [facts[tensor] for tensor in call.inputs]
    if call.method == "addConstant":
        ((_, weights),) = call.weights
        dims = call.attributes["dimensions"]
        assert isinstance(dims, tuple)
        dtype = DType.int64 if weights.dtype is index_type(api) else weights.dtype
        return dtype, tuple(int(d) for d in dims)
    if call.method == "addShape":
        return DType.int64, (len(inputs[0][1]),)
    if call.method in ("addActivation", "addUnary"):
        return inputs[0]
    if call.method == "addElementWise":
        return inputs[0][0], broadcast(inputs[0][1], inputs[1][1])
    if call.method == "addReduce":
        mask = call.attributes["reduceAxes"]
        assert isinstance(mask, int) and call.attributes["keepDimensions"] is True
        return inputs[0][0], tuple(1 if mask >> i & 1 else d for i, d in enumerate(inputs[0][1]))
    if call.method == "addMatrixMultiply":
        assert call.attributes["operation0"] == "NONE"
        (dtype, a), (_, b) = inputs
        columns = b[-2] if call.attributes["operation1"] == "TRANSPOSE" else b[-1]
        return dtype, (*broadcast(a[:-2], b[:-2]), a[-2], columns)
    if call.method == "addNMS":
        return DType.int32, ()  # the number of boxes
    raise AssertionError(f"{call.method} inside of a layer of the plan: {call.name}")


def broadcast(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """-1 is a size that varies."""
    assert len(a) == len(b), (a, b)
    return tuple(y if x == 1 else x if y == 1 else max(x, y) for x, y in zip(a, b, strict=True))
