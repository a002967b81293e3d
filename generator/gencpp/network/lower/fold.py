"""What is known before the network runs: constants, and sizes as expressions of named dimensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .graph import Graph, Node
from .ratio import Ratio, each, fractions, pairwise
from .sizes import Dims, Size, equal, larger, product, quotient, smaller

LARGEST_EXPANSION = 1 << 16
"""Elements: an expanded constant is not stored when it is larger than this and than what it is made of."""

_SIZES = 64
"""Elements: larger integer tensors are not followed as sizes."""

_EXPANDS = ("Expand", "Tile", "ConstantOfShape", "Resize", "Range")
_RANDOM = (
    "RandomNormal",
    "RandomUniform",
    "RandomNormalLike",
    "RandomUniformLike",
    "Bernoulli",
    "Multinomial",
)
_KEPT = ("DequantizeLinear", "QuantizeLinear", *_RANDOM)
"""Not folded: int8 constants stay int8."""


def fold(graph: Graph, node: Node, dims_of: Callable[[str], Dims]) -> bool:
    """Whether the node's outputs are constants now; notes the sizes that they are otherwise."""
    if node.op in ("Shape", "Size"):
        return _shape(graph, node, dims_of(node.input(0)))
    given = [i for i in node.inputs if i]
    if node.op not in _KEPT and (given or node.op == "Constant") and all(map(graph.is_constant, given)):
        return _evaluated(graph, node)
    if any(i in graph.shapes for i in node.inputs):
        return _sizes(graph, node)
    return False


def _shape(graph: Graph, node: Node, dims: Dims) -> bool:
    if node.op == "Size":
        return _noted(graph, node.outputs[0], _objects(product(dims)))
    start, end = node.attributes.get("start", 0), node.attributes.get("end")
    return _noted(graph, node.outputs[0], _objects(list(dims[start:end])))


def _evaluated(graph: Graph, node: Node) -> bool:
    import numpy as np
    import onnx
    from onnx.reference import ReferenceEvaluator

    if "::" in node.op or any(a.HasField("g") or a.graphs for a in node.proto.attribute):
        return False
    inputs = [graph.constant(i) if i else None for i in node.inputs]
    given = sum(i.size for i in inputs if i is not None)
    if node.op in _EXPANDS and _expanded(node, inputs) > max(LARGEST_EXPANSION, 2 * given):
        return False
    found: Any
    fast = _FAST.get(node.op)
    if fast is not None:
        found = [fast(node, *inputs)]
    else:
        values = {i: v for i, v in zip(node.inputs, inputs, strict=True) if i}
        proto = onnx.helper.make_graph(
            [node.proto],
            "constant",
            [_value_info(n, v) for n, v in values.items()],
            [onnx.helper.make_empty_tensor_value_info(o) for o in node.outputs if o],
        )
        model = onnx.helper.make_model(
            proto, opset_imports=[onnx.helper.make_opsetid("", graph.opset)], ir_version=10
        )
        try:
            found = ReferenceEvaluator(model).run(None, values)
        except (NotImplementedError, RuntimeError, TypeError, ValueError, IndexError):
            return False  # then the operator itself is asked for, and named where it is not covered
    for name, value in zip((o for o in node.outputs if o), found, strict=True):
        array = np.asarray(value)
        graph.arrays[name] = array.astype(np.float32) if array.dtype == np.float64 else array
    return True


def _value_info(name: str, value: Any) -> Any:
    import onnx

    kind = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
    return onnx.helper.make_tensor_value_info(name, kind, value.shape)


def _expanded(node: Node, inputs: list[Any]) -> float:
    """How many elements an expansion has."""
    import numpy as np

    if node.op == "ConstantOfShape":
        return float(np.prod(inputs[0], dtype=np.float64))
    if node.op == "Expand":
        return float(np.prod(np.broadcast_shapes(inputs[0].shape, tuple(inputs[1])), dtype=np.float64))
    if node.op == "Tile":
        return float(inputs[0].size * np.prod(inputs[1], dtype=np.float64))
    if node.op == "Range":
        return float((inputs[1] - inputs[0]) / inputs[2])
    return 0.0


def _transpose(node: Node, x: Any) -> Any:
    return x.transpose(node.attributes.get("perm"))


def _reshape(node: Node, x: Any, shape: Any) -> Any:
    copies = not node.attributes.get("allowzero", 0)
    return x.reshape([x.shape[i] if s == 0 and copies else int(s) for i, s in enumerate(shape)])


_FAST: dict[str, Callable[..., Any]] = {"Transpose": _transpose, "Reshape": _reshape}


def _objects(values: Any) -> Any:
    """A numpy array of int and Size."""
    import numpy as np

    return np.array(values, dtype=object)


def _noted(graph: Graph, name: str, values: Any) -> bool:
    """Notes sizes; whether all of them are numbers, and so the value a constant."""
    import numpy as np

    if any(isinstance(v, Size | Ratio) for v in values.reshape(-1)):
        graph.shapes[name] = values
        return False
    graph.arrays[name] = values.astype(np.int64)
    return True


def _sizes(graph: Graph, node: Node) -> bool:
    """Follows arithmetic on sizes."""
    compute = _ARITHMETIC.get(node.op)
    if compute is None:
        return False
    inputs = []
    for name in node.inputs:
        value = graph.shapes.get(name) if name in graph.shapes else graph.constant(name) if name else None
        if name and (value is None or value.size > _SIZES):
            return False
        is_float = value is not None and value.dtype.kind == "f"
        inputs.append(None if value is None else fractions(value) if is_float else value.astype(object))
    try:
        values = compute(node, *inputs)
    except (_Unknown, TypeError, ZeroDivisionError):
        return False
    for name, value in zip(node.outputs, values if isinstance(values, list) else [values], strict=True):
        array = _objects(value)
        if array.size > _SIZES or not all(isinstance(v, int | Size | Ratio) for v in array.reshape(-1)):
            return False
        done = _noted(graph, name, array)
        if done and node.op in _LOGICAL:
            graph.arrays[name] = graph.arrays[name].astype(bool)
    return all(graph.is_constant(o) for o in node.outputs)


class _Unknown(Exception):
    """What depends on the dimensions."""


def _ints(values: Any) -> list[int]:
    found = [int(v) if not isinstance(v, Size) else None for v in values.reshape(-1)]
    if None in found:
        raise _Unknown
    return found  # type: ignore[return-value]


def _gather(node: Node, data: Any, indices: Any) -> Any:
    import numpy as np

    positions = np.array(_ints(indices), np.int64).reshape(indices.shape)
    return np.take(data, positions, axis=node.attributes.get("axis", 0))


def _slice(node: Node, data: Any, starts: Any, ends: Any, axes: Any = None, steps: Any = None) -> Any:
    begin, end = _ints(starts), _ints(ends)
    along = _ints(axes) if axes is not None else list(range(len(begin)))
    step = _ints(steps) if steps is not None else [1] * len(begin)
    where = [slice(None)] * data.ndim
    for i, axis in enumerate(along):
        last: int | None = end[i]
        if step[i] < 0 and end[i] < -data.shape[axis]:
            last = None
        where[axis] = slice(begin[i], last, step[i])
    return data[tuple(where)]


def _concat(node: Node, *parts: Any) -> Any:
    import numpy as np

    return np.concatenate(parts, axis=node.attributes["axis"])


def _unsqueeze(node: Node, data: Any, axes: Any = None) -> Any:
    import numpy as np

    where = _ints(axes) if axes is not None else list(node.attributes["axes"])
    return np.expand_dims(data, tuple(where))


def _squeeze(node: Node, data: Any, axes: Any = None) -> Any:
    import numpy as np

    return np.squeeze(data, axis=tuple(_ints(axes)) if axes is not None else None)


def _cast(node: Node, data: Any) -> Any:
    import onnx

    kinds = onnx.TensorProto
    # Narrow types round large sizes, which the network then computes in whole numbers.
    if node.attributes["to"] in (kinds.FLOAT, kinds.DOUBLE, kinds.FLOAT16, kinds.BFLOAT16):
        return each(lambda v: v if isinstance(v, Ratio) else Ratio(v, 1), data)
    if node.attributes["to"] not in (kinds.INT64, kinds.INT32):
        raise _Unknown
    return each(lambda v: quotient(v.size, v.by) if isinstance(v, Ratio) else v, data)


def _where(_: Node, condition: Any, a: Any, b: Any) -> Any:
    import numpy as np

    chosen = np.array([bool(c) for c in condition.reshape(-1)], bool).reshape(condition.shape)
    return np.where(chosen, a, b)


def _compare(node: Node, a: Any, b: Any) -> Any:
    import numpy as np

    pairs = np.broadcast(a, b)
    found = [None if isinstance(m, Ratio) or isinstance(n, Ratio) else equal(m, n) for m, n in pairs]
    if None in found:
        raise _Unknown
    return np.array([int(bool(f)) for f in found], dtype=object).reshape(pairs.shape)


def _divide(_: Node, a: Any, b: Any) -> Any:
    """ONNX's integers are divided towards 0."""
    return pairwise(lambda m, n: m / n if isinstance(m, Ratio) else quotient(m, n), a, b)


def _modulo(node: Node, a: Any, b: Any) -> Any:
    """The sign is the divisor's, as Python has it."""
    if node.attributes.get("fmod", 0):
        raise _Unknown
    return pairwise(lambda m, n: m % n, a, b)


def _split(node: Node, data: Any, sizes: Any = None) -> Any:
    import numpy as np

    parts = _ints(sizes) if sizes is not None else [data.shape[0] // len(node.outputs)] * len(node.outputs)
    return list(np.split(data, np.cumsum(parts)[:-1]))


def _reduced(node: Node, data: Any, axes: Any = None) -> Any:
    import numpy as np

    product = np.prod(data) if data.size else 1
    return [product] if node.attributes.get("keepdims", 1) else product


_LOGICAL = ("Equal",)
_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "Gather": _gather,
    "Slice": _slice,
    "Concat": _concat,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Cast": _cast,
    "Where": _where,
    "Equal": _compare,
    "Div": _divide,
    "Split": _split,
    "ReduceProd": _reduced,
    "Identity": lambda _, x: x,
    "Add": lambda _, a, b: a + b,
    "Sub": lambda _, a, b: a - b,
    "Mul": lambda _, a, b: a * b,
    "Mod": _modulo,
    "Neg": lambda _, x: 0 - x,
    "Min": lambda _, a, b: pairwise(smaller, a, b),
    "Max": lambda _, a, b: pairwise(larger, a, b),
    "Floor": lambda _, x: each(Ratio.floor, x),
    "Ceil": lambda _, x: each(Ratio.ceil, x),
    "Reshape": lambda _, x, shape: x.reshape(_ints(shape)),
}
