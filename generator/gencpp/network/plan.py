"""The frozen `NetworkPlan`: a TensorRT network as an ordered list of typed layers; no torch, ONNX or C++.

Layers are in the order in which they are made: every tensor is made before it is used. Terms and
semantics are those of TensorRT's INetworkDefinition; `calls.py` says which API calls each layer becomes.
"""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ..core import jsonfile
from ..core.errors import UsageError
from ..core.spec import DType, JsonValue

Sizes = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTensor(JsonValue):
    """A tensor of the network, outermost dimension first; -1: the size varies.

    int64 is TensorRT's type of shapes and indices: int64 from TensorRT 10 on, int32 before.
    """

    name: str
    dtype: DType
    dims: Sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanWeight(JsonValue):
    """An array in assets/weights.bin: little-endian, outermost dimension first, aligned."""

    name: str
    """As in the model's state dict where it comes from there: `layer1.0.conv1.weight`."""
    dtype: DType
    dims: Sizes
    offset: int
    """Bytes from the file's begin."""
    size: int
    """Bytes."""
    sha256: str


class ActivationKind(enum.StrEnum):
    """nvinfer1::ActivationType of TensorRT 8.5; alpha and beta as there."""

    relu = "RELU"
    sigmoid = "SIGMOID"
    tanh = "TANH"
    leaky_relu = "LEAKY_RELU"
    elu = "ELU"
    selu = "SELU"
    softsign = "SOFTSIGN"
    softplus = "SOFTPLUS"
    clip = "CLIP"
    hard_sigmoid = "HARD_SIGMOID"
    scaled_tanh = "SCALED_TANH"
    thresholded_relu = "THRESHOLDED_RELU"


class ElementWiseKind(enum.StrEnum):
    """nvinfer1::ElementWiseOperation; ranks are equal, dimensions of 1 are broadcast."""

    add = "SUM"
    multiply = "PROD"
    maximum = "MAX"
    minimum = "MIN"
    subtract = "SUB"
    divide = "DIV"
    power = "POW"
    floor_divide = "FLOOR_DIV"
    logical_and = "AND"
    logical_or = "OR"
    logical_xor = "XOR"
    equal = "EQUAL"
    greater = "GREATER"
    less = "LESS"


class UnaryKind(enum.StrEnum):
    """nvinfer1::UnaryOperation of TensorRT 8.5."""

    exp = "EXP"
    log = "LOG"
    sqrt = "SQRT"
    reciprocal = "RECIP"
    absolute = "ABS"
    negative = "NEG"
    sin = "SIN"
    cos = "COS"
    tan = "TAN"
    sinh = "SINH"
    cosh = "COSH"
    asin = "ASIN"
    acos = "ACOS"
    atan = "ATAN"
    asinh = "ASINH"
    acosh = "ACOSH"
    atanh = "ATANH"
    ceil = "CEIL"
    floor = "FLOOR"
    erf = "ERF"
    logical_not = "NOT"
    sign = "SIGN"
    round = "ROUND"


class ReduceKind(enum.StrEnum):
    """nvinfer1::ReduceOperation."""

    sum = "SUM"
    product = "PROD"
    maximum = "MAX"
    minimum = "MIN"
    mean = "AVG"


class PoolingKind(enum.StrEnum):
    """nvinfer1::PoolingType."""

    maximum = "MAX"
    average = "AVERAGE"


class GatherKind(enum.StrEnum):
    """nvinfer1::GatherMode."""

    default = "DEFAULT"
    nd = "ND"
    elements = "ELEMENT"


class SliceFill(enum.StrEnum):
    """nvinfer1::SampleMode: what lies outside the input of a slice."""

    strict = "STRICT_BOUNDS"
    wrap = "WRAP"
    clamp = "CLAMP"
    fill = "FILL"
    reflect = "REFLECT"


class ResizeKind(enum.StrEnum):
    """nvinfer1::InterpolationMode."""

    nearest = "NEAREST"
    linear = "LINEAR"
    cubic = "CUBIC"


class Coordinates(enum.StrEnum):
    """nvinfer1::ResizeCoordinateTransformation."""

    align_corners = "ALIGN_CORNERS"
    asymmetric = "ASYMMETRIC"
    half_pixel = "HALF_PIXEL"


class Rounding(enum.StrEnum):
    """nvinfer1::ResizeRoundMode, of nearest."""

    half_up = "HALF_UP"
    half_down = "HALF_DOWN"
    floor = "FLOOR"
    ceil = "CEIL"


class TopKKind(enum.StrEnum):
    """nvinfer1::TopKOperation."""

    maximum = "MAX"
    minimum = "MIN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer(JsonValue):
    """What every layer has. In JSON, `kind` is the class's name."""

    name: str
    """Unique; the PyTorch module's path where the module is this layer: `layer1.0.conv1`."""
    module: str
    """Path of the module that it comes from, "" for the model itself; groups layers into functions."""
    inputs: tuple[str, ...]
    """Names of tensors; "" for one that is absent."""
    outputs: tuple[str, ...]
    """Names of tensors, each described in NetworkPlan.tensors."""

    def to_json(self) -> dict[str, Any]:
        """With the class's name as `kind`."""
        # not super(): slots=True makes a new class, to which the implicit cell does not point
        return {"kind": type(self).__name__, **JsonValue.to_json(self)}

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """The layer of the class that `kind` names."""
        if not isinstance(data, dict) or str(data.get("kind")) not in KINDS:
            raise UsageError(f"Layer: no kind of layer in {str(data)[:80]}")
        rest = {k: v for k, v in data.items() if k != "kind"}
        kind: Any = KINDS[str(data["kind"])]
        made: Self = JsonValue.from_json.__func__(kind, rest)  # type: ignore[attr-defined]
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant(Layer):
    """A tensor of constants: `weight` of the file, seen as `dims`, or a few `values` that stand in the code.

    `values` are int for integer types and 0 or 1 for bool; float types hold them exactly.
    """

    dtype: DType
    dims: Sizes
    weight: str = ""
    values: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution(Layer):
    """inputs (x,), NCHW or NCDHW. `weight` is (out, in / groups, *kernel); `bias` (out,) or "".

    Sizes have one value for each of the two or three spatial dimensions.
    """

    weight: str
    bias: str = ""
    stride: Sizes
    pre_padding: Sizes
    post_padding: Sizes
    dilation: Sizes
    groups: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Deconvolution(Layer):
    """A transposed convolution; `weight` is (in, out / groups, *kernel)."""

    weight: str
    bias: str = ""
    stride: Sizes
    pre_padding: Sizes
    post_padding: Sizes
    dilation: Sizes
    groups: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear(Layer):
    """x @ W (+ bias) over the last dimension, as MatrixMultiply; `weight` is (out, in) when `transposed`,
    else (in, out); x has a rank of 2 or more, and the weights are constants of that rank."""

    weight: str
    bias: str = ""
    transposed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale(Layer):
    """x * scale + shift, one value for each channel (dimension 1); weights (channels,); shift may be ""."""

    scale: str
    shift: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalization(Layer):
    """(x - mean) / sqrt(variance + epsilon) * weight + bias, statistics over `axes`.

    `weight` and `bias` are seen as `dims`, of x's rank (1 where they are broadcast); both are always there.
    Native from TensorRT 8.6 on, written out before.
    """

    weight: str
    bias: str
    dims: Sizes
    axes: Sizes
    epsilon: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation(Layer):
    """One of TensorRT's activations."""

    activation: ActivationKind
    alpha: float = 0.0
    beta: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ParametricRelu(Layer):
    """inputs (x, slopes), slopes broadcast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gelu(Layer):
    """0.5 x (1 + erf(x / sqrt 2)), or its `tanh` approximation; written out on every version."""

    tanh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Silu(Layer):
    """x * sigmoid(x)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HardSwish(Layer):
    """x * clip(x / 6 + 0.5, 0, 1)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooling(Layer):
    """Over two or three spatial dimensions."""

    pooling: PoolingKind
    window: Sizes
    stride: Sizes
    pre_padding: Sizes
    post_padding: Sizes
    ceil: bool = False
    exclude_padding: bool = False
    """Whether an average leaves out what was padded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementWise(Layer):
    """inputs (a, b)"""

    operation: ElementWiseKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary(Layer):
    """inputs (x,)"""

    operation: UnaryKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduce(Layer):
    """Over `axes`; kept as dimensions of 1 or dropped."""

    operation: ReduceKind
    axes: Sizes
    keep: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftMax(Layer):
    """Over one dimension."""

    axis: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixMultiply(Layer):
    """inputs (a, b) of equal rank, broadcast over all but the last two dimensions; vectors are not used."""

    transpose_a: bool = False
    transpose_b: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Concatenation(Layer):
    """All inputs along one dimension."""

    axis: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice(Layer):
    """inputs (x,), or (x, start, size, stride) with those that are computed, "" for the others.

    `size` -1: as long as the input, in a dimension that varies (its start is 0 and its stride 1).
    `fill_value` is for SliceFill.fill. Also what Pad and Expand (stride 0) become.
    """

    start: Sizes
    size: Sizes
    stride: Sizes
    outside: SliceFill = SliceFill.strict
    fill_value: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather(Layer):
    """inputs (data, indices)"""

    gather: GatherKind = GatherKind.default
    axis: int = 0
    batch_dims: int = 0
    """nbElementWiseDims"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shuffle(Layer):
    """inputs (x,), or (x, shape) with a computed shape: transpose, reshape, transpose; () leaves one out.

    In `reshape` 0 copies the input's (transposed) dimension and -1 is what remains. () with an input
    shape: as computed; a scalar is a reshape too: `to_scalar`.
    """

    first_transpose: Sizes = ()
    reshape: Sizes = ()
    to_scalar: bool = False
    second_transpose: Sizes = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape(Layer):
    """The sizes of x as a tensor of int64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resize(Layer):
    """inputs (x,) or (x, size) with a computed size. Exactly one of `sizes`, `scales` and that input.

    `sizes` -1: as long as the input. All dimensions are given.
    """

    resize: ResizeKind
    coordinates: Coordinates
    sizes: Sizes = ()
    scales: tuple[float, ...] = ()
    rounding: Rounding = Rounding.floor
    cubic_coefficient: float = -0.75
    exclude_outside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TopK(Layer):
    """outputs (values, indices); indices are int32."""

    operation: TopKKind
    k: int
    axis: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Iota(Layer):
    """inputs (length,), a tensor of one int64: 0, 1, 2, ... up to the length, as int64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NonMaxSuppression(Layer):
    """inputs (boxes, scores), batch x count x 4 and batch x count x 1, both float32 or both float16.

    The output is (kept, 3) of int32: the item, 0, and the box of every one that is kept, in the order of
    the items and then of falling scores. Of one item's boxes the `limit` with the best scores are looked at.
    """

    limit: int
    """TensorRT's own is 5000 (2000 on SM 5.3 and 6.2), and none can be larger."""
    most: int
    """Boxes that are kept of an item, at most."""
    overlap: float
    """A box is left out where it overlaps a better one by more (intersection over union)."""
    score: float
    """A box is left out where its score is not above it."""
    centred: bool
    """Boxes are centre and size, else two opposite corners."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Select(Layer):
    """inputs (condition, if true, if false) of equal rank"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast(Layer):
    """To another element type."""

    to: DType


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity(Layer):
    """The same tensor under another name, such as an output that is an input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Einsum(Layer):
    """All inputs; one or two of them, TensorRT's rules: no ellipsis, no diagonals."""

    equation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantize(Layer):
    """To int8 by scales in the weights file, () or (channels,); zero points are 0."""

    scale: str
    axis: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Dequantize(Layer):
    """From int8, as Quantize; the result has the type of the scales."""

    scale: str
    axis: int = 1


BOX_LIMIT = 5000
"""TensorRT's own limit of a NonMaxSuppression, but for SM 5.3 and 6.2."""

KINDS: dict[str, type[Layer]] = {
    kind.__name__: kind
    for kind in (
        *(Constant, Convolution, Deconvolution, Linear, Scale, Normalization, Activation, ParametricRelu),
        *(Gelu, Silu, HardSwish, Pooling, ElementWise, Unary, Reduce, SoftMax, MatrixMultiply),
        *(Concatenation, Slice, Gather, Shuffle, Shape, Resize, TopK, Select, Cast, Identity, Einsum),
        *(Quantize, Dequantize, Iota, NonMaxSuppression),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPlan(JsonValue):
    """A network, complete but for the values of its weights."""

    inputs: tuple[PlanTensor, ...]
    outputs: tuple[str, ...]
    """Names of the tensors that are outputs, which are the model's output names."""
    layers: tuple[Layer, ...]
    tensors: tuple[PlanTensor, ...]
    """Every layer's outputs, as ONNX's shape inference has them."""
    weights: tuple[PlanWeight, ...]
    """In the order of the file."""
    modules: dict[str, str]
    """Class of every module by its path, where it is known: {"layer1.0": "BasicBlock"}."""

    def __post_init__(self) -> None:
        """Every tensor is made once, before it is used, and described; every weight is there."""
        made = {t.name for t in self.inputs}
        described = {t.name for t in self.tensors}
        weights = {w.name for w in self.weights}
        names: set[str] = set()
        for layer in self.layers:
            where = f"layer {layer.name} ({type(layer).__name__})"
            if layer.name in names:
                raise UsageError(f"{where}: two layers of this name")
            names.add(layer.name)
            missing = [i for i in layer.inputs if i and i not in made]
            if missing:
                raise UsageError(f"{where}: its input {missing[0]} is not made before it")
            if again := [o for o in layer.outputs if o in made]:
                raise UsageError(f"{where}: its output {again[0]} is made twice")
            if unknown := [o for o in layer.outputs if o not in described]:
                raise UsageError(f"{where}: its output {unknown[0]} is not described")
            if lost := [w for w in weights_of(layer) if w not in weights]:
                raise UsageError(f"{where}: there is no weight {lost[0]}")
            made |= set(layer.outputs)
        if lost := [o for o in self.outputs if o not in made]:
            raise UsageError(f"output {lost[0]} is not made")


def read_plan(file: Path) -> NetworkPlan:
    """The plan in a project's network.json; raises UsageError when it is damaged."""
    hint = "Restore it, or generate the project anew."
    data = jsonfile.read(file, hint=hint, largest=_LARGEST, infinite=True)
    try:
        return NetworkPlan.from_json(data)
    except UsageError as e:
        raise UsageError(f"{file} is damaged: {e.message}", hint=hint) from None


_LARGEST = 512 << 20
"""Bytes of a plan: a layer takes about 500."""

_WEIGHT_FIELDS = ("weight", "bias", "scale", "shift")


def weights_of(layer: Layer) -> tuple[str, ...]:
    """The names of the weights that a layer has, in the order of its fields."""
    fields = (f.name for f in dataclasses.fields(layer) if f.name in _WEIGHT_FIELDS)
    return tuple(name for name in (getattr(layer, f) for f in fields) if name)
