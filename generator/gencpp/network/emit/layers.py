"""How each kind of layer is written: one small function a kind, the mirror of trt_layers.hpp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...core.cpp import string_literal
from ...core.errors import UsageError
from ...core.spec import DType
from .. import plan as p
from .steps import LayerStep
from .values import Value, code


@dataclass(frozen=True, slots=True)
class Written:
    """A layer with the expressions of its inputs; every other text is asked for by the field's name."""

    step: LayerStep
    inputs: tuple[str, ...]

    @property
    def x(self) -> str:
        """The first input."""
        return self.inputs[0]

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.text("name")

    def text(self, field: str) -> str:
        """A value, or "" for weights that the layer does not have."""
        found = self.step.values.get(field)
        return '""' if found is None else code(*found)

    def value(self, field: str) -> Value:
        """A value that is no text yet."""
        return self.step.values[field][1]

    def items(self, field: str) -> str:
        """The elements of a list."""
        values = getattr(self.step.layer, field)
        known = self.step.values
        return ", ".join(
            code(*known[f"{field}[{i}]"]) if f"{field}[{i}]" in known else str(v)
            for i, v in enumerate(values)
        )

    def dims(self, field: str) -> str:
        """The elements of a list as Dims."""
        return f"Dims{{{self.items(field)}}}"

    def names(self, *fields: str) -> list[str]:
        """The weights' names, where C++ does not find them by the layer's."""
        return [self.text(f) for f in fields] if any(f in self.step.values for f in fields) else []


def expression(step: LayerStep, inputs: Sequence[str]) -> str:
    """The call that makes the layer."""
    return WRITERS[type(step.layer)](Written(step, tuple(inputs)))


def _call(method: str, *arguments: str) -> str:
    return f"net.{method}({', '.join(arguments)})"


def _simple(method: str) -> Callable[[Written], str]:
    return lambda w: _call(method, *w.inputs, w.name)


_TYPES = {
    DType.float32: "nvinfer1::DataType::kFLOAT",
    DType.float16: "nvinfer1::DataType::kHALF",
    DType.bfloat16: "nvinfer1::DataType::kBF16",
    DType.int8: "nvinfer1::DataType::kINT8",
    DType.int32: "nvinfer1::DataType::kINT32",
    DType.int64: "kIndexType",
    DType.bool_: "nvinfer1::DataType::kBOOL",
}


def _type(dtype: DType) -> str:
    if dtype not in _TYPES:
        raise UsageError(f"TensorRT 8.5 has no type {dtype.value}")
    return _TYPES[dtype]


def _constant(w: Written) -> str:
    layer = w.step.layer
    assert isinstance(layer, p.Constant)
    if layer.weight:
        names = w.names("weight")
        return _call("constant", w.name, *([*names, w.dims("dims")] if names else []))
    if layer.dtype is DType.int64:
        return _call("integers", w.name, w.dims("dims"), f"{{{w.items('values')}}}")
    more = [] if layer.dtype is DType.float32 else [_type(layer.dtype)]
    return _call("constant", w.name, w.dims("dims"), f"{{{w.items('values')}}}", *more)


def _window(w: Written, begin: str) -> str:
    text = begin
    if (stride := w.value("stride")) != 1:
        text += f".stride({code('spatial', stride)})"
    before, after = w.value("pre_padding"), w.value("post_padding")
    if before == after:
        text += f".padding({code('spatial', before)})" if before != 0 else ""
    else:
        text += f".padding({code('spatial', before)}, {code('spatial', after)})"
    return text


def _convolution(method: str) -> Callable[[Written], str]:
    def write(w: Written) -> str:
        window = _window(w, "Window()")
        for field in ("dilation", "groups"):
            if w.value(field) != 1:
                window += f".{field}({w.text(field)})"
        names = w.names("weight", "bias")
        return _call(method, w.x, w.name, *([window] if names or window != "Window()" else []), *names)

    return write


def _linear(w: Written) -> str:
    assert isinstance(w.step.layer, p.Linear)
    return _call("linear" if w.step.layer.transposed else "project", w.x, w.name, *w.names("weight", "bias"))


def _scale(w: Written) -> str:
    return _call("scale", w.x, w.name, *w.names("scale", "shift"))


def _normalization(w: Written) -> str:
    how = (w.dims("axes"), w.dims("dims"), w.text("epsilon"))
    return _call("normalization", w.x, w.name, *how, *w.names("weight", "bias"))


def _activation(w: Written) -> str:
    layer = w.step.layer
    assert isinstance(layer, p.Activation)
    if layer.activation in (p.ActivationKind.relu, p.ActivationKind.sigmoid, p.ActivationKind.tanh):
        return _call(layer.activation.name, w.x, w.name)
    bounds = (w.text("alpha"), w.text("beta"))
    if layer.activation is p.ActivationKind.clip:
        return _call("clip", w.x, w.name, *bounds)
    kind = f"nvinfer1::ActivationType::k{layer.activation.value}"
    return _call("activation", w.x, w.name, kind, *bounds)


def _gelu(w: Written) -> str:
    assert isinstance(w.step.layer, p.Gelu)
    return _call("gelu_tanh" if w.step.layer.tanh else "gelu", w.x, w.name)


def _pooling(w: Written) -> str:
    layer = w.step.layer
    assert isinstance(layer, p.Pooling)
    window = _window(w, f"Window({w.text('window')})")
    window += ".ceil()" if layer.ceil else ""
    window += ".exclude_padding()" if layer.exclude_padding else ""
    maximum = layer.pooling is p.PoolingKind.maximum
    return _call("max_pool" if maximum else "average_pool", w.x, w.name, window)


_ARITHMETIC = (
    p.ElementWiseKind.add,
    p.ElementWiseKind.subtract,
    p.ElementWiseKind.multiply,
    p.ElementWiseKind.divide,
)


def _element_wise(w: Written) -> str:
    layer = w.step.layer
    assert isinstance(layer, p.ElementWise)
    if layer.operation in _ARITHMETIC:
        return _call(layer.operation.name, *w.inputs, w.name)
    kind = f"nvinfer1::ElementWiseOperation::k{layer.operation.value}"
    return _call("elementwise", *w.inputs, w.name, kind)


def _unary(w: Written) -> str:
    assert isinstance(w.step.layer, p.Unary)
    return _call("unary", w.x, w.name, f"nvinfer1::UnaryOperation::k{w.step.layer.operation.value}")


def _reduce(w: Written) -> str:
    layer = w.step.layer
    assert isinstance(layer, p.Reduce)
    how = (w.dims("axes"), code("bool", layer.keep))
    if layer.operation is p.ReduceKind.mean:
        return _call("mean", w.x, w.name, *how)
    return _call("reduce", w.x, w.name, f"nvinfer1::ReduceOperation::k{layer.operation.value}", *how)


def _softmax(w: Written) -> str:
    assert isinstance(w.step.layer, p.SoftMax)
    return _call("softmax", w.x, w.name, str(w.step.layer.axis))


def _matmul(w: Written) -> str:
    layer = w.step.layer
    assert isinstance(layer, p.MatrixMultiply)
    flags = [layer.transpose_a, layer.transpose_b]
    while flags and not flags[-1]:
        flags.pop()
    return _call("matmul", *w.inputs, w.name, *(code("bool", f) for f in flags))


def _concatenation(w: Written) -> str:
    assert isinstance(w.step.layer, p.Concatenation)
    return _call("concat", f"{{{', '.join(w.inputs)}}}", w.name, str(w.step.layer.axis))


def _slice(w: Written) -> str:
    layer = w.step.layer
    assert isinstance(layer, p.Slice)
    computed = [*w.inputs[1:], "", "", ""]
    how = [c or w.dims(f) for c, f in zip(computed, ("start", "size", "stride"), strict=False)]
    if layer.outside is not p.SliceFill.strict:
        how.append(f"nvinfer1::SampleMode::k{layer.outside.value}")
    if layer.outside is p.SliceFill.fill:
        how.append(w.text("fill_value"))
    return _call("slice", w.x, w.name, *how)


def _gather(w: Written) -> str:
    layer = w.step.layer
    assert isinstance(layer, p.Gather)
    if layer.gather is p.GatherKind.default and layer.batch_dims == 0:
        return _call("gather", *w.inputs, w.name, str(layer.axis))
    how = (f"nvinfer1::GatherMode::k{layer.gather.value}", str(layer.axis), str(layer.batch_dims))
    return _call("gather", *w.inputs, w.name, *how)


def _shuffle(w: Written) -> str:
    layer = w.step.layer
    assert isinstance(layer, p.Shuffle)
    computed = w.inputs[1] if len(w.inputs) > 1 else ""
    transposes = [f for f in ("first_transpose", "second_transpose") if getattr(layer, f)]
    reshapes = bool(computed or layer.reshape or layer.to_scalar)
    if len(transposes) == 1 and not reshapes:
        return _call("transpose", w.x, w.name, w.dims(transposes[0]))
    if not transposes and not layer.to_scalar and reshapes:
        return _call("reshape", w.x, w.name, computed or w.dims("reshape"))
    parts = [w.dims("first_transpose"), computed or w.dims("reshape"), w.dims("second_transpose")]
    parts += ["true"] if layer.to_scalar else []
    return _call("shuffle", w.x, w.name, f"Reshuffle{{{', '.join(parts)}}}")


def _resize(w: Written) -> str:
    layer = w.step.layer
    assert isinstance(layer, p.Resize)
    how = [
        f"nvinfer1::InterpolationMode::k{layer.resize.value}",
        f"nvinfer1::ResizeCoordinateTransformation::k{layer.coordinates.value}",
        f"nvinfer1::ResizeRoundMode::k{layer.rounding.value}",
        w.text("cubic_coefficient"),
        code("bool", layer.exclude_outside),
    ]
    defaults = ["", "", "nvinfer1::ResizeRoundMode::kFLOOR", code("float", -0.75), "false"]
    while how[-1] == defaults[len(how) - 1]:
        how.pop()
    interpolation = f"Interpolation{{{', '.join(how)}}}"
    if layer.scales:
        return _call("rescale", w.x, w.name, f"{{{w.items('scales')}}}", interpolation)
    sizes = w.inputs[1] if len(w.inputs) > 1 else w.dims("sizes")
    return _call("resize", w.x, w.name, sizes, interpolation)


def _top_k(w: Written) -> str:
    layer = w.step.layer
    assert isinstance(layer, p.TopK)
    kind = f"nvinfer1::TopKOperation::k{layer.operation.value}"
    return _call("top_k", w.x, w.name, kind, str(layer.k), str(layer.axis))


def _cast(w: Written) -> str:
    assert isinstance(w.step.layer, p.Cast)
    return _call("cast", w.x, w.name, _type(w.step.layer.to))


def _einsum(w: Written) -> str:
    assert isinstance(w.step.layer, p.Einsum)
    inputs = f"{{{', '.join(w.inputs)}}}"
    return _call("einsum", inputs, w.name, string_literal(w.step.layer.equation))


def _quantized(method: str) -> Callable[[Written], str]:
    def write(w: Written) -> str:
        assert isinstance(w.step.layer, p.Quantize | p.Dequantize)
        return _call(method, w.x, w.name, w.text("scale"), str(w.step.layer.axis))

    return write


def _suppression(w: Written) -> str:
    layer = w.step.layer
    assert isinstance(layer, p.NonMaxSuppression)
    how = [str(layer.most), w.text("overlap"), w.text("score"), code("bool", layer.centred), str(layer.limit)]
    defaults = ["", "", "", "false", str(p.BOX_LIMIT)]
    while how[-1] == defaults[len(how) - 1]:
        how.pop()
    return _call("non_max_suppression", *w.inputs, w.name, f"Suppression{{{', '.join(how)}}}")


WRITERS: dict[type[p.Layer], Callable[[Written], str]] = {
    p.Constant: _constant,
    p.Convolution: _convolution("convolution"),
    p.Deconvolution: _convolution("deconvolution"),
    p.Linear: _linear,
    p.Scale: _scale,
    p.Normalization: _normalization,
    p.Activation: _activation,
    p.ParametricRelu: _simple("parametric_relu"),
    p.Gelu: _gelu,
    p.Silu: _simple("silu"),
    p.HardSwish: _simple("hard_swish"),
    p.Pooling: _pooling,
    p.ElementWise: _element_wise,
    p.Unary: _unary,
    p.Reduce: _reduce,
    p.SoftMax: _softmax,
    p.MatrixMultiply: _matmul,
    p.Concatenation: _concatenation,
    p.Slice: _slice,
    p.Gather: _gather,
    p.Shuffle: _shuffle,
    p.Shape: _simple("shape"),
    p.Resize: _resize,
    p.TopK: _top_k,
    p.Select: _simple("select"),
    p.Cast: _cast,
    p.Identity: _simple("identity"),
    p.Einsum: _einsum,
    p.Quantize: _quantized("quantize"),
    p.Dequantize: _quantized("dequantize"),
    p.Iota: _simple("iota"),
    p.NonMaxSuppression: _suppression,
}
