"""float16 or bfloat16 written into an ONNX graph whose inputs and outputs stay as they are.

TensorRT 10 and later build what the file says (a strongly typed network), so every operand of an operator
must have one type. Which types an operator takes is read from the ONNX standard; a value that is wanted in
both precisions gets one Cast. Exporting `module.half()` instead would need the module, its forward to be
free of float32 constants, and kernels for it on the CPU.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..core.precision import PRECISIONS, Precision
from .graph import infer_shapes, opset_of, replace_nodes
from .names import subgraphs

_FLOAT = 1
"""onnx.TensorProto.DataType"""

_KEPT = frozenset(
    (
        *("Acos", "Asin", "Cosh", "CumSum", "Exp", "Log", "Pow", "Reciprocal", "Sinh", "Softplus", "Tan"),
        *(f"Reduce{kind}" for kind in ("L1", "L2", "LogSum", "LogSumExp", "Prod", "Sum", "SumSquare")),
        *("EyeLike", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"),
        *("Bernoulli", "Multinomial", "If", "Loop", "Scan", "Constant"),
    )
)
"""In float32: what torch.autocast keeps there (but for softmax and normalisations, inside which TensorRT
computes in float32), and operators whose result has a type of its own."""

_FOLLOWING = frozenset(("Add", "Sub", "Mul", "Div", "Sqrt", "ReduceMean", "Neg", "Clip", "Max", "Min"))
"""In float32 where all they get comes from such operators: the variance of a normalisation written out."""


@dataclass
class Converted:
    """What was changed in the graph."""

    clamped: list[str] = field(default_factory=list)
    """Constants with values beyond the precision's largest (masks of -1e9), which are set to it."""


class _Target:
    """What is written into the graph."""

    def __init__(self, precision: Precision) -> None:
        import onnx

        row = PRECISIONS[precision]
        self.suffix = precision.value
        self.kind: int = onnx.TensorProto.DataType.Value(row.onnx)
        self.text = f"tensor({row.title})"
        self.largest = row.largest
        self.numpy: Any = onnx.helper.tensor_dtype_to_np_dtype(self.kind)


class _Types:
    """Element types of a graph's values, and what operators take."""

    def __init__(self, model: Any) -> None:
        self.of: dict[str, int] = {}
        graph = model.graph
        for value in (*graph.input, *graph.output, *graph.value_info):
            self.of[value.name] = value.type.tensor_type.elem_type
        for tensor in graph.initializer:
            self.of[tensor.name] = tensor.data_type
        self._opsets = {o.domain: o.version for o in model.opset_import}

    def variables(self, node: Any) -> tuple[list[str], list[str], dict[str, set[str]]]:
        """(type variable of every input, of every output, types that each variable allows).

        What takes float16, and bfloat16 in a later version of the operator, takes that: convolutions do by
        opset 22, and in TensorRT in files of any.
        """
        import onnx

        schema = onnx.defs.get_schema(node.op_type, self._opsets.get(node.domain, 1), node.domain)
        allowed = {c.type_param_str: set(c.allowed_type_strs) for c in schema.type_constraints}
        newest = onnx.defs.get_schema(node.op_type, domain=node.domain)
        for c in newest.type_constraints:
            if "tensor(float16)" in allowed.get(c.type_param_str, ()):
                allowed[c.type_param_str] |= {"tensor(bfloat16)"} & set(c.allowed_type_strs)

        def names(formal: Any, count: int, side: str) -> list[str]:
            found = []
            for i in range(count):
                parameter = formal[min(i, len(formal) - 1)]
                # Operands of a variadic parameter may be of several types (Loop), but not in what we convert.
                name = parameter.type_str
                if name not in allowed:  # a type, not a variable: it is nobody else's
                    allowed[f"{side}{i}"] = {name}
                    name = f"{side}{i}"
                found.append(name)
            return found

        inputs = names(schema.inputs, len(node.input), "input")
        return inputs, names(schema.outputs, len(node.output), "output"), allowed


def to_precision(model: Any, precision: Precision, keep: Collection[str] = ()) -> Converted:
    """Converts `model`, whose values are all described, to fp16 or bf16.

    Nodes named in `keep` stay in float32.
    """
    converted = Converted()
    types = _Types(model)
    target = _Target(precision)
    graph = model.graph
    wanted = _wanted(graph, types, target, keep)
    weights = {t.name: t for t in graph.initializer}
    borders = {v.name for v in (*graph.input, *graph.output)}
    narrow_weights: dict[str, str] = {}
    made_in = {v.name: types.of[v.name] for v in graph.input} | {n: t.data_type for n, t in weights.items()}
    casts: dict[tuple[str, int], str] = {}
    nodes: list[Any] = []

    def version(name: str, kind: int) -> str:
        """The name of a value in the wanted type, with a Cast where there is none yet."""
        if types.of.get(name) != _FLOAT or made_in[name] == kind:
            return name
        if name in weights:
            return narrow_weights.setdefault(name, f"{name}_{target.suffix}")
        if (name, kind) not in casts:
            casts[name, kind] = _cast(nodes, target, name, kind)
        return casts[name, kind]

    for node, (inputs, outputs) in zip(graph.node, wanted, strict=True):
        new = type(node)()
        new.CopyFrom(node)
        for inner in subgraphs(new):
            _rename_outer(inner, lambda name: version(name, _FLOAT) if name in made_in else name)
        new.input[:] = [version(n, k) for n, k in zip(node.input, inputs, strict=True)]
        nodes.append(new)
        _set_type(new, node, outputs, types, target)
        for i, (name, kind) in enumerate(zip(node.output, outputs, strict=True)):
            made_in[name] = kind if types.of.get(name) == _FLOAT else types.of.get(name, 0)
            if name in borders and made_in[name] != types.of[name]:
                new.output[i] = f"{node.name}_output_{i}_{target.suffix}"
                made_in[name], casts[name, target.kind] = _FLOAT, new.output[i]
                _cast(nodes, target, new.output[i], _FLOAT, name, f"{name}_to_fp32")
    replace_nodes(graph, nodes)
    _convert_weights(model, weights, narrow_weights, target, converted)
    del graph.value_info[:]
    infer_shapes(model, check_types=opset_of(model) >= PRECISIONS[precision].onnx_opset)
    return converted


def mixed_types(model: Any) -> list[str]:
    """Nodes whose operands should have one type and have several; a strongly typed network refuses them."""
    types = _Types(model)
    problems = []
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx") or node.op_type in ("If", "Loop", "Scan"):
            continue
        found: dict[str, set[int]] = {}
        for name, variable in zip(node.input, types.variables(node)[0], strict=True):
            if name and types.of.get(name):
                found.setdefault(variable, set()).add(types.of[name])
        problems += [_told_mixture(node.name, kinds) for kinds in found.values() if len(kinds) > 1]
    return problems


def _told_mixture(node: str, kinds: Collection[int]) -> str:
    import onnx

    names = sorted(onnx.TensorProto.DataType.Name(k).lower() for k in kinds)
    return f"{node} gets {' and '.join(names)}"


def _wanted(
    graph: Any, types: _Types, target: _Target, keep: Collection[str]
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """For every node the types of its inputs and outputs, where they are float32 now."""
    weights = {t.name for t in graph.initializer}
    full: set[str] = set()  # values that float32 operators made
    wanted: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    for node in graph.node:
        floats = [n for n in node.input if types.of.get(n) == _FLOAT and n not in weights]
        follows = node.op_type in _FOLLOWING and bool(floats) and all(n in full for n in floats)
        if node.op_type in _KEPT or node.name in keep or follows or node.domain not in ("", "ai.onnx"):
            full.update(node.output)
            wanted.append(((_FLOAT,) * len(node.input), (_FLOAT,) * len(node.output)))
            continue
        inputs, outputs, allowed = types.variables(node)
        narrow = {v for v, kinds in allowed.items() if target.text in kinds}
        kinds = [tuple(target.kind if v in narrow else _FLOAT for v in side) for side in (inputs, outputs)]
        full.update(n for n, k in zip(node.output, kinds[1], strict=True) if k == _FLOAT)
        wanted.append((kinds[0], kinds[1]))
    return wanted


def _cast(
    nodes: list[Any], target: _Target, name: str, kind: int, output: str = "", node_name: str = ""
) -> str:
    import onnx

    suffix = target.suffix if kind == target.kind else "fp32"
    output = output or f"{name}_{suffix}"
    node_name = node_name or f"{name}_to_{suffix}"
    nodes.append(onnx.helper.make_node("Cast", [name], [output], name=node_name, to=kind))
    return output


def _set_type(new: Any, node: Any, outputs: tuple[int, ...], types: _Types, target: _Target) -> None:
    """The attribute that says the type of the result, where there is one."""
    import numpy as np
    import onnx
    from onnx import numpy_helper

    if types.of.get(node.output[0]) != _FLOAT or outputs[0] != target.kind:
        return
    if node.op_type == "Cast":
        next(a for a in new.attribute if a.name == "to").i = target.kind
    elif node.op_type == "ConstantOfShape":
        given = [numpy_helper.to_array(a.t) for a in node.attribute if a.name == "value"]
        value = (given[0] if given else np.zeros(1)).clip(-target.largest, target.largest)
        value = value.astype(target.numpy)
        del new.attribute[:]
        new.attribute.append(onnx.helper.make_attribute("value", numpy_helper.from_array(value)))


def _rename_outer(graph: Any, new: Any) -> None:
    """Names of the outer graph that a branch or a loop reads."""
    own = {v.name for v in (*graph.input, *graph.initializer)} | {o for n in graph.node for o in n.output}
    for node in graph.node:
        node.input[:] = [n if n in own else new(n) for n in node.input]
        for inner in subgraphs(node):
            _rename_outer(inner, new)
    for output in graph.output:
        if output.name not in own:
            output.name = new(output.name)


def _readers(graph: Any) -> Iterator[str]:
    for node in graph.node:
        yield from node.input
        for inner in subgraphs(node):
            yield from _readers(inner)
            yield from (o.name for o in inner.output)


def _convert_weights(
    model: Any,
    weights: dict[str, Any],
    narrow_weights: dict[str, str],
    target: _Target,
    converted: Converted,
) -> None:
    """Narrow forms under the parameter's own name; a float32 form that is read too is named `_fp32`."""
    import numpy as np
    from onnx import numpy_helper

    graph = model.graph
    still = set(_readers(graph))
    outputs = {o.name for o in graph.output}
    renamed: dict[str, str] = {}
    for name, narrow in narrow_weights.items():
        values = numpy_helper.to_array(weights[name])
        if np.any(np.isfinite(values) & (np.abs(values) > target.largest)):
            converted.clamped.append(f"{name} (up to {float(np.abs(values[np.isfinite(values)]).max()):.3g})")
            values = np.where(np.isfinite(values), values.clip(-target.largest, target.largest), values)
        made = numpy_helper.from_array(values.astype(target.numpy), name)
        if name in outputs:  # which keep their names and their types
            made.name = narrow
            graph.initializer.append(made)
            continue
        if name in still:
            graph.initializer.append(made)
            weights[name].name = renamed[name] = f"{name}_fp32"
        else:
            weights[name].CopyFrom(made)
        renamed[narrow] = name
    _rename_inputs(graph, renamed)


def _rename_inputs(graph: Any, renamed: dict[str, str]) -> None:
    for node in graph.node:
        node.input[:] = [renamed.get(n, n) for n in node.input]
        for inner in subgraphs(node):
            _rename_inputs(inner, renamed)
            for output in inner.output:
                output.name = renamed.get(output.name, output.name)
