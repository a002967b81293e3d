"""Lowering: each operator's layers, run with PyTorch against ONNX Runtime, for two batch sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from network_cases import CASES, Case, Spec, Typed, case
from network_counting import COUNTING

from gencpp.network import plan as kinds
from gencpp.network.lower.lowering import Lowered, Uncovered, lower
from gencpp.network.plan import NetworkPlan


def model_of(given: Case) -> Any:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper, parser

    nodes = [parser.parse_node(line.strip()) for line in given.nodes.strip().splitlines()]
    for node in nodes:
        node.name = f"{node.op_type}_{node.output[0]}"
    inputs = []
    for name, spec in given.inputs.items():
        dims, kind = _split(spec)
        code = getattr(TensorProto, {"float32": "FLOAT", "float64": "DOUBLE"}.get(kind, kind.upper()))
        inputs.append(helper.make_tensor_value_info(name, code, dims))
    random = np.random.default_rng(5)
    weights = []
    for name, value in given.weights.items():
        if isinstance(value, tuple):
            array = random.standard_normal(value).astype(np.float32)
        elif isinstance(value, Typed):
            array = random.integers(-value.largest, value.largest + 1, value.dims).astype(value.dtype)
        else:
            array = np.asarray(value)
            array = array.astype(np.float32) if array.dtype == np.float64 else array
        weights.append(numpy_helper.from_array(array, name))
    outputs = [helper.make_empty_tensor_value_info(o) for o in given.outputs]
    graph = helper.make_graph(nodes, "test", inputs, outputs, weights)
    opset = helper.make_opsetid("", given.opset)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=10)
    return onnx.shape_inference.infer_shapes(model, data_prop=True)


def _split(spec: Spec) -> tuple[list[Any], str]:
    kinds_ = ("float32", "float64", "float16", "int64", "int32", "bool", "int8")
    return (list(spec[:-1]), spec[-1]) if spec and spec[-1] in kinds_ else (list(spec), "float32")


def feeds_of(given: Case, size: int) -> dict[str, Any]:
    import numpy as np

    random = np.random.default_rng(size)
    feeds = {}
    for name, spec in given.inputs.items():
        dims, kind = _split(spec)
        shape = [d if isinstance(d, int) else size for d in dims]
        values = random.uniform(given.low, given.high, shape)
        feeds[name] = (values > 0 if kind == "bool" else values).astype(kind)
    return feeds


def compare(given: Case, lowered: Lowered, model: Any, size: int, api: int) -> None:
    """The plan's answers are ONNX Runtime's."""
    import numpy as np
    import onnxruntime

    from gencpp.network.interpret.interpreter import run

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    feeds = feeds_of(given, size)
    wanted = session.run(list(given.outputs), feeds)
    if api < 1000:
        feeds = {n: v.astype(np.int32) if v.dtype == np.int64 else v for n, v in feeds.items()}
    found = run(lowered.plan, lowered.weights, feeds, api)
    for name, expected in zip(given.outputs, wanted, strict=True):
        got = found[name]
        kind = np.dtype(np.int32) if api < 1000 and expected.dtype == np.int64 else expected.dtype
        assert (got.dtype, got.shape) == (kind, expected.shape), name
        if expected.dtype.kind in "bi":
            assert (got == expected).all(), name
        else:
            assert np.isfinite(expected).all(), "the case itself"
            assert np.abs(got - expected).max() <= given.tolerance * np.abs(expected).max(), name


def kinds_of(plan: NetworkPlan) -> str:
    return " ".join(type(n).__name__ for n in plan.layers if not isinstance(n, kinds.Constant))


@pytest.mark.parametrize("given", [*CASES, *COUNTING], ids=lambda c: c.name)
def test_an_operator(given: Case) -> None:
    model = model_of(given)
    lowered = lower(model, {})
    assert given.layers in (None, kinds_of(lowered.plan))
    assert given.check(lowered.plan)
    for size in given.sizes:
        compare(given, lowered, model, size, 1013)
    compare(given, lowered, model, given.sizes[1], 805)


def test_types_that_networks_lack_are_named() -> None:
    found = uncovered(case("double", "y = Neg(x)", "", x=("n", 2, "float64")))
    assert found == [
        "input is double (from the model itself: x)",
        "output is double (from the model itself: y)",
    ]
    (problem,) = uncovered(case("int16", "y = Add(x, w)", "", weights={"w": Typed("int16", (8,))}))
    assert "has constants of int16" in problem


REFUSED = {
    "dilated": "y = MaxPool<kernel_shape = [2, 2], dilations = [2, 2]>(x)",
    "rounds up (ceil_mode) and counts the padding (count_include_pad)": (
        "y = AveragePool<kernel_shape = [4, 4], strides = [3, 3], ceil_mode = 1, count_include_pad = 1>(x)"
    ),
    "its indices are used": "a, y = MaxPool<kernel_shape = [2, 2]>(x)",
    "cubic_spline": """y = Resize<mode = "cubic_spline">(x, , f)""",
    "tf_crop_and_resize": """y = Resize<coordinate_transformation_mode = "tf_crop_and_resize">(x, , f)""",
    "is antialiased": """y = Resize<mode = "linear", antialias = 1>(x, , f)""",
    "keeps the aspect ratio": (
        'y = Resize<keep_aspect_ratio_policy = "not_larger", axes = [2, 3]>(x, , , two)'
    ),
    "takes a diagonal": """y = Einsum<equation = "ncii->nci">(x)""",
    "has 3 operands": """y = Einsum<equation = "nchw,nchw,nchw->nc">(x, x, x)""",
    "its weights are computed by the network": "y = Conv(x, x)",
    "takes the last of equal elements": "y = ArgMax<select_last_index = 1>(x)",
    "has a zero point that is not 0": "y = QuantizeLinear(x, scale, zero8)",
    "training mode": "y, m, v = BatchNormalization<training_mode = 1>(x, scale2, scale2, scale2, scale2)",
    "has no layer here": "y = Hardmax(x)",
    "its length is computed from values": "y = Range(x, x, x)",
    "keeps no box": "y = NonMaxSuppression(x, x)",
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_refused_says_why(reason: str) -> None:
    constants = {
        "f": [1.0, 1.0, 2.0, 2.0],
        "two": [9, 9],
        "zero": [0],
        "scale": 0.5,
        "zero8": Typed("int8", (2, 2)),
        "scale2": [1.0, 1.0],
        "axis": 1,
    }
    given = case(reason, REFUSED[reason], "", weights=constants)
    (problem,) = uncovered(given)
    assert reason in problem
    (node,) = model_of(given).graph.node
    assert problem.startswith(f"{node.op_type} ")


def uncovered(given: Case) -> list[str]:
    with pytest.raises(Uncovered) as e:
        lower(model_of(given), {})
    return [str(p) for p in e.value.problems]


def test_all_problems_at_once() -> None:
    given = case(
        "several",
        """a = Det(x)
        b = Relu(x)
        c = Unique(b)
        d = Exp(c)
        e = Hardmax<axis = 0>(d)
        f = NonZero(x)
        y = Add(a, e)""",
        "",
        x=("n", 3, 3),
    )
    model = model_of(given)
    for node, path in zip(
        model.graph.node, ("", "body.act", "body.pick", "body.act", "head", "unused", ""), strict=True
    ):
        node.name = f"{path}/{node.op_type}" if path else node.op_type
    with pytest.raises(Uncovered) as e:
        lower(model, {"": "Net"})
    found = [(p.operator, p.module, p.node) for p in e.value.problems]
    assert found == [
        ("Det", "", "Det"),
        ("Unique", "body.pick", "body.pick/Unique"),
        ("Hardmax", "head", "head/Hardmax"),
    ]
    assert "Hardmax has no layer here (from head: head/Hardmax)" in str(e.value)
    assert e.value.exit_code == 2


MODULES = {
    "": "Net",
    "stem": "Sequential",
    "stem.0": "Conv2d",
    "stem.1": "ReLU",
    "attn": "Attention",
    "fc": "Linear",
    "unused": "Linear",
}


def named() -> Any:
    """As exporters name: containers, a module called twice, one of several layers, parameters."""
    given = case(
        "named",
        """a = Conv(x, conv)
        b = Relu(a)
        c = Add(b, offset)
        d = Relu(c)
        e = Reshape(d, to)
        f = Softmax(e)
        g = Mul(f, half)
        h = MatMul(g, w)
        y = Add(h, bias)""",
        "",
        weights={
            "conv": (3, 2, 1, 1),
            "offset": (3, 6, 8),
            "to": [0, -1],
            "half": 0.5,
            "w": (144, 5),
            "bias": (5,),
        },
    )
    model = model_of(given)
    paths = ("stem.0", "stem.1", "", "stem.1", "attn", "attn", "attn", "fc", "fc")
    taken: set[str] = set()
    for node, path in zip(model.graph.node, paths, strict=True):
        name = f"{path}/{node.op_type}" if path else node.op_type
        node.name = f"{name}_1" if name in taken else name
        taken.add(node.name)
    exported = {
        "conv": "stem.0.weight",
        "bias": "fc.bias",
        "w": "fc/MatMul.B",
        "half": "attn/Mul.B",
        "to": "attn/Reshape.shape",
    }
    rename(model, exported)
    return given, model


def rename(model: Any, names: Mapping[str, str]) -> None:
    for tensor in model.graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    for node in model.graph.node:
        node.input[:] = [names.get(i, i) for i in node.input]


def test_names() -> None:
    given, model = named()
    lowered = lower(model, MODULES)
    plan = lowered.plan
    assert [(layer.name, layer.module) for layer in plan.layers] == [
        ("stem.0", "stem.0"),
        ("stem.1", "stem.1"),
        ("offset", ""),
        ("add", ""),
        ("stem.1_1", "stem.1"),
        ("attn/reshape", "attn"),
        ("attn/softmax", "attn"),
        ("attn/constant", "attn"),
        ("attn/multiply", "attn"),
        ("fc", "fc"),
    ]
    assert {w.name: w.dims for w in plan.weights} == {
        "stem.0.weight": (3, 2, 1, 1),
        "offset": (3, 6, 8),
        "fc.weight": (5, 144),  # as torch.nn.Linear keeps it
        "fc.bias": (5,),
    }
    assert plan.modules == {k: v for k, v in MODULES.items() if k != "unused"}
    assert plan.outputs == ("y",)
    described = {t.name: t.dims for t in plan.tensors}
    assert described["e"] == (-1, 144) and described["offset/output"] == (1, 3, 6, 8)
    compare(given, lowered, model, 3, 1013)


def test_a_linear_that_its_parent_computes_is_named_after_it() -> None:
    given = case(
        "functional",
        "a = MatMul(x, u)\nb = Add(a, zeros)\nc = MatMul(b, v)\ny = Add(c, zeros)",
        "",
        weights={"u": (8, 5), "v": (5, 5), "zeros": [0.0] * 5},
    )
    model = model_of(given)
    for node, block in zip(model.graph.node, (0, 0, 1, 1), strict=True):
        node.name = f"{block}.attn/{node.op_type}"
    # exporters merge equal constants
    rename(model, {"u": "0.attn/MatMul.B", "v": "1.attn/MatMul.B", "zeros": "0.attn.qkv.bias"})
    modules = {f"{i}.attn{rest}": kind for i in (0, 1) for rest, kind in (("", "Net"), (".qkv", "Linear"))}
    lowered = lower(model, modules)
    assert [(n.name, n.module) for n in lowered.plan.layers] == [(f"{i}.attn.qkv",) * 2 for i in (0, 1)]
    assert {w.name: w.dims for w in lowered.plan.weights} == {
        "0.attn.qkv.weight": (5, 8),
        "0.attn.qkv.bias": (5,),
        "1.attn.qkv.weight": (5, 5),
        "1.attn.qkv.bias": (5,),
    }
    compare(given, lowered, model, 2, 1013)


def test_names_without_modules() -> None:
    model = named()[1]
    for node in model.graph.node:
        node.name = ""
    names = [layer.name for layer in lower(model, {}).plan.layers]
    assert names[:3] == ["convolution", "relu", "constant"] and names[-1] == "linear"
    assert len(set(names)) == len(names)


def test_weights_that_modules_share() -> None:
    given = case(
        "shared",
        """a = LayerNormalization(x, ones, zeros)
        b = LayerNormalization(a, ones, zeros)
        c = MatMul(b, w)
        y = MatMul(c, w)""",
        "",
        x=("n", 4, 300),
        weights={"ones": [1.0] * 300, "zeros": [0.0] * 300, "w": (300, 300)},
    )
    model = model_of(given)
    for node, path in zip(model.graph.node, ("block0.norm", "block1.norm", "up", "down"), strict=True):
        node.name = f"{path}/{node.op_type}"
    lowered = lower(model, {})
    assert [w.name for w in lowered.plan.weights] == [
        # one for each module, so that blocks that repeat are alike
        *("block0.norm.weight", "block0.norm.bias", "block1.norm.weight", "block1.norm.bias"),
        "up.weight",  # large weights are there once
    ]
    assert [layer.weight for layer in lowered.plan.layers][-2:] == ["up.weight", "up.weight"]
    compare(given, lowered, model, 2, 1013)


def test_a_module_that_is_called_twice_has_its_weights_once() -> None:
    given = case("twice", "a = Conv(x, w)\ny = Conv(a, w)", "", weights={"w": (2, 2, 1, 1)})
    model = model_of(given)
    for i, node in enumerate(model.graph.node):
        node.name = f"head.conv/Conv_{i}"
    plan = lower(model, {}).plan
    assert [layer.name for layer in plan.layers] == ["head.conv", "head.conv_1"]
    assert [w.name for w in plan.weights] == ["head.conv.weight"]


def test_large_expansions_are_not_stored() -> None:
    given = case(
        "expanded",
        "a = Expand(w, to)\ny = Concat<axis = 0>(a, x)",
        "",
        x=(1, 300, 300),
        weights={"w": (1, 300, 1), "to": [1, 300, 300]},
    )
    model = model_of(given)
    lowered = lower(model, {})
    assert sum(w.size for w in lowered.plan.weights) == 1200
    assert kinds_of(lowered.plan) == "Slice Concatenation"
    compare(given, lowered, model, 1, 1013)


def test_the_model_is_left_as_it_was() -> None:
    model = named()[1]
    before = model.SerializeToString(deterministic=True)
    first, second = lower(model, MODULES), lower(model, MODULES)
    assert model.SerializeToString(deterministic=True) == before
    assert first.plan == second.plan


def test_an_old_opset_is_refused() -> None:
    assert uncovered(case("old", "y = Relu(x)", "", opset=12)) == [
        "opset is older than 13 (from the model itself: 12)"
    ]
