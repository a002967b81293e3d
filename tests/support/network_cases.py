"""One graph for each operator that lowering covers, or form of it, and the layers that it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gencpp.network import plan as kinds
from gencpp.network.plan import Layer, NetworkPlan

TOLERANCE = 1e-5
"""Of the largest element: float32 sums of at most a few hundred terms."""

Spec = tuple[Any, ...]
"""Dimensions, a name for one that varies; a type of elements last where it is not float32."""


@dataclass(frozen=True)
class Typed:
    """Weights of another element type: small whole numbers."""

    dtype: str
    dims: tuple[int, ...]
    largest: int = 3


@dataclass(frozen=True, kw_only=True)
class Case:
    """A graph in ONNX's text form: one node a line."""

    name: str
    nodes: str
    inputs: Mapping[str, Spec] = field(default_factory=dict)
    weights: Mapping[str, Any] = field(default_factory=dict)
    """Dimensions of random weights, or a list of values."""
    layers: str | None
    """Kinds of layers, constants left out; None: many, which arithmetic on sizes needs."""
    opset: int = 18
    outputs: tuple[str, ...] = ("y",)
    low: float = -2.0
    high: float = 2.0
    sizes: tuple[int, int] = (1, 3)
    """Of every dimension that varies."""
    tolerance: float = TOLERANCE
    check: Callable[[NetworkPlan], bool] = lambda _: True


def case(name: str, nodes: str, layers: str | None, **more: Any) -> Case:
    """`x`, a picture of two channels, unless there are other inputs."""
    names = ("opset", "outputs", "low", "high", "sizes", "check", "weights", "tolerance")
    fixed = {k: more.pop(k) for k in names if k in more}
    return Case(name=name, nodes=nodes, layers=layers, inputs=more or {"x": ("n", 2, 6, 8)}, **fixed)


def only(plan: NetworkPlan, kind: type[Layer]) -> Any:
    """The layer of this kind."""
    (found,) = (layer for layer in plan.layers if isinstance(layer, kind))
    return found


POSITIVE = [0.5, 1.5, 0.7]
LINE = ("n", 2, 9)
FLAT_POOL = "Shuffle Pooling Shuffle"
BATCH_NORM = "y = BatchNormalization(x, s, t, m, v)"
TWO_CHANNELS = {"s": (2,), "t": (2,), "m": (2,), "v": [0.5, 1.5]}

CONVOLUTIONS = [
    case(
        "conv, asymmetric",
        "y = Conv<pads = [1, 0, 2, 3], strides = [2, 1], dilations = [1, 2]>(x, w, b)",
        "Convolution",
        weights={"w": (3, 2, 3, 3), "b": (3,)},
        check=lambda p: only(p, kinds.Convolution).post_padding == (2, 3),
    ),
    case("conv, groups", "y = Conv<group = 2>(x, w)", "Convolution", weights={"w": (4, 1, 3, 3)}),
    case(
        "conv, same upper",
        """y = Conv<auto_pad = "SAME_UPPER", strides = [2, 2]>(x, w)""",
        "Convolution",
        weights={"w": (4, 2, 3, 4)},
    ),
    case(
        "conv, same lower",
        """y = Conv<auto_pad = "SAME_LOWER", strides = [2, 3]>(x, w)""",
        "Convolution",
        weights={"w": (4, 2, 3, 4)},
    ),
    case(
        "conv in one dimension",
        "y = Conv<pads = [1, 0], strides = [2]>(x, w, b)",
        "Shuffle Convolution Shuffle",
        weights={"w": (4, 3, 3), "b": (4,)},
        x=("n", 3, 9),
    ),
    case(
        "conv over a length that varies",
        "y = Conv<pads = [1, 1]>(x, w)",
        "Shuffle Convolution Shuffle",
        weights={"w": (4, 3, 3)},
        x=(1, 3, "length"),
        check=lambda p: p.tensors[-1].dims == (1, 4, -1),
    ),
    case(
        "conv in three dimensions",
        "y = Conv<pads = [1, 1, 1, 0, 1, 1]>(x, w)",
        "Convolution",
        weights={"w": (4, 2, 3, 3, 3)},
        x=("n", 2, 4, 5, 6),
    ),
    case(
        "transposed conv",
        "y = ConvTranspose<pads = [1, 1, 1, 1], strides = [2, 2], output_padding = [1, 1]>(x, w, b)",
        "Deconvolution",
        weights={"w": (2, 3, 3, 3), "b": (3,)},
        check=lambda p: only(p, kinds.Deconvolution).post_padding == (0, 0),
    ),
    case(
        "transposed conv, more output padding than padding",
        "y = ConvTranspose<strides = [2, 2], output_padding = [1, 0]>(x, w)",
        "Deconvolution",
        weights={"w": (2, 3, 2, 2)},
    ),
    case(
        "transposed conv, groups and dilation",
        "y = ConvTranspose<strides = [3, 2], output_padding = [1, 1], dilations = [2, 2], group = 2>(x, w)",
        "Deconvolution",
        weights={"w": (2, 3, 2, 3)},
        check=lambda p: only(p, kinds.Deconvolution).dilation == (1, 1) and p.weights[0].dims == (2, 3, 4, 6),
    ),
    case(
        "transposed conv, output shape",
        "y = ConvTranspose<strides = [2, 2], output_shape = [11, 16]>(x, w)",
        "Deconvolution",
        weights={"w": (2, 3, 3, 3)},
    ),
    case(
        "transposed conv in one dimension",
        "y = ConvTranspose<strides = [2]>(x, w)",
        "Shuffle Deconvolution Shuffle",
        weights={"w": (3, 2, 3)},
        x=("n", 3, 5),
    ),
    case(
        "batch norm after a conv",
        "a = Conv(x, w, b)\ny = BatchNormalization(a, s, t, m, v)",
        "Convolution",
        weights={"w": (3, 2, 3, 3), "b": (3,), "s": (3,), "t": (3,), "m": (3,), "v": POSITIVE},
    ),
    case(
        "batch norm after a transposed conv in groups",
        "a = ConvTranspose<group = 2>(x, w)\ny = BatchNormalization(a, s, t, m, v)",
        "Deconvolution",
        weights={"w": (2, 2, 3, 3), "s": (4,), "t": (4,), "m": (4,), "v": [*POSITIVE, 0.9]},
    ),
    case(
        "batch norm after a conv that others use",
        "a = Conv(x, w)\nb = BatchNormalization(a, s, t, m, v)\ny = Add(a, b)",
        "Convolution Scale ElementWise",
        weights={"w": (3, 2, 3, 3), "s": (3,), "t": (3,), "m": (3,), "v": POSITIVE},
    ),
]

POOLS = [
    case(
        "max pool",
        "y = MaxPool<kernel_shape = [3, 2], pads = [1, 0, 1, 1], strides = [2, 1]>(x)",
        "Pooling",
    ),
    case(
        "max pool, rounding up",
        "y = MaxPool<kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1>(x)",
        "Pooling",
        x=("n", 2, 8, 10),
        check=lambda p: only(p, kinds.Pooling).ceil,
    ),
    case(
        "max pool, rounding up where nothing is left",
        "y = MaxPool<kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1>(x)",
        "Pooling",
        x=("n", 2, 7, 9),
        check=lambda p: not only(p, kinds.Pooling).ceil,
    ),
    case(
        "max pool, a last window in the padding is dropped",
        "y = MaxPool<kernel_shape = [2, 2], strides = [2, 2], pads = [1, 1, 1, 1], ceil_mode = 1>(x)",
        "Pooling",
        x=("n", 2, 5, 7),
        check=lambda p: p.tensors[-1].dims == (-1, 2, 3, 4),
    ),
    case(
        "max pool, rounding up over a size that varies",
        "y = MaxPool<kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1>(x)",
        "Pooling",
        x=(1, 2, "height", 8),
        sizes=(4, 7),
        check=lambda p: only(p, kinds.Pooling).ceil,
    ),
    case("max pool in one dimension", "y = MaxPool<kernel_shape = [3], strides = [2]>(x)", FLAT_POOL, x=LINE),
    case(
        "max pool in three dimensions",
        "y = MaxPool<kernel_shape = [2, 2, 2]>(x)",
        "Pooling",
        x=("n", 2, 4, 5, 6),
    ),
    case(
        "average pool without padding in the mean",
        "y = AveragePool<kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2]>(x)",
        "Pooling",
        check=lambda p: only(p, kinds.Pooling).exclude_padding,
    ),
    case(
        "average pool with padding in the mean",
        "y = AveragePool<kernel_shape = [3, 3], pads = [1, 1, 1, 1], count_include_pad = 1>(x)",
        "Pooling",
        check=lambda p: not only(p, kinds.Pooling).exclude_padding,
    ),
    case(
        "average pool, rounding up",
        "y = AveragePool<kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1>(x)",
        "Pooling",
        x=("n", 2, 8, 10),
    ),
    case(
        "average pool, same",
        """y = AveragePool<auto_pad = "SAME_UPPER", kernel_shape = [3, 3]>(x)""",
        "Pooling",
    ),
    case(
        "average pool in one dimension",
        "y = AveragePool<kernel_shape = [2], strides = [2]>(x)",
        FLAT_POOL,
        x=LINE,
    ),
    case(
        "global pools",
        "a = GlobalAveragePool(x)\nb = GlobalMaxPool(x)\ny = Sub(a, b)",
        "Reduce Reduce ElementWise",
    ),
]

PRODUCTS = [
    case("matmul with constants", "y = MatMul(x, w)", "Linear", weights={"w": (8, 5)}),
    case(
        "matmul with constants and a bias",
        "a = MatMul(x, w)\ny = Add(b, a)",
        "Linear",
        weights={"w": (8, 5), "b": (5,)},
        check=lambda p: only(p, kinds.Linear).bias != "",
    ),
    case(
        "matmul whose product others use",
        "a = MatMul(x, w)\nb = Add(a, c)\ny = Mul(a, b)",
        "Linear ElementWise ElementWise",
        weights={"w": (8, 5), "c": (5,)},
    ),
    case(
        "matmul plus what is no bias",
        "a = MatMul(x, w)\ny = Add(a, c)",
        "Linear ElementWise",
        weights={"w": (8, 5), "c": (6, 5)},
    ),
    case("matmul of constants from the left", "y = MatMul(w, x)", "MatrixMultiply", weights={"w": (4, 6)}),
    case("matmul of unequal ranks", "y = MatMul(x, z)", "Shuffle MatrixMultiply", x=("n", 2, 3, 4), z=(4, 5)),
    case(
        "matmul with a vector",
        "y = MatMul(x, v)",
        "MatrixMultiply Shuffle",
        x=("n", 3, 4),
        weights={"v": (4,)},
    ),
    case(
        "matmul of a vector", "y = MatMul(v, x)", "MatrixMultiply Shuffle", x=("n", 4, 3), weights={"v": (4,)}
    ),
    case(
        "gemm",
        "y = Gemm<transB = 1>(x, w, b)",
        "Linear",
        x=("n", 4),
        weights={"w": (3, 4), "b": (3,)},
        check=lambda p: only(p, kinds.Linear).transposed,
    ),
    case(
        "gemm, alpha and beta",
        "y = Gemm<alpha = 0.5, beta = 2.0>(x, w, b)",
        "Linear",
        x=("n", 4),
        weights={"w": (4, 3), "b": (1, 3)},
    ),
    case(
        "gemm, transposed",
        "y = Gemm<transA = 1>(x, w, b)",
        "Shuffle Linear",
        x=(4, "n"),
        weights={"w": (4, 3), "b": [0.5]},
    ),
    case(
        "gemm of computed operands",
        "y = Gemm<alpha = 0.5, beta = 2.0, transB = 1>(x, z, b)",
        "MatrixMultiply ElementWise ElementWise Shuffle ElementWise",
        x=("n", 4),
        z=(3, 4),
        b=(3,),
        outputs=("y",),
    ),
    case(
        "einsum",
        """y = Einsum<equation = "nhid,nhjd->nhij">(x, z)""",
        "Einsum",
        x=("n", 2, 3, 4),
        z=("n", 2, 5, 4),
    ),
    case(
        "einsum, dots", """y = Einsum<equation = "...iK, jK">(x, z)""", "Einsum", x=("n", 2, 3, 4), z=(5, 4)
    ),
]

NORMS = [
    case("batch norm", BATCH_NORM, "Scale", weights=TWO_CHANNELS),
    case(
        "batch norm of two dimensions",
        BATCH_NORM,
        "ElementWise ElementWise",
        weights=TWO_CHANNELS,
        x=("n", 2),
    ),
    case(
        "layer norm",
        "y = LayerNormalization<epsilon = 0.001>(x, s, t)",
        "Normalization",
        weights={"s": (8,), "t": (8,)},
        check=lambda p: only(p, kinds.Normalization).dims == (1, 1, 1, 8),
    ),
    case(
        "layer norm over two dimensions, no bias",
        "y = LayerNormalization<axis = 2>(x, s)",
        "Normalization",
        weights={"s": (6, 8)},
        check=lambda p: only(p, kinds.Normalization).axes == (2, 3),
    ),
    case(
        "instance norm", "y = InstanceNormalization(x, s, t)", "Normalization", weights={"s": (2,), "t": (2,)}
    ),
    case(
        "group norm as it is written out",
        """a = Reshape(x, to)
        b = InstanceNormalization(a, ones, zeros)
        shape = Shape(x)
        c = Reshape(b, shape)
        d = Mul(c, s)
        y = Add(d, t)""",
        "Shuffle Normalization Shuffle ElementWise ElementWise",
        x=("n", 4, 3, 5),
        weights={"to": [0, 2, -1], "ones": [1.0, 1.0], "zeros": [0.0, 0.0], "s": (4, 1, 1), "t": (4, 1, 1)},
    ),
    case(
        "group norm",
        "y = GroupNormalization<num_groups = 2>(x, s, t)",
        "Shuffle Normalization Shuffle Scale",
        x=("n", 4, 3, 5),
        weights={"s": (4,), "t": (4,)},
        opset=21,
    ),
    case(
        "group norm over sizes that vary",
        """a = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(x)
        y = GroupNormalization<num_groups = 2>(a, s, t)""",
        "Pooling Shuffle Normalization Shape Gather Gather Concatenation Shuffle Scale",
        x=(1, 4, "h", "w"),
        weights={"s": (4,), "t": (4,)},
        sizes=(4, 7),
        opset=21,
    ),
    case("softmax", "y = Softmax<axis = 1>(x)", "SoftMax"),
    case(
        "log softmax of what is far apart",
        "y = LogSoftmax(x)",
        "Reduce ElementWise Unary Reduce Unary ElementWise",
        low=-200.0,
        high=200.0,
    ),
]

ACTIVATIONS = [
    *(
        case(name, f"y = {name}(x)", "Activation")
        for name in (
            "Relu",
            "Sigmoid",
            "Tanh",
            "LeakyRelu",
            "Elu",
            "Softsign",
            "Softplus",
            "HardSigmoid",
            "Selu",
        )
    ),
    case("thresholded relu", "y = ThresholdedRelu<alpha = 0.5>(x)", "Activation"),
    case("leaky relu", "y = LeakyRelu<alpha = 0.3>(x)", "Activation"),
    case("elu", "y = Elu<alpha = 0.3>(x)", "Activation"),
    case("selu", "y = Selu<alpha = 1.5, gamma = 1.2>(x)", "Activation"),
    case("hard sigmoid", "y = HardSigmoid<alpha = 0.5, beta = 0.3>(x)", "Activation"),
    case("celu", "y = Celu<alpha = 2.0>(x)", "ElementWise Activation ElementWise"),
    case("mish", "y = Mish(x)", "Activation Activation ElementWise"),
    case("hard swish", "y = HardSwish(x)", "HardSwish", low=-5.0, high=5.0),
    case(
        "hard swish, written out",
        "a = HardSigmoid<alpha = 0.16666667, beta = 0.5>(x)\ny = Mul(a, x)",
        "HardSwish",
        low=-5.0,
        high=5.0,
    ),
    case("hard sigmoid times x", "a = HardSigmoid(x)\ny = Mul(x, a)", "Activation ElementWise"),
    case("silu", "a = Sigmoid(x)\ny = Mul(x, a)", "Silu"),
    case(
        "sigmoid of something else",
        "a = Sigmoid(x)\nb = Neg(x)\ny = Mul(b, a)",
        "Activation Unary ElementWise",
    ),
    case("gelu", "y = Gelu(x)", "Gelu", opset=20),
    case("gelu, tanh", """y = Gelu<approximate = "tanh">(x)""", "Gelu", opset=20),
    case(
        "gelu, the exporter's",
        "a = Div(x, r)\nb = Erf(a)\nc = Add(b, one)\nd = Mul(half, c)\ny = Mul(x, d)",
        "Gelu",
        weights={"r": 2**0.5, "one": 1.0, "half": 0.5},
    ),
    case(
        "gelu of a product, in another order",
        "p = Mul(x, z)\na = Mul(r, p)\nb = Erf(a)\nc = Add(one, b)\nd = Mul(p, c)\ny = Mul(d, half)",
        "ElementWise Gelu",
        x=("n", 4),
        z=("n", 4),
        weights={"r": 0.5**0.5, "one": 1.0, "half": 0.5},
    ),
    case(
        "gelu, tanh, written out",
        """cube = Pow(x, three)
        a = Mul(cube, small)
        b = Add(x, a)
        c = Mul(b, root)
        d = Tanh(c)
        e = Add(d, one)
        f = Mul(x, half)
        y = Mul(f, e)""",
        "Gelu",
        weights={"three": 3.0, "small": 0.044715, "root": 0.7978845608, "one": 1.0, "half": 0.5},
        check=lambda p: only(p, kinds.Gelu).tanh,
    ),
    case(
        "not gelu",
        "a = Div(x, r)\nb = Erf(a)\nc = Add(b, one)\nd = Mul(half, c)\ny = Mul(x, d)",
        "ElementWise Unary ElementWise ElementWise ElementWise",
        weights={"r": 1.5, "one": 1.0, "half": 0.5},
    ),
    case("prelu", "y = PRelu(x, s)", "ParametricRelu", weights={"s": (2, 1, 1)}),
    case("clip", "y = Clip(x, low, high)", "Activation", weights={"low": -0.5, "high": 1.0}),
    case("clip from below", "y = Clip(x, low)", "ElementWise", weights={"low": 0.5}),
    case("clip from zero", "y = Clip(x, low)", "Activation", weights={"low": 0.0}),
    case("clip from above", "y = Clip(x, , high)", "ElementWise", weights={"high": 0.5}),
    case(
        "clip of integers",
        "y = Clip(x, low, high)",
        "ElementWise ElementWise",
        x=("n", 3, "int64"),
        weights={"low": -1, "high": 1},
    ),
    case("clip without bounds", "a = Clip(x)\ny = Neg(a)", "Unary"),
]

ARITHMETIC = [
    *(
        case(name, f"y = {name}(x)", "Unary", low=0.1, high=0.9)
        for name in (
            *("Exp", "Log", "Sqrt", "Reciprocal", "Abs", "Neg", "Sin", "Cos", "Tan", "Sinh", "Cosh", "Asin"),
            *("Acos", "Atan", "Asinh", "Atanh", "Ceil", "Floor", "Erf", "Sign", "Round"),
        )
    ),
    case("Acosh", "y = Acosh(x)", "Unary", low=1.1, high=3.0),
    case(
        "Round to even",
        "a = Mul(x, two)\nb = Floor(a)\nc = Div(b, two)\ny = Round(c)",
        "ElementWise Unary ElementWise Unary",
        weights={"two": 2.0},
        low=-6.0,
        high=6.0,
    ),
    *(
        case(name, f"y = {name}(x, z)", f"Shuffle {kinds_}", x=("n", 2, 3, 4), z=(2, 1, 4), low=0.5)
        for name, kinds_ in (
            *((n, "ElementWise") for n in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Pow")),
            *((n, "ElementWise") for n in ("Equal", "Greater", "Less")),
            *((n, "ElementWise ElementWise ElementWise") for n in ("GreaterOrEqual", "LessOrEqual")),
        )
    ),
    case("a constant of fewer dimensions", "y = Mul(x, w)", "ElementWise", weights={"w": (2, 1, 8)}),
    case(
        "a constant of more dimensions",
        "y = Mul(x, w)",
        "Shuffle ElementWise",
        x=("n", 3),
        weights={"w": (2, 1, 3)},
    ),
    case(
        "sum of three",
        "y = Sum(x, z, w)",
        "ElementWise ElementWise",
        x=("n", 3),
        z=("n", 3),
        weights={"w": (3,)},
    ),
    case("mean of two", "y = Mean(x, z)", "ElementWise ElementWise", x=("n", 3), z=("n", 3)),
    case("square", "y = Pow(x, two)", "ElementWise", weights={"two": 2.0}),
    case("power with an integer exponent", "y = Pow(x, three)", "ElementWise", weights={"three": 3}, low=0.1),
    case(
        "mod of integers",
        "y = Mod(x, w)",
        "ElementWise ElementWise ElementWise",
        x=("n", 9, "int64"),
        weights={"w": [3]},
        low=-9,
        high=9,
    ),
    case(
        "fmod",
        "y = Mod<fmod = 1>(x, w)",
        "ElementWise Unary Unary Unary ElementWise ElementWise ElementWise",
        weights={"w": [0.7]},
        low=-3.0,
        high=3.0,
    ),
    *(
        case(name, f"y = {name}(x, z)", "ElementWise", x=("n", 9, "bool"), z=("n", 9, "bool"))
        for name in ("And", "Or", "Xor")
    ),
    case(
        "integers",
        "a = Mul(x, z)\nb = Sub(a, x)\nc = Abs(b)\nd = Neg(c)\ne = Max(d, x)\ny = Add(e, w)",
        "ElementWise ElementWise Unary Unary ElementWise ElementWise",
        x=("n", 9, "int64"),
        z=("n", 9, "int64"),
        weights={"w": [2]},
        low=-9,
        high=9,
    ),
    case(
        "division of integers, towards zero",
        "y = Div(x, w)",
        "ElementWise",
        x=("n", 9, "int64"),
        weights={"w": [4]},
        low=-19,
        high=19,
    ),
    case(
        "where of integers",
        "c = Less(x, z)\nd = Where(c, x, w)\ny = ReduceSum(d)",
        "ElementWise Select Reduce",
        x=("n", 9, "int64"),
        z=("n", 9, "int64"),
        weights={"w": 7},
        low=-9,
        high=9,
    ),
    case("cast to bool", "a = Floor(x)\nb = Cast<to = 9>(a)\ny = Not(b)", "Unary Cast Unary"),
    case("cast to int32", "a = Cast<to = 6>(x)\ny = Cast<to = 7>(a)", "Cast Cast", low=-5.0, high=5.0),
    case("trilu", "y = Trilu<upper = 0>(x, k)", "Select", weights={"k": -1}),
    case("not", "y = Not(x)", "Unary", x=("n", 9, "bool")),
    case("equal of bool", "y = Equal(x, z)", "Cast Cast ElementWise", x=("n", 9, "bool"), z=("n", 9, "bool")),
    case(
        "where",
        "y = Where(c, x, w)",
        "Select",
        c=("n", 2, 1, 4, "bool"),
        x=("n", 2, 3, 4),
        weights={"w": 0.5},
    ),
    case(
        "bool in arithmetic",
        "a = Greater(x, w)\nb = Cast<to = 1>(a)\ny = Mul(b, x)",
        "ElementWise Cast ElementWise",
        weights={"w": 0.0},
    ),
    case(
        "cast to integers and back",
        "a = Cast<to = 7>(x)\ny = Cast<to = 1>(a)",
        "Cast Cast",
        low=-5.0,
        high=5.0,
    ),
    case(
        "cast to double",
        "a = Cast<to = 11>(x)\nb = Mul(a, w)\ny = Cast<to = 1>(b)",
        "ElementWise Identity",
        weights={"w": Typed("float64", (8,))},
    ),
    case("is nan", "a = Sqrt(x)\nb = IsNaN(a)\ny = Cast<to = 1>(b)", "Unary ElementWise Unary Cast"),
    case(
        "half precision",
        "a = Cast<to = 10>(x)\nb = Conv(a, w)\nc = Add(b, t)\ny = Cast<to = 1>(c)",
        "Cast Convolution ElementWise Cast",
        weights={"w": Typed("float16", (3, 2, 3, 3)), "t": Typed("float16", (3, 1, 1))},
        tolerance=2e-3,  # float16 has 11 bits
    ),
]

REDUCTIONS = [
    *(
        case(name, f"y = {name}(x, axes)", "Reduce", weights={"axes": [-1, 1]}, low=0.5)
        for name in ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd")
    ),
    *(
        case(
            f"{name} with an attribute",
            f"y = {name}<axes = [2], keepdims = 0>(x)",
            "Reduce",
            opset=13,
            low=0.5,
        )
        for name in ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd")
    ),
    case("reduce everything", "y = ReduceSum<keepdims = 0>(x)", "Reduce"),
    case("reduce nothing", "a = ReduceSum<noop_with_empty_axes = 1>(x)\ny = Neg(a)", "Unary"),
    case("ReduceL1", "y = ReduceL1(x, axes)", "Unary Reduce", weights={"axes": [1]}),
    case("ReduceL2", "y = ReduceL2(x, axes)", "ElementWise Reduce Unary", weights={"axes": [1]}),
    case("ReduceSumSquare", "y = ReduceSumSquare(x, axes)", "ElementWise Reduce", weights={"axes": [1]}),
    case("ReduceLogSum", "y = ReduceLogSum(x, axes)", "Reduce Unary", weights={"axes": [1]}, low=0.5),
    case(
        "ReduceLogSumExp",
        "y = ReduceLogSumExp<keepdims = 0>(x, axes)",
        "Reduce ElementWise Unary Reduce Unary ElementWise Shuffle",
        weights={"axes": [1]},
        low=80.0,
        high=99.0,
    ),
    case("top k", "y, i = TopK<axis = 2>(x, k)", "TopK Cast", weights={"k": [3]}, outputs=("y", "i")),
    case("the least", "y, i = TopK<largest = 0>(x, k)", "TopK Cast", weights={"k": [3]}, outputs=("y", "i")),
    case(
        "top k of a vector",
        "y, i = TopK(x, k)",
        "Shuffle TopK Shuffle Shuffle Cast",
        x=(9,),
        weights={"k": [3]},
        outputs=("y", "i"),
    ),
    case("argmax", "y = ArgMax<axis = 1, keepdims = 0>(x)", "TopK Shuffle Cast"),
    case("argmin", "y = ArgMin<axis = -1>(x)", "TopK Cast"),
]

SHAPES = [
    case("reshape to constants", "y = Reshape(x, to)", "Shuffle", weights={"to": [-1, 4, 24]}),
    case(
        "reshape that keeps the batch",
        "y = Reshape(x, to)",
        "Shuffle",
        weights={"to": [0, -1]},
        check=lambda p: only(p, kinds.Shuffle).reshape == (0, 96),
    ),
    case(
        "reshape by the batch",
        "s = Shape<end = 1>(x)\nto = Concat<axis = 0>(s, rest)\ny = Reshape(x, to)",
        "Shuffle",
        weights={"rest": [12, 8]},
        check=lambda p: only(p, kinds.Shuffle).reshape == (0, 12, 8),
    ),
    case(
        "reshape by arithmetic",
        """s = Shape(x)
        n = Gather(s, zero)
        c = Gather(s, one)
        m = Mul(n, c)
        m1 = Unsqueeze(m, zeros)
        to = Concat<axis = 0>(m1, rest)
        y = Reshape(x, to)""",
        "Shuffle",
        weights={"zero": 0, "one": 1, "zeros": [0], "rest": [6, 8]},
        check=lambda p: only(p, kinds.Shuffle).reshape == (-1, 6, 8),
    ),
    case(
        "reshape of two sizes that vary",
        "s = Shape(z)\ny = Reshape(x, s)",
        "Shape Gather Gather Concatenation Shuffle",
        x=("n", 6, "m"),
        z=("m", "n", 6),
    ),
    case(
        "reshape of a reshape",
        "a = Reshape(x, flat)\ny = Reshape(a, to)",
        "Shuffle",
        weights={"flat": [-1], "to": [-1, 16, 6]},
    ),
    case(
        "reshape there and back",
        "a = Reshape(x, flat)\nb = Reshape(a, to)\ny = Neg(b)",
        "Unary",
        weights={"flat": [0, -1], "to": [-1, 2, 6, 8]},
    ),
    case("flatten", "y = Flatten(x)", "Shuffle"),
    case("flatten from the end", "y = Flatten<axis = -1>(x)", "Shuffle"),
    case(
        "squeeze and unsqueeze",
        "a = Unsqueeze(x, a1)\nb = Neg(a)\ny = Squeeze(b, a1)",
        "Shuffle Unary Shuffle",
        weights={"a1": [1, -1]},
    ),
    case("squeeze all", "y = Squeeze(x)", "Shuffle", x=(1, 3, 1, 4)),
    case("transpose", "y = Transpose<perm = [0, 2, 3, 1]>(x)", "Shuffle"),
    case("transpose, reversed", "y = Transpose(x)", "Shuffle"),
    case("depth to space", "y = DepthToSpace<blocksize = 2>(x)", "Shuffle Shuffle Shuffle", x=("n", 8, 3, 5)),
    case(
        "depth to space, CRD",
        """y = DepthToSpace<blocksize = 2, mode = "CRD">(x)""",
        "Shuffle Shuffle Shuffle",
        x=("n", 8, 3, 5),
    ),
    case("space to depth", "y = SpaceToDepth<blocksize = 2>(x)", "Shuffle Shuffle Shuffle"),
    case("shape", "y = Shape(x)", "Shape"),
    case("a part of a shape", "y = Shape<start = 0, end = 2>(x)", "Shape Slice"),
    case("size", "y = Size(x)", "Shape Reduce"),
    case("identities", "a = Identity(x)\nb = Dropout(a)\ny = Relu(b)", "Activation"),
    case("an output that is an input's copy", "y = Identity(x)", "Identity"),
    case("expand", "y = Expand(x, to)", "Slice", x=("n", 1, 3), weights={"to": [1, 4, 3]}),
    case(
        "expand to more dimensions",
        "y = Expand(x, to)",
        "Shuffle Slice",
        x=("n", 1),
        weights={"to": [2, 1, 4]},
    ),
    case(
        "expand to the batch",
        """s = Shape<end = 1>(x)
        to = Concat<axis = 0>(s, rest)
        a = Expand(w, to)
        y = Concat<axis = 1>(a, x)""",
        "Shape Gather Concatenation Slice Concatenation",
        x=("n", 2, 4),
        weights={"rest": [1, 4], "w": (1, 1, 4)},
    ),
    case(
        "expand before what broadcasts",
        "s = Shape(x)\na = ReduceSum(x, axes)\nb = Expand(a, s)\ny = Div(x, b)",
        "Reduce ElementWise",
        weights={"axes": [1]},
        low=0.5,
    ),
    case(
        "constant of shape",
        "s = Shape(x)\na = ConstantOfShape(s)\ny = Add(a, x)",
        "Shape Gather Concatenation Slice ElementWise",
    ),
    case(
        "tile",
        "y = Tile(x, r)",
        "Slice",
        weights={"r": [1, 2, 1, 3]},
        check=lambda p: only(p, kinds.Slice).outside is kinds.SliceFill.wrap,
    ),
    case("tile of one", "y = Tile(x, r)", "Slice", x=("n", 1, 3), weights={"r": [1, 4, 1]}),
    case(
        "tile of the batch",
        "y = Tile(x, r)",
        "Shape Gather ElementWise Concatenation Slice",
        x=("n", 3),
        weights={"r": [2, 1]},
    ),
    case(
        "concat",
        "y = Concat<axis = -3>(x, w, x)",
        "Concatenation",
        x=(1, 2, 3, 4),
        weights={"w": (1, 5, 3, 4)},
    ),
    case(
        "split",
        "a, y = Split<axis = 1>(x, parts)",
        "Slice Slice",
        x=("n", 5),
        weights={"parts": [2, 3]},
        outputs=("a", "y"),
    ),
    case(
        "split into equal parts",
        "a, b, y = Split<axis = 1, num_outputs = 3>(x)",
        "Slice Slice Slice",
        x=("n", 8),
        outputs=("a", "b", "y"),
    ),
    case(
        "slice",
        "y = Slice(x, s, e, a, t)",
        "Slice",
        weights={"s": [1, -3], "e": [99, -1], "a": [2, -1], "t": [2, 1]},
    ),
    case(
        "slice backwards",
        "y = Slice(x, s, e, a, t)",
        "Slice",
        weights={"s": [-1], "e": [-99], "a": [3], "t": [-2]},
    ),
    case(
        "slice of the batch",
        "y = Slice(x, s, e)",
        "Shape Gather ElementWise Concatenation Slice",
        x=("n", 3),
        weights={"s": [1], "e": [2**62]},
        sizes=(2, 5),
    ),
    case("slice of nothing", "a = Slice(x, s, e)\ny = Neg(a)", "Unary", weights={"s": [0], "e": [2**62]}),
    case("gather", "y = Gather<axis = 2>(x, i)", "Gather", weights={"i": [[0, -1], [2, -3]]}),
    case("gather one", "y = Gather<axis = 1>(x, i)", "Gather", weights={"i": -1}),
    case(
        "embedding",
        "y = Gather(w, i)",
        "Gather",
        i=("n", 4, "int64"),
        low=0.0,
        high=6.9,
        weights={"w": (7, 5)},
    ),
    case(
        "gather elements",
        "y = GatherElements<axis = 1>(x, i)",
        "Gather",
        x=(2, 5),
        weights={"i": [[0, -1, 2], [3, 4, -5]]},
    ),
    case("gather nd", "y = GatherND(x, i)", "Gather", x=(4, 5, 2), weights={"i": [[0, 1], [-1, 2], [3, -5]]}),
    case(
        "gather nd in batches",
        "y = GatherND<batch_dims = 1>(x, i)",
        "Gather",
        x=(3, 5, 2),
        weights={"i": [[1], [4], [0]]},
    ),
    case("pad", "y = Pad(x, p, v)", "Slice", weights={"p": [0, 0, 1, 2, 0, 0, 3, 0], "v": 1.5}),
    case("pad some dimensions", "y = Pad(x, p, , a)", "Slice", weights={"p": [1, -2], "a": [-1]}),
    case(
        "pad, reflect",
        """y = Pad<mode = "reflect">(x, p)""",
        "Slice",
        weights={"p": [0, 0, 1, 2, 0, 0, 3, 0]},
    ),
    case("pad, edge", """y = Pad<mode = "edge">(x, p)""", "Slice", weights={"p": [0, 0, 1, 2, 0, 0, 3, 0]}),
    case(
        "crop",
        "y = Pad(x, p)",
        "Slice",
        weights={"p": [0, 0, -1, -2, 0, 0, 0, -1]},
        check=lambda p: only(p, kinds.Slice).outside is kinds.SliceFill.strict,
    ),
    case("pad by nothing", "a = Pad(x, p)\ny = Neg(a)", "Unary", weights={"p": [0] * 8}),
]

NEAREST = (
    'y = Resize<mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor">'
    "(x, , f)"
)
RESIZES = [
    case(
        f"resize {mode} {coordinates} {rounding}",
        f'y = Resize<mode = "{mode}", coordinate_transformation_mode = "{coordinates}", '
        f'nearest_mode = "{rounding}">(x, , , to)',
        "Resize",
        weights={"to": [1, 2, 9, 20]},
        x=(1, 2, 6, 8),
    )
    for mode, coordinates, rounding in (
        ("nearest", "asymmetric", "floor"),
        ("nearest", "asymmetric", "ceil"),
        ("nearest", "half_pixel", "round_prefer_floor"),
        ("nearest", "half_pixel", "round_prefer_ceil"),
        ("nearest", "align_corners", "round_prefer_floor"),
        ("linear", "half_pixel", "floor"),
        ("linear", "pytorch_half_pixel", "floor"),
        ("linear", "align_corners", "floor"),
        ("linear", "asymmetric", "floor"),
        ("cubic", "half_pixel", "floor"),
        ("cubic", "align_corners", "floor"),
    )
] + [
    case(
        "resize by whole factors",
        NEAREST,
        "Resize",
        weights={"f": [1.0, 1.0, 2.0, 3.0]},
        check=lambda p: only(p, kinds.Resize).sizes == (-1, 2, 12, 24),
    ),
    case(
        "resize by factors over sizes that vary",
        NEAREST,
        "Resize",
        x=(1, 2, "h", "w"),
        weights={"f": [1.0, 1.0, 2.0, 2.0]},
        check=lambda p: only(p, kinds.Resize).scales == (1.0, 1.0, 2.0, 2.0),
    ),
    case(
        "resize to sizes by floating point",
        """s = Shape(x)
        f = Cast<to = 1>(s)
        g = Mul(f, k)
        h = Floor(g)
        to = Cast<to = 7>(h)
        y = Resize<mode = "linear", coordinate_transformation_mode = "half_pixel">(x, , , to)""",
        "Shape Gather ElementWise Gather ElementWise Gather ElementWise Concatenation Resize",
        x=(1, 2, "h", "w"),
        weights={"k": [1.0, 1.0, 1.5, 2.0]},
        sizes=(4, 7),
    ),
    case(
        "resize to sizes that are not followed",
        """s = Shape(x)
        f = Cast<to = 1>(s)
        e = Mul(f, f)
        r = Sqrt(e)
        g = Mul(r, k)
        h = Floor(g)
        to = Cast<to = 7>(h)
        y = Resize<mode = "linear", coordinate_transformation_mode = "half_pixel">(x, , , to)""",
        "Shape Cast ElementWise Unary ElementWise Unary Cast Resize",
        x=(1, 2, "h", "w"),
        weights={"k": [1.0, 1.0, 1.5, 2.0]},
        sizes=(4, 6),
    ),
    case(
        "reshape to sizes that are not followed",
        """s = Shape(x)
        f = Cast<to = 1>(s)
        e = Mul(f, f)
        r = Sqrt(e)
        g = Mul(r, k)
        to = Cast<to = 7>(g)
        y = Reshape(x, to)""",
        "Shape Cast ElementWise Unary ElementWise Cast Shuffle",
        x=(1, 2, "h", "w"),
        weights={"k": [1.0, 1.0, 2.0, 0.5]},
        sizes=(4, 6),
    ),
    case(
        "resize to the size of another",
        """s = Shape<start = 2>(z)
        n = Shape<end = 2>(x)
        to = Concat<axis = 0>(n, s)
        y = Resize<mode = "linear", coordinate_transformation_mode = "half_pixel">(x, , , to)""",
        "Resize",
        x=("n", 2, 3, 4),
        z=("n", 2, 6, 8),
        check=lambda p: only(p, kinds.Resize).sizes == (-1, 2, 6, 8),
    ),
    case(
        "resize to sizes that vary",
        """s = Shape<start = 2>(z)
        n = Shape<end = 2>(x)
        to = Concat<axis = 0>(n, s)
        y = Resize<mode = "linear", coordinate_transformation_mode = "half_pixel">(x, , , to)""",
        "Shape Gather Gather Concatenation Resize",
        x=(1, 2, 3, 4),
        z=(1, 2, "h", "w"),
    ),
]

FOLDED = [
    case(
        "as_strided of a dense tensor",
        """a = ReduceMean(x, axes)
        flat = Reshape(a, all)
        s = Shape<end = 1>(x)
        n = Squeeze(s)
        r = Range(zero, n, one)
        o = Mul(r, two)
        u = Unsqueeze(o, inner)
        i = Add(u, channels)
        y = Gather(flat, i)""",
        "Reduce Shuffle",
        weights={
            "axes": [-1, -2],
            "all": [-1],
            "zero": 0,
            "one": 1,
            "two": 2,
            "inner": [1],
            "channels": [[0, 1]],
        },
    ),
    case(
        "constants",
        "a = Add(u, v)\nb = Transpose(a)\ny = MatMul(x, b)",
        "Linear",
        x=("n", 3),
        weights={"u": (4, 3), "v": (4, 3)},
    ),
    case(
        "scatter and trilu of constants",
        "a = ScatterND(u, i, v)\nb = Trilu(a)\ny = MatMul(x, b)",
        "Linear",
        x=("n", 3),
        weights={"u": (3, 4), "i": [[1]], "v": (1, 4)},
    ),
    case("what nothing uses", "a = Exp(x)\nb = Det(x)\ny = Relu(x)", "Activation", x=("n", 3, 3)),
    case(
        "int8",
        """q = QuantizeLinear(x, s, z)
        d = DequantizeLinear(q, s, z)
        w = DequantizeLinear<axis = 0>(k, t)
        y = Conv(d, w)""",
        "Quantize Dequantize Convolution",
        weights={
            "s": 0.05,
            "z": Typed("int8", (), 0),
            "k": Typed("int8", (3, 2, 3, 3)),
            "t": [0.1, 0.2, 0.3],
        },
    ),
    case(
        "int8 constants in a product",
        "w = DequantizeLinear<axis = 1>(k, t)\ny = MatMul(x, w)",
        "Dequantize Shuffle MatrixMultiply",
        weights={"k": Typed("int8", (8, 3)), "t": [0.1, 0.2, 0.3]},
    ),
]

CASES = [
    *(*CONVOLUTIONS, *POOLS, *PRODUCTS, *NORMS, *ACTIVATIONS, *ARITHMETIC, *REDUCTIONS, *SHAPES, *RESIZES),
    *FOLDED,
]
