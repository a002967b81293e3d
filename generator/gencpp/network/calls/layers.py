"""The calls of each kind of layer: one function each, in the order of plan.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...core.spec import DType
from ..plan import (
    Activation,
    Cast,
    Concatenation,
    Constant,
    Convolution,
    Deconvolution,
    Dequantize,
    Einsum,
    ElementWise,
    Gather,
    Gelu,
    HardSwish,
    Identity,
    Iota,
    Layer,
    Linear,
    MatrixMultiply,
    NonMaxSuppression,
    Normalization,
    ParametricRelu,
    Pooling,
    Quantize,
    Reduce,
    Resize,
    Scale,
    Select,
    Shape,
    Shuffle,
    Silu,
    Sizes,
    Slice,
    SliceFill,
    SoftMax,
    TopK,
    Unary,
)
from .call import Value
from .recorder import Recorder, float32

_GELU_TANH = (0.044715, 0.7978845608028654)
"""gelu(x) ~ x / 2 (1 + tanh(b (x + a x^3))); b is sqrt(2 / pi)"""


def _constant(r: Recorder, layer: Constant) -> None:
    weights = r.array(layer.weight) if layer.weight else r.values(layer.values, layer.dtype)
    r.last("addConstant", (), (("weights", weights),), dimensions=layer.dims)


def _convolution(r: Recorder, layer: Convolution | Deconvolution) -> None:
    dims = r.weight(layer.weight).dims
    transposed = isinstance(layer, Deconvolution)
    r.last(
        "addDeconvolutionNd" if transposed else "addConvolutionNd",
        (r.x,),
        (("kernel", r.array(layer.weight)), ("bias", r.optional(layer.bias, layer.weight))),
        nbOutputMaps=dims[1] * layer.groups if transposed else dims[0],
        kernelSizeNd=dims[2:],
        strideNd=layer.stride,
        prePadding=layer.pre_padding,
        postPadding=layer.post_padding,
        dilationNd=layer.dilation,
        nbGroups=layer.groups,
    )


def _linear(r: Recorder, layer: Linear) -> None:
    rank = len(r.tensor(r.x).dims)
    dims = r.weight(layer.weight).dims
    weight = r.weight_constant(layer.weight, (1,) * (rank - 2) + dims)
    operations: dict[str, Value] = {
        "operation0": "NONE",
        "operation1": "TRANSPOSE" if layer.transposed else "NONE",
    }
    if not layer.bias:
        r.last("addMatrixMultiply", (r.x, weight), **operations)
        return
    product = r.inner("addMatrixMultiply", "matmul", (r.x, weight), (), **operations)
    bias = r.weight_constant(layer.bias, (1,) * (rank - 1) + r.weight(layer.bias).dims)
    r.last("addElementWise", (product, bias), operation="SUM")


def _scale(r: Recorder, layer: Scale) -> None:
    none = r.optional("", layer.scale)
    weights = (
        ("shift", r.optional(layer.shift, layer.scale)),
        ("scale", r.array(layer.scale)),
        ("power", none),
    )
    r.last("addScaleNd", (r.x,), weights, mode="CHANNEL", channelAxis=1)


def _normalization(r: Recorder, layer: Normalization) -> None:
    axes = _mask(layer.axes)
    epsilon = float32(layer.epsilon)
    if r.api >= 806:
        weight = r.weight_constant(layer.weight, layer.dims)
        bias = r.weight_constant(layer.bias, layer.dims)
        r.last("addNormalization", (r.x, weight, bias), epsilon=epsilon, axes=axes, nbGroups=1)
        return
    dtype = r.tensor(r.x).dtype
    mean = r.inner("addReduce", "mean", (r.x,), operation="AVG", reduceAxes=axes, keepDimensions=True)
    centred = _elementwise(r, "centred", "SUB", r.x, mean)
    squared = _elementwise(r, "squared", "PROD", centred, centred)
    variance = r.inner(
        "addReduce", "variance", (squared,), operation="AVG", reduceAxes=axes, keepDimensions=True
    )
    constant = r.constant("epsilon", (1,) * len(layer.dims), (epsilon,), dtype)
    stable = _elementwise(r, "stable", "SUM", variance, constant)
    deviation = r.inner("addUnary", "deviation", (stable,), operation="SQRT")
    normalized = _elementwise(r, "normalized", "DIV", centred, deviation)
    scaled = _elementwise(r, "scaled", "PROD", normalized, r.weight_constant(layer.weight, layer.dims))
    r.last("addElementWise", (scaled, r.weight_constant(layer.bias, layer.dims)), operation="SUM")


def _activation(r: Recorder, layer: Activation) -> None:
    r.last(
        "addActivation",
        (r.x,),
        activationType=layer.activation.value,
        alpha=float32(layer.alpha),
        beta=float32(layer.beta),
    )


def _parametric_relu(r: Recorder, layer: ParametricRelu) -> None:
    r.last("addParametricReLU", layer.inputs)


def _gelu(r: Recorder, layer: Gelu) -> None:
    if layer.tanh:
        squared = _elementwise(r, "squared", "PROD", r.x, r.x)
        cubed = _elementwise(r, "cubed", "PROD", squared, r.x)
        bent = _elementwise(r, "bent", "PROD", cubed, _scalar(r, "a", _GELU_TANH[0]))
        sum_ = _elementwise(r, "sum", "SUM", r.x, bent)
        inside = _elementwise(r, "inside", "PROD", sum_, _scalar(r, "b", _GELU_TANH[1]))
        curve = r.inner("addActivation", "tanh", (inside,), activationType="TANH", alpha=0.0, beta=0.0)
    else:
        inside = _elementwise(r, "inside", "PROD", r.x, _scalar(r, "sqrt_half", 0.5**0.5))
        curve = r.inner("addUnary", "erf", (inside,), operation="ERF")
    raised = _elementwise(r, "raised", "SUM", curve, _scalar(r, "one", 1.0))
    twice = _elementwise(r, "twice", "PROD", r.x, raised)
    r.last("addElementWise", (twice, _scalar(r, "half", 0.5)), operation="PROD")


def _silu(r: Recorder, layer: Silu) -> None:
    gate = r.inner("addActivation", "sigmoid", (r.x,), activationType="SIGMOID", alpha=0.0, beta=0.0)
    r.last("addElementWise", (r.x, gate), operation="PROD")


def _hard_swish(r: Recorder, layer: HardSwish) -> None:
    gate = r.inner(
        "addActivation",
        "hard_sigmoid",
        (r.x,),
        activationType="HARD_SIGMOID",
        alpha=float32(1.0 / 6.0),
        beta=0.5,
    )
    r.last("addElementWise", (r.x, gate), operation="PROD")


def _pooling(r: Recorder, layer: Pooling) -> None:
    r.last(
        "addPoolingNd",
        (r.x,),
        poolingType=layer.pooling.value,
        windowSizeNd=layer.window,
        strideNd=layer.stride,
        prePadding=layer.pre_padding,
        postPadding=layer.post_padding,
        paddingMode="EXPLICIT_ROUND_UP" if layer.ceil else "EXPLICIT_ROUND_DOWN",
        averageCountExcludesPadding=layer.exclude_padding,
    )


def _element_wise(r: Recorder, layer: ElementWise) -> None:
    r.last("addElementWise", layer.inputs, operation=layer.operation.value)


def _unary(r: Recorder, layer: Unary) -> None:
    r.last("addUnary", layer.inputs, operation=layer.operation.value)


def _reduce(r: Recorder, layer: Reduce) -> None:
    r.last(
        "addReduce",
        (r.x,),
        operation=layer.operation.value,
        reduceAxes=_mask(layer.axes),
        keepDimensions=layer.keep,
    )


def _soft_max(r: Recorder, layer: SoftMax) -> None:
    r.last("addSoftMax", (r.x,), axes=_mask((layer.axis,)))


def _matrix_multiply(r: Recorder, layer: MatrixMultiply) -> None:
    r.last(
        "addMatrixMultiply",
        layer.inputs,
        operation0="TRANSPOSE" if layer.transpose_a else "NONE",
        operation1="TRANSPOSE" if layer.transpose_b else "NONE",
    )


def _concatenation(r: Recorder, layer: Concatenation) -> None:
    r.last("addConcatenation", layer.inputs, axis=layer.axis)


def _slice(r: Recorder, layer: Slice) -> None:
    start, size, stride = (*layer.inputs[1:], "", "", "")[:3]
    attributes: dict[str, Value] = {"mode": layer.outside.value}
    if not start:
        attributes["start"] = layer.start
    if not size:
        sizes, size = _sizes_like_input(r, layer.size)
        if not size:
            attributes["size"] = sizes
    if not stride:
        attributes["stride"] = layer.stride
    fill = ""
    if layer.outside is SliceFill.fill:
        fill = r.constant("fill", (), (layer.fill_value,), r.tensor(r.x).dtype)
    r.last("addSlice", (r.x, start, size, stride, fill), **attributes)


def _gather(r: Recorder, layer: Gather) -> None:
    r.last(
        "addGatherV2",
        layer.inputs,
        mode=layer.gather.value,
        gatherAxis=layer.axis,
        nbElementWiseDims=layer.batch_dims,
    )


def _shuffle(r: Recorder, layer: Shuffle) -> None:
    attributes: dict[str, Value] = {"zeroIsPlaceholder": True}
    if layer.first_transpose:
        attributes["firstTranspose"] = layer.first_transpose
    if layer.reshape or layer.to_scalar:
        attributes["reshapeDimensions"] = layer.reshape
    if layer.second_transpose:
        attributes["secondTranspose"] = layer.second_transpose
    r.last("addShuffle", layer.inputs, **attributes)


def _shape(r: Recorder, layer: Shape) -> None:
    r.last("addShape", (r.x,))


def _resize(r: Recorder, layer: Resize) -> None:
    attributes: dict[str, Value] = {
        "interpolationMode": layer.resize.value,
        "coordinateTransformation": layer.coordinates.value,
        "selectorForSinglePixel": "FORMULA",
        "nearestRounding": layer.rounding.value,
        "cubicCoeff": float32(layer.cubic_coefficient),
        "excludeOutside": layer.exclude_outside,
    }
    size = layer.inputs[1] if len(layer.inputs) > 1 else ""
    if layer.scales:
        attributes["scales"] = tuple(float32(s) for s in layer.scales)
    elif not size:
        sizes, size = _sizes_like_input(r, layer.sizes)
        if not size:
            attributes["outputDimensions"] = sizes
    r.last("addResize", (r.x, size), **attributes)


def _top_k(r: Recorder, layer: TopK) -> None:
    r.last("addTopK", (r.x,), operation=layer.operation.value, k=layer.k, reduceAxes=_mask((layer.axis,)))


def _select(r: Recorder, layer: Select) -> None:
    r.last("addSelect", layer.inputs)


def _cast(r: Recorder, layer: Cast) -> None:
    if r.api >= 806:
        r.last("addCast", (r.x,), toType=r.type_name(layer.to))
    else:
        r.last("addIdentity", (r.x,), outputType=r.type_name(layer.to))


def _identity(r: Recorder, layer: Identity) -> None:
    r.last("addIdentity", (r.x,))


def _einsum(r: Recorder, layer: Einsum) -> None:
    r.last("addEinsum", layer.inputs, equation=layer.equation)


def _quantize(r: Recorder, layer: Quantize | Dequantize) -> None:
    scale = r.weight(layer.scale)
    tensor = r.weight_constant(layer.scale, scale.dims)
    # -1: one scale for the whole tensor
    attributes: dict[str, Value] = {"axis": layer.axis if scale.dims else -1}
    quantizes = isinstance(layer, Quantize)
    if r.api >= 1000:
        attributes["toType"] = "INT8" if quantizes else r.type_name(scale.dtype)
    r.last("addQuantize" if quantizes else "addDequantize", (r.x, tensor), **attributes)


def _iota(r: Recorder, layer: Iota) -> None:
    start = r.constant("start", (), (0,), DType.int64)
    step = r.constant("step", (1,), (1,), DType.int64)
    kind: dict[str, Value] = {"toType" if r.api >= 1000 else "outputType": r.type_name(DType.int64)}
    r.last("addFill", (r.x, start, step), operation="LINSPACE", **kind)


def _non_max_suppression(r: Recorder, layer: NonMaxSuppression) -> None:
    most = r.constant("most", (), (layer.most,), DType.int32)
    overlap = r.constant("overlap", (), (layer.overlap,), DType.float32)
    score = r.constant("score", (), (layer.score,), DType.float32)
    r.last_of_two(
        "addNMS",
        (*layer.inputs, most, overlap, score),
        "count",
        boundingBoxFormat="CENTER_SIZES" if layer.centred else "CORNER_PAIRS",
        topKBoxLimit=layer.limit,
    )


CALLERS: Mapping[type[Layer], Callable[[Recorder, Any], None]] = {
    Constant: _constant,
    Convolution: _convolution,
    Deconvolution: _convolution,
    Linear: _linear,
    Scale: _scale,
    Normalization: _normalization,
    Activation: _activation,
    ParametricRelu: _parametric_relu,
    Gelu: _gelu,
    Silu: _silu,
    HardSwish: _hard_swish,
    Pooling: _pooling,
    ElementWise: _element_wise,
    Unary: _unary,
    Reduce: _reduce,
    SoftMax: _soft_max,
    MatrixMultiply: _matrix_multiply,
    Concatenation: _concatenation,
    Slice: _slice,
    Gather: _gather,
    Shuffle: _shuffle,
    Shape: _shape,
    Resize: _resize,
    TopK: _top_k,
    Select: _select,
    Cast: _cast,
    Identity: _identity,
    Einsum: _einsum,
    Quantize: _quantize,
    Dequantize: _quantize,
    Iota: _iota,
    NonMaxSuppression: _non_max_suppression,
}


def _elementwise(r: Recorder, what: str, operation: str, a: str, b: str) -> str:
    return r.inner("addElementWise", what, (a, b), operation=operation)


def _scalar(r: Recorder, what: str, value: float) -> str:
    """A constant that broadcasts over x, in its type."""
    x = r.tensor(r.x)
    return r.constant(what, (1,) * len(x.dims), (value,), x.dtype)


def _sizes_like_input(r: Recorder, sizes: Sizes) -> tuple[Sizes, str]:
    """Sizes in which -1 means the size of x: known ones, or a tensor where x varies there."""
    dims = r.tensor(r.x).dims
    known = tuple(own if size == -1 else size for size, own in zip(sizes, dims, strict=True))
    if -1 not in known:
        return known, ""
    rank = (len(known),)
    shape = r.inner("addShape", "shape", (r.x,))
    mask = r.constant("mask", rank, [size == -1 for size in known], DType.int64)
    kept = _elementwise(r, "kept", "PROD", shape, mask)
    rest = r.constant("known", rank, [max(size, 0) for size in known], DType.int64)
    return (), _elementwise(r, "size", "SUM", kept, rest)


def _mask(axes: Sequence[int]) -> int:
    return sum(1 << axis for axis in axes)
