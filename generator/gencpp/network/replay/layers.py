"""Calls made in an INetworkDefinition of TensorRT-RTX's bindings: one function each, in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...core.errors import UsageError
from ...core.spec import DType
from ..calls.call import Call, CallWeights
from ..calls.recorder import TYPES


@dataclass(slots=True, kw_only=True)
class Replayer:
    """What the calls of one network share."""

    trt: Any
    """The module of the bindings."""
    network: Any
    """trt.INetworkDefinition"""
    arrays: Mapping[str, Any]
    """The file's numpy arrays by name."""
    tensors: dict[str, Any] = field(default_factory=dict)
    """trt.ITensor by the plan's name, or the calls' for those between two of them."""
    held: list[Any] = field(default_factory=list)
    """Arrays whose memory the network reads until the engine is built."""

    def make(self, call: Call) -> Any:
        """The layer, named; None where the library refuses it."""
        inputs = [self.tensors[name] if name else None for name in call.inputs]
        if call.method not in MAKERS:
            raise UsageError(f"layer {call.name}: {call.method} is not known here")
        layer = MAKERS[call.method](self, call, inputs)
        if layer is not None:
            layer.name = call.name
        return layer

    def given(self, call: Call, role: str) -> Any:
        """trt.Weights on memory that stays."""
        weights = dict(call.weights)[role]
        dtype = self.dtype(TYPES[weights.dtype])
        if not weights.name and not weights.values:
            return self.trt.Weights(dtype)
        array = self._array(weights)
        self.held.append(array)
        return self.trt.Weights(dtype, array.ctypes.data, array.size)

    def dtype(self, name: str) -> Any:
        """trt.DataType of an enumerator's name."""
        return getattr(self.trt.DataType, name)

    def _array(self, weights: CallWeights) -> Any:
        import numpy as np

        if weights.name:
            array = np.ascontiguousarray(self.arrays[weights.name])
            # a short array would let the library read beyond it
            if array.dtype.name != weights.dtype.value:
                raise UsageError(f"weights {weights.name} are {array.dtype}, not {weights.dtype.value}")
            return array
        if weights.dtype is DType.bfloat16:
            wide = np.array(weights.values, dtype=np.float32).view(np.uint32)
            return ((wide + 0x7FFF + ((wide >> 16) & 1)) >> 16).astype(np.uint16)
        return np.array(weights.values, dtype=weights.dtype.value)


_Inputs = list[Any]


def _activation(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    a = call.attributes
    layer = r.network.add_activation(inputs[0], getattr(r.trt.ActivationType, str(a["activationType"])))
    return _set(layer, alpha=a["alpha"], beta=a["beta"])


def _cast(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    return r.network.add_cast(inputs[0], r.dtype(str(call.attributes["toType"])))


def _concatenation(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    return _set(r.network.add_concatenation(inputs), axis=call.attributes["axis"])


def _constant(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    return r.network.add_constant(call.attributes["dimensions"], r.given(call, "weights"))


def _convolution(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    a = call.attributes
    add = (
        r.network.add_convolution_nd if call.method == "addConvolutionNd" else r.network.add_deconvolution_nd
    )
    kernel, bias = r.given(call, "kernel"), r.given(call, "bias")
    return _set(
        add(inputs[0], a["nbOutputMaps"], a["kernelSizeNd"], kernel, bias),
        stride_nd=a["strideNd"],
        pre_padding=a["prePadding"],
        post_padding=a["postPadding"],
        dilation_nd=a["dilationNd"],
        num_groups=a["nbGroups"],
    )


def _dequantize(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    return _quantized(r.network.add_dequantize, r, call, inputs)


def _quantize(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    return _quantized(r.network.add_quantize, r, call, inputs)


def _quantized(add: Callable[..., Any], r: Replayer, call: Call, inputs: _Inputs) -> Any:
    layer = add(inputs[0], inputs[1], r.dtype(str(call.attributes["toType"])))
    return _set(layer, axis=call.attributes["axis"])


def _einsum(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    return r.network.add_einsum(inputs, call.attributes["equation"])


def _element_wise(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    operation = getattr(r.trt.ElementWiseOperation, str(call.attributes["operation"]))
    return r.network.add_elementwise(inputs[0], inputs[1], operation)


def _fill(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    operation = getattr(r.trt.FillOperation, str(call.attributes["operation"]))
    layer = r.network.add_fill((1,), operation, r.dtype(str(call.attributes["toType"])))
    if layer is not None:
        layer.set_input(0, inputs[0])
    return _more_inputs(layer, inputs)


def _non_max_suppression(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    a = call.attributes
    form = getattr(r.trt.BoundingBoxFormat, str(a["boundingBoxFormat"]))
    layer = r.network.add_nms(*inputs[:3])
    return _more_inputs(
        _set(layer, bounding_box_format=form, topk_box_limit=a["topKBoxLimit"]),
        [*inputs[:1], None, None, *inputs[3:]],
    )


def _gather(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    a = call.attributes
    layer = r.network.add_gather_v2(inputs[0], inputs[1], getattr(r.trt.GatherMode, str(a["mode"])))
    return _set(layer, axis=a["gatherAxis"], num_elementwise_dims=a["nbElementWiseDims"])


def _identity(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    return r.network.add_identity(inputs[0])


def _matrix_multiply(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    a = call.attributes
    kinds = [getattr(r.trt.MatrixOperation, str(a[name])) for name in ("operation0", "operation1")]
    return r.network.add_matrix_multiply(inputs[0], kinds[0], inputs[1], kinds[1])


def _normalization(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    a = call.attributes
    layer = r.network.add_normalization_v2(*inputs, a["axes"])
    return _set(layer, epsilon=a["epsilon"], num_groups=a["nbGroups"])


def _parametric_relu(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    return r.network.add_parametric_relu(*inputs)


def _pooling(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    a = call.attributes
    kind = getattr(r.trt.PoolingType, str(a["poolingType"]))
    return _set(
        r.network.add_pooling_nd(inputs[0], kind, a["windowSizeNd"]),
        stride_nd=a["strideNd"],
        pre_padding=a["prePadding"],
        post_padding=a["postPadding"],
        padding_mode=getattr(r.trt.PaddingMode, str(a["paddingMode"])),
        average_count_excludes_padding=a["averageCountExcludesPadding"],
    )


def _reduce(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    a = call.attributes
    operation = getattr(r.trt.ReduceOperation, str(a["operation"]))
    return r.network.add_reduce(inputs[0], operation, a["reduceAxes"], a["keepDimensions"])


def _resize(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    a, trt = call.attributes, r.trt
    layer = _set(
        r.network.add_resize(inputs[0]),
        resize_mode=getattr(trt.InterpolationMode, str(a["interpolationMode"])),
        coordinate_transformation=getattr(
            trt.ResizeCoordinateTransformation, str(a["coordinateTransformation"])
        ),
        selector_for_single_pixel=getattr(trt.ResizeSelector, str(a["selectorForSinglePixel"])),
        nearest_rounding=getattr(trt.ResizeRoundMode, str(a["nearestRounding"])),
        cubic_coeff=a["cubicCoeff"],
        exclude_outside=a["excludeOutside"],
    )
    if "outputDimensions" in a:
        layer.shape = a["outputDimensions"]
    if "scales" in a:
        layer.scales = a["scales"]
    return _more_inputs(layer, inputs)


def _scale(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    a = call.attributes
    shift, scale, power = (r.given(call, role) for role in ("shift", "scale", "power"))
    mode = getattr(r.trt.ScaleMode, str(a["mode"]))
    return r.network.add_scale_nd(inputs[0], mode, shift, scale, power, a["channelAxis"])


def _select(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    return r.network.add_select(*inputs)


def _shape(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    return r.network.add_shape(inputs[0])


def _shuffle(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    a = call.attributes
    layer = _set(r.network.add_shuffle(inputs[0]), zero_is_placeholder=a["zeroIsPlaceholder"])
    if "firstTranspose" in a:
        layer.first_transpose = a["firstTranspose"]
    if "reshapeDimensions" in a:
        layer.reshape_dims = a["reshapeDimensions"]
    if "secondTranspose" in a:
        layer.second_transpose = a["secondTranspose"]
    return _more_inputs(layer, inputs)


def _slice(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    a = call.attributes
    none: tuple[int, ...] = (0,) * len(inputs[0].shape)
    layer = r.network.add_slice(inputs[0], a.get("start", none), a.get("size", none), a.get("stride", none))
    return _more_inputs(_set(layer, mode=getattr(r.trt.SampleMode, str(a["mode"]))), inputs)


def _soft_max(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    return _set(r.network.add_softmax(inputs[0]), axes=call.attributes["axes"])


def _top_k(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    a = call.attributes
    operation = getattr(r.trt.TopKOperation, str(a["operation"]))
    return r.network.add_topk(inputs[0], operation, a["k"], a["reduceAxes"])


def _unary(r: Replayer, call: Call, inputs: _Inputs) -> Any:
    operation = getattr(r.trt.UnaryOperation, str(call.attributes["operation"]))
    return r.network.add_unary(inputs[0], operation)


def _set(layer: Any, **attributes: Any) -> Any:
    """Of a layer that was made."""
    if layer is not None:
        for name, value in attributes.items():
            setattr(layer, name, value)
    return layer


def _more_inputs(layer: Any, inputs: _Inputs) -> Any:
    """What the add function does not take."""
    if layer is not None:
        for i, tensor in enumerate(inputs[1:], 1):
            if tensor is not None:
                layer.set_input(i, tensor)
    return layer


MAKERS: Mapping[str, Callable[[Replayer, Call, _Inputs], Any]] = {
    "addActivation": _activation,
    "addCast": _cast,
    "addConcatenation": _concatenation,
    "addConstant": _constant,
    "addConvolutionNd": _convolution,
    "addDeconvolutionNd": _convolution,
    "addDequantize": _dequantize,
    "addEinsum": _einsum,
    "addFill": _fill,
    "addNMS": _non_max_suppression,
    "addElementWise": _element_wise,
    "addGatherV2": _gather,
    "addIdentity": _identity,
    "addMatrixMultiply": _matrix_multiply,
    "addNormalization": _normalization,
    "addParametricReLU": _parametric_relu,
    "addPoolingNd": _pooling,
    "addQuantize": _quantize,
    "addReduce": _reduce,
    "addResize": _resize,
    "addScaleNd": _scale,
    "addSelect": _select,
    "addShape": _shape,
    "addShuffle": _shuffle,
    "addSlice": _slice,
    "addSoftMax": _soft_max,
    "addTopK": _top_k,
    "addUnary": _unary,
}
"""By method of INetworkDefinition."""
