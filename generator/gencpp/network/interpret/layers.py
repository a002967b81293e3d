"""What each function of INetworkDefinition computes: one function each, in one table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from .indexing import concatenation, gather, shuffle, slice_, top_k
from .selection import non_max_suppression
from .step import Step, require, sizes
from .windows import convolution, deconvolution, pooling, resize


def _activation(step: Step) -> Any:
    import torch
    from torch.nn import functional

    x, a, b = step.x, step["alpha"], step["beta"]
    kinds: dict[str, Callable[[], Any]] = {
        "RELU": lambda: x.relu(),
        "SIGMOID": lambda: x.sigmoid(),
        "TANH": lambda: x.tanh(),
        "LEAKY_RELU": lambda: x.where(x >= 0, a * x),
        "ELU": lambda: x.where(x >= 0, a * x.expm1()),
        "SELU": lambda: b * x.where(x > 0, a * x.expm1()),
        "SOFTSIGN": lambda: x / (1 + x.abs()),
        "SOFTPLUS": lambda: a * functional.softplus(b * x),
        "CLIP": lambda: torch.full_like(x, b).minimum(x).clamp_min(a),
        "HARD_SIGMOID": lambda: (a * x + b).clamp(0, 1),
        "SCALED_TANH": lambda: a * (b * x).tanh(),
        "THRESHOLDED_RELU": lambda: x.where(x > a, torch.zeros_like(x)),
    }
    return kinds[step["activationType"]]()


def _parametric_relu(step: Step) -> Any:
    x, slopes = step.inputs
    _broadcast_to(x, slopes, "slopes")
    return x.where(x >= 0, x * slopes)


def _scale(step: Step) -> Any:
    """(x * scale + shift) ^ power, one value for each channel."""
    x = step.x
    require(x.dim() >= 4, f"takes four dimensions or more, not {sizes(x)}")
    require(step["mode"] == "CHANNEL", f"is not known: {step['mode']}")
    channels = x.shape[step["channelAxis"]]
    shape = [-1] + [1] * (x.dim() - step["channelAxis"] - 1)
    for role in ("scale", "shift", "power"):
        values = step.weights[role]
        if values is None:
            continue
        require(values.numel() == channels, f"{values.numel()} values of {role} for {channels} channels")
        values = values.reshape(shape)
        x = {"scale": x.mul, "shift": x.add, "power": x.pow}[role](values)
    return x


def _normalization(step: Step) -> Any:
    x, weight, bias = step.inputs
    require(step["nbGroups"] == 1, "has groups, which no plan has")
    axes = step.axes("axes")
    _broadcast_to(x, weight, "weight")
    _broadcast_to(x, bias, "bias")
    centred = x - x.mean(dim=axes, keepdim=True)
    variance = centred.square().mean(dim=axes, keepdim=True)
    return centred / (variance + step["epsilon"]).sqrt() * weight + bias


def _broadcast_to(x: Any, other: Any, what: str) -> None:
    fits = all(b in (1, a) for a, b in zip(x.shape, other.shape, strict=True))
    require(fits, f"its {what} {sizes(other)} is not broadcast to {sizes(x)}")


def _soft_max(step: Step) -> Any:
    axes = step.axes("axes")
    require(len(axes) == 1, f"over {len(axes)} dimensions, where one is taken")
    return step.x.softmax(dim=axes[0])


def _element_wise(step: Step) -> Any:
    import torch

    a, b = step.inputs
    kinds: dict[str, Callable[[], Any]] = {
        "SUM": lambda: a + b,
        "PROD": lambda: a * b,
        "MAX": lambda: a.maximum(b),
        "MIN": lambda: a.minimum(b),
        "SUB": lambda: a - b,
        "DIV": lambda: a / b if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc"),
        "POW": lambda: a.pow(b),
        "FLOOR_DIV": lambda: torch.div(a, b, rounding_mode="floor"),
        "AND": lambda: a & b,
        "OR": lambda: a | b,
        "XOR": lambda: a ^ b,
        "EQUAL": lambda: a == b,
        "GREATER": lambda: a > b,
        "LESS": lambda: a < b,
    }
    return kinds[step["operation"]]()


_UNARY: Mapping[str, Callable[[Any], Any]] = {
    "EXP": lambda x: x.exp(),
    "LOG": lambda x: x.log(),
    "SQRT": lambda x: x.sqrt(),
    "RECIP": lambda x: x.reciprocal(),
    "ABS": lambda x: x.abs(),
    "NEG": lambda x: x.neg(),
    "SIN": lambda x: x.sin(),
    "COS": lambda x: x.cos(),
    "TAN": lambda x: x.tan(),
    "SINH": lambda x: x.sinh(),
    "COSH": lambda x: x.cosh(),
    "ASIN": lambda x: x.asin(),
    "ACOS": lambda x: x.acos(),
    "ATAN": lambda x: x.atan(),
    "ASINH": lambda x: x.asinh(),
    "ACOSH": lambda x: x.acosh(),
    "ATANH": lambda x: x.atanh(),
    "CEIL": lambda x: x.ceil(),
    "FLOOR": lambda x: x.floor(),
    "ERF": lambda x: x.erf(),
    "NOT": lambda x: x.logical_not(),
    "SIGN": lambda x: x.sign(),
    "ROUND": lambda x: x.round(),  # halves to even
}


def _unary(step: Step) -> Any:
    return _UNARY[step["operation"]](step.x)


def _reduce(step: Step) -> Any:
    x, axes, keep, operation = step.x, step.axes("reduceAxes"), step["keepDimensions"], step["operation"]
    if operation == "SUM":
        return x.sum(dim=axes, keepdim=keep, dtype=x.dtype)
    if operation == "AVG":
        require(x.is_floating_point(), f"AVG takes no {sizes(x)}")
        return x.mean(dim=axes, keepdim=keep)
    if operation == "PROD":
        for axis in reversed(axes):
            x = x.prod(dim=axis, keepdim=keep, dtype=x.dtype)
        return x
    return {"MAX": x.amax, "MIN": x.amin}[operation](dim=axes, keepdim=keep)


def _matrix_multiply(step: Step) -> Any:
    a, b = step.inputs
    require(a.dim() >= 2, f"takes matrices, not {sizes(a)} and {sizes(b)}")
    turned = {"NONE": False, "TRANSPOSE": True}
    a = a.mT if turned[step["operation0"]] else a
    b = b.mT if turned[step["operation1"]] else b
    return a @ b


def _constant(step: Step) -> Any:
    dims: tuple[int, ...] = step["dimensions"]
    values = step.weights["weights"]
    require(values.numel() == math.prod(dims), f"{values.numel()} values for the dimensions {dims}")
    return values.reshape(dims)


def _shape(step: Step) -> Any:
    import torch

    return torch.tensor(tuple(step.x.shape), dtype=step.index)


def _fill(step: Step) -> Any:
    """LINSPACE with all three of its parameters as tensors."""
    import torch

    length, start, delta = step.inputs
    require(step["operation"] == "LINSPACE", f"fills by {step['operation']}")
    require(length.dim() == delta.dim() == 1 and start.dim() == 0, "takes a length and a step of one element")
    kind = step.call.attributes.get("toType", step.call.attributes.get("outputType"))
    require(start.dtype == delta.dtype == _torch_type(str(kind)), f"counts {kind} in {sizes(start)}")
    return start + torch.arange(int(length[0]), dtype=start.dtype) * delta[0]


def _select(step: Step) -> Any:
    import torch

    return torch.where(*step.inputs)


def _identity(step: Step) -> Any:
    """addIdentity, with `outputType` the cast of TensorRT 8.5."""
    if "outputType" in step.call.attributes:
        return _to(step.x, step["outputType"])
    return step.x


def _cast(step: Step) -> Any:
    return _to(step.x, step["toType"])


def _to(x: Any, name: str) -> Any:
    return x.to(_torch_type(name))


def _torch_type(name: str) -> Any:
    """torch's type of an enumerator of nvinfer1::DataType."""
    import torch

    return {
        "FLOAT": torch.float32,
        "HALF": torch.float16,
        "BF16": torch.bfloat16,
        "INT8": torch.int8,
        "UINT8": torch.uint8,
        "INT32": torch.int32,
        "INT64": torch.int64,
        "BOOL": torch.bool,
    }[name]


def _einsum(step: Step) -> Any:
    import torch

    equation: str = step["equation"]
    terms = equation.partition("->")[0].split(",")
    alone = all(len(set(t.strip())) == len(t.strip()) for t in terms)
    require("." not in equation and alone, f"{equation} has an ellipsis or takes a diagonal")
    return torch.einsum(equation, *step.inputs)


def _quantize(step: Step) -> Any:
    """Halves to even, clamped to int8."""
    import torch

    require(step.call.attributes.get("toType", "INT8") == "INT8", "quantizes to int8 only")
    steps = _steps(step, step.inputs[1])
    return (step.x / steps).round().clamp(-128, 127).to(torch.int8)


def _dequantize(step: Step) -> Any:
    scale = step.inputs[1]
    # before 10.0 the result has the type of the scale
    dtype = _torch_type(step["toType"]) if "toType" in step.call.attributes else scale.dtype
    return (step.x.float() * _steps(step, scale.float())).to(dtype)


def _steps(step: Step, scale: Any) -> Any:
    axis = step["axis"]
    require(bool((scale > 0).all()), "a scale is not positive")
    if scale.dim() == 0:
        require(axis == -1, f"one scale, but the axis is {axis}")
        return scale
    require(0 <= axis < step.x.dim(), f"its axis is {axis} of {sizes(step.x)}")
    fits = scale.dim() == 1 and scale.numel() == step.x.shape[axis]
    require(fits, f"scales {sizes(scale)} for dimension {axis} of {sizes(step.x)}")
    return scale.reshape([-1] + [1] * (step.x.dim() - axis - 1))


TABLE: Mapping[str, Callable[[Step], Any]] = {
    "addActivation": _activation,
    "addCast": _cast,
    "addConcatenation": concatenation,
    "addConstant": _constant,
    "addConvolutionNd": convolution,
    "addDeconvolutionNd": deconvolution,
    "addDequantize": _dequantize,
    "addEinsum": _einsum,
    "addFill": _fill,
    "addNMS": non_max_suppression,
    "addElementWise": _element_wise,
    "addGatherV2": gather,
    "addIdentity": _identity,
    "addMatrixMultiply": _matrix_multiply,
    "addNormalization": _normalization,
    "addParametricReLU": _parametric_relu,
    "addPoolingNd": pooling,
    "addQuantize": _quantize,
    "addReduce": _reduce,
    "addResize": resize,
    "addScaleNd": _scale,
    "addSelect": _select,
    "addShape": _shape,
    "addShuffle": shuffle,
    "addSlice": slice_,
    "addSoftMax": _soft_max,
    "addTopK": top_k,
    "addUnary": _unary,
}
"""By method of INetworkDefinition."""

MOVING = frozenset(
    (
        *("addCast", "addConcatenation", "addConstant", "addDequantize", "addGatherV2", "addIdentity"),
        *("addSelect", "addShape", "addShuffle", "addSlice", "addTopK", "addFill", "addNMS"),
    )
)
"""Those that compute nothing that a narrow type rounds, or see to their types themselves."""
