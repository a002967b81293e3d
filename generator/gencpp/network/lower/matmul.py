"""Products of matrices: with constant weights as Linear, otherwise MatrixMultiply; Einsum."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..plan import Einsum, ElementWiseKind, Layer, Linear, MatrixMultiply
from .builder import Builder
from .conv import weights_of_operand
from .graph import Node
from .layers import NotCovered, Tensor
from .sizes import Dims

_LINEAR = ("Linear", "NonDynamicallyQuantizableLinear")
"""Modules that keep their weights as (out, in)."""


def matmul(b: Builder, node: Node) -> None:
    """MatMul"""
    a, c = node.input(0), node.input(1)
    weights = b.graph.constant(c)
    if weights is not None and weights.ndim == 2 and not b.graph.is_constant(a) and len(b.dims_of(a)) > 1:
        linear(b, b.tensor(a), weights, c, out=b.output())
        return
    left, right = b.tensor(a), b.tensor(c)
    vectors = (left.rank == 1, right.rank == 1)
    if vectors[0]:
        left = b.reshape(left, (1, *left.dims))
    if vectors[1]:
        right = b.reshape(right, (*right.dims, 1))
    rank = max(left.rank, right.rank)
    out = "" if any(vectors) else b.output()
    result = b.add(MatrixMultiply, [b.ranked(left, rank), b.ranked(right, rank)], "matmul", out=out)
    if any(vectors):
        rows = () if vectors[0] else result.dims[-2:-1]
        columns = () if vectors[1] else result.dims[-1:]
        b.reshape(result, (*result.dims[:-2], *rows, *columns), out=b.output())


def linear(
    b: Builder,
    x: Tensor,
    weights: Any,
    source: str,
    *,
    transposed: bool = False,
    bias: Any = None,
    bias_source: str = "",
    out: str = "",
) -> Tensor:
    """x @ weights, or x @ weights^T where they are (out, in) already."""
    import numpy as np

    if not transposed and b.graph.modules.get(b.node.module) in _LINEAR:
        weights, source, transposed = np.ascontiguousarray(weights.T), f"{source} transposed", True
    fields: dict[str, Any] = {"weight": b.weight(weights, source), "transposed": transposed}
    if bias is not None:
        fields["bias"] = b.weight(bias, bias_source)
    return b.add(Linear, [x], "linear", out=out, **fields)


def biased(b: Builder, node: Node) -> bool:
    """Add of a constant to what a Linear without bias gives: a Linear with it. Whether it was one."""
    for i in (0, 1):
        product, bias = node.input(i), node.input(1 - i)
        tensor, values = b.known(product), b.graph.constant(bias)
        if tensor is None or values is None or b.graph.uses[product] != 1:
            continue
        layer = b.maker(tensor)
        width = tensor.dims[-1] if tensor.dims else 0
        fits = values.size == values.shape[-1] == width if values.ndim else False
        if not isinstance(layer, Linear) or layer.bias or not fits or values.ndim > tensor.rank:
            continue
        if owner := _owner(b, layer.module, bias):
            _owned(b, layer, owner, values.reshape(-1), bias)
        else:
            replaced(b, layer, b.output(), bias=b.weight(values.reshape(-1), bias))
        return True
    return False


def _owner(b: Builder, module: str, bias: str) -> str:
    """The torch.nn.Linear within the module whose product this is, by its bias; "" where there is none.

    Modules call torch.nn.functional.linear with weights of their own layers. Equal biases of several
    blocks may be one constant, which has the name of the first.
    """
    if b.graph.modules.get(module) in _LINEAR or not b.graph.is_parameter(bias):
        return ""
    path, _, kind = bias.rpartition(".")
    owner = f"{module}.{path.rpartition('.')[2]}".removeprefix(".")
    users = [n for n in b.graph.nodes if bias in n.inputs and n.module == b.node.module]
    known = kind == "bias" and b.graph.modules.get(owner) in _LINEAR
    return owner if known and len(users) == 1 else ""


def _owned(b: Builder, layer: Linear, owner: str, bias: Any, source: str) -> None:
    """The same product, as the module `owner`."""
    made = next(m for m in reversed(b.made) if m.layer is layer)
    out, here = b.output(), b.node
    b.node = dataclasses.replace(made.node, module=owner)
    weight = b.arrays[layer.weight]
    linear(
        b,
        b.tensors[layer.inputs[0]],
        weight.values,
        weight.source,
        transposed=layer.transposed,
        bias=bias,
        bias_source=source,
        out=out,
    )
    b.node = here


def replaced(b: Builder, layer: Layer, out: str, **fields: Any) -> Tensor:
    """The same layer, at its node, with other fields and another output; what nothing uses is dropped."""
    made = next(m for m in reversed(b.made) if m.layer is layer)
    here, b.node = b.node, made.node
    kept = {f.name: getattr(layer, f.name) for f in dataclasses.fields(layer)}
    inputs = [b.tensors[i] for i in layer.inputs]
    dims = b.tensors[layer.outputs[0]].dims
    for name in ("name", "module", "inputs", "outputs"):
        kept.pop(name)
    try:
        return b.add(type(layer), inputs, made.what, out=out, shape=dims, **kept | fields)
    finally:
        b.node = here


def gemm(b: Builder, node: Node) -> None:
    """alpha * A' @ B' + beta * C"""
    alpha, beta = node.attributes.get("alpha", 1.0), node.attributes.get("beta", 1.0)
    weights = weights_of_operand(b, node.input(1))
    a = b.tensor(node.input(0))
    if node.attributes.get("transA", 0):
        a = b.transpose(a, (1, 0))
    bias = node.input(2)
    values = b.graph.constant(bias) if bias else None
    transposed = bool(node.attributes.get("transB", 0))
    if weights is not None and (not bias or values is not None):
        width = weights.shape[0 if transposed else 1]
        if values is None or (values.size in (1, width) and (values.ndim < 2 or values.shape[0] == 1)):
            _gemm_linear(b, a, weights, values, width, transposed, alpha, beta)
            return
    product = b.add(MatrixMultiply, [a, b.tensor(node.input(1))], "matmul", transpose_b=transposed, out="")
    if alpha != 1.0:
        product = b.elementwise(ElementWiseKind.multiply, product, b.scalar(alpha, product))
    if not bias:
        b.same(product)
        return
    added = b.tensor(bias)
    if beta != 1.0:
        added = b.elementwise(ElementWiseKind.multiply, added, b.scalar(beta, added))
    b.elementwise(ElementWiseKind.add, product, added, out=b.output())


def _gemm_linear(
    b: Builder,
    a: Tensor,
    weights: Any,
    values: Any,
    width: int,
    transposed: bool,
    alpha: float,
    beta: float,
) -> None:
    import numpy as np

    source, bias_source = b.node.input(1), b.node.input(2)
    if alpha != 1.0:
        weights, source = weights * weights.dtype.type(alpha), f"{source} times alpha"
    if values is not None:
        bias = np.broadcast_to(values.reshape(-1), (width,))
        if beta != 1.0:
            bias, bias_source = bias * bias.dtype.type(beta), f"{bias_source} times beta"
        values = bias
    linear(
        b,
        a,
        weights,
        source,
        transposed=transposed,
        bias=values,
        bias_source=bias_source,
        out=b.output(),
    )


def einsum(b: Builder, node: Node) -> None:
    """Einsum of one or two operands; `...` is written out."""
    equation = node.attributes["equation"].replace(" ", "")
    left, arrow, right = equation.partition("->")
    operands = left.split(",")
    inputs = [b.x(i) for i in range(len(node.inputs))]
    if len(operands) > 2:
        raise NotCovered(f"has {len(operands)} operands")
    dims: list[Dims] = [t.dims for t in inputs]
    free = [c for c in "abcdefghijklmnopqrstuvwxyz" if c not in equation.lower()]
    extra = max(
        (len(d) - len(o.replace("...", "")) for o, d in zip(operands, dims, strict=True) if "..." in o),
        default=0,
    )
    if extra > len(free):
        raise NotCovered(f"has too many dimensions for {equation}")
    dots = "".join(free[:extra])
    if not arrow:
        letters = sorted(c for c in set(left) - set(",.") if left.count(c) == 1)
        right = ("..." if "..." in left else "") + "".join(letters)
    written = []
    for operand, sizes in zip(operands, dims, strict=True):
        count = len(sizes) - len(operand.replace("...", ""))
        labels = operand.replace("...", dots[len(dots) - count :] if count else "")
        if len(set(labels)) != len(labels):
            raise NotCovered(f"takes a diagonal: {equation}")
        written.append(labels)
    whole = f"{','.join(written)}->{right.replace('...', dots)}"
    b.add(Einsum, inputs, "einsum", out=b.output(), equation=_lower_case(whole))


def _lower_case(equation: str) -> str:
    """TensorRT takes lower-case letters only."""
    free = iter(c for c in "abcdefghijklmnopqrstuvwxyz" if c not in equation)
    for letter in sorted({c for c in equation if c.isupper()}):
        equation = equation.replace(letter, next(free))
    return equation
