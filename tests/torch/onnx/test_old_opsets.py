"""Files as exporters wrote them years ago: taken, with the answers that ONNX Runtime or NumPy gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gencpp.backends.tensorrt.network_export import export_network
from gencpp.backends.tensorrt.onnx_export import OnnxOptions, export_onnx
from gencpp.core.errors import UsageError
from gencpp.core.loaded import LoadOptions
from gencpp.model.inspection import inspect_model
from gencpp.onnx.given import read_given
from gencpp.onnx.graph import dims_of, opset_of
from gencpp.onnx.runtime import OnnxRunner
from gencpp.sources.load import load_source, parse_source

X = (2, 3, 4, 4)


def written(
    folder: Path,
    opset: int,
    *nodes: str,
    weights: dict[str, Any] | None = None,
    dims: Any = X,
    rank: int = 4,
) -> Path:
    """x -> y (of `rank`) in ONNX's text form, of IR version 3 with its weights among the inputs."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper, parser

    arrays = {k: np.asarray(v) for k, v in (weights or {}).items()}
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, dims)]
    inputs += [
        helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
        for k, v in arrays.items()
    ]
    graph = helper.make_graph(
        [parser.parse_node(n) for n in nodes],
        "old",
        inputs,
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [f"y{i}" for i in range(rank)])],
        [numpy_helper.from_array(v, k) for k, v in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=3)
    path = folder / "old.onnx"
    onnx.save(model, path)
    return path


def as_of_13(path: Path) -> Path:
    """What gencpp makes of the file, in a file."""
    import onnx

    model = read_given(path)
    assert opset_of(model) == 13 and [i.name for i in model.graph.input] == ["x"]
    onnx.checker.check_model(model, full_check=True)
    made = path.with_name("new.onnx")
    onnx.save(model, made)
    return made


THREE = np.array([0.5, -2.0, 3.0], np.float32)
FOUR = np.array([1.0, 2.0, -3.0, 0.25], np.float32)
TWICE = np.array([1.0, 1.0, 2.0, 2.0], np.float32)
LARGE = np.linspace(-1, 1, 4 * 600, dtype=np.float32).reshape(4, 600)

OF_6: dict[str, tuple[list[str], dict[str, Any], Callable[[Any], Any]]] = {
    # onnx's converter puts a dimension too many behind b
    "an operand at dimension 1": (
        ["y = Add<axis = 1, broadcast = 1>(x, b)"],
        {"b": THREE},
        lambda x: x + THREE[:, None, None],
    ),
    "an operand at dimension 0": (
        ["y = Mul<axis = 0, broadcast = 1>(x, b)"],
        {"b": THREE[:2]},
        lambda x: x * THREE[:2, None, None, None],
    ),
    "an operand at the last dimensions": (["y = Sub<broadcast = 1>(x, b)"], {"b": FOUR}, lambda x: x - FOUR),
    "operands of one shape": (["y = Div(x, b)"], {"b": np.full(X, 2, np.float32)}, lambda x: x / 2),
    # onnx's converter leaves the slopes at the last dimension
    "a slope for each channel": (
        ["y = PRelu(x, b)"],
        {"b": THREE},
        lambda x: np.where(x < 0, x * THREE[:, None, None], x),
    ),
    "one slope": (
        ["y = PRelu(x, b)"],
        {"b": np.array([0.25], np.float32)},
        lambda x: np.where(x < 0, x / 4, x),
    ),
    "a normalisation": (
        ["y = BatchNormalization<is_test = 1, epsilon = 0.0>(x, b, c, c, d)"],
        {"b": THREE, "c": FOUR[:3], "d": np.array([1.0, 4.0, 0.25], np.float32)},
        lambda x: (
            (x - FOUR[:3, None, None]) / np.array([1.0, 2.0, 0.5])[:, None, None] * THREE[:, None, None]
            + FOUR[:3, None, None]
        ),
    ),
    "a product": (
        ["f = Flatten(x)", "y = Gemm<broadcast = 1>(f, w, b)"],
        {"w": np.ascontiguousarray(LARGE[:, :48].T), "b": FOUR},
        lambda x: x.reshape(2, 48) @ LARGE[:, :48].T + FOUR,
    ),
    "an Upsample of height and width": (
        ["y = Upsample<height_scale = 2.0, width_scale = 3.0>(x)"],
        {},
        lambda x: x.repeat(2, 2).repeat(3, 3),
    ),
}
"""Of opset 6, which ONNX Runtime has few kernels of: nodes, weights, and NumPy's answer."""


@pytest.mark.parametrize("name", OF_6)
def test_an_operator_of_opset_6(tmp_path: Path, name: str) -> None:
    """The reference is the converted file where ONNX Runtime does not run the file's own opset."""
    import torch

    nodes, weights, wanted = OF_6[name]
    path = written(tmp_path, 6, *nodes, weights=weights, rank=2 if name == "a product" else 4)
    x = np.random.default_rng(3).normal(size=X).astype(np.float32)
    loaded = load_source(parse_source(str(path)), LoadOptions(), lambda _: None)
    expected = torch.from_numpy(np.ascontiguousarray(wanted(x), np.float32))
    for found in (loaded.module(torch.from_numpy(x)), OnnxRunner(as_of_13(path))(torch.from_numpy(x))):
        torch.testing.assert_close(found["y"], expected, rtol=1e-5, atol=1e-5)


CASES: dict[str, tuple[int, list[str], dict[str, Any]]] = {
    "weights that are large": (7, ["y = MatMul(x, w)"], {"w": LARGE}),
    # onnx's converter leaves opset 11's defaults, which are others
    "a linear Upsample": (9, ['y = Upsample<mode = "linear">(x, s)'], {"s": TWICE}),
    "a linear Resize": (10, ['y = Resize<mode = "linear">(x, s)'], {"s": TWICE}),
    "a Slice by attributes": (9, ["y = Slice<axes = [1, 3], starts = [1, 0], ends = [9, -1]>(x)"], {}),
    "a Pad by attributes": (9, ["y = Pad<pads = [0, 0, 1, 0, 0, 0, 0, 2], value = 1.5>(x)"], {}),
    "a Clip by attributes": (10, ["y = Clip<max = 0.5>(x)"], {}),
    "Softmax over all that follows": (12, ["y = Softmax<axis = 1>(x)"], {}),
    "Softmax over the last": (12, ["y = Softmax<axis = 3>(x)"], {}),
    "LogSoftmax without an axis": (11, ["y = LogSoftmax(x)"], {}),
    "a sum over axes": (12, ["y = ReduceSum<axes = [1, 2], keepdims = 0>(x)"], {}),
    "a Split": (12, ["a, y = Split<axis = 1, split = [1, 2]>(x)"], {}),
    "a Dropout": (10, ["y = Dropout<ratio = 0.4>(x)"], {}),
}


@pytest.mark.parametrize("name", CASES)
def test_an_old_operator(tmp_path: Path, name: str) -> None:
    import torch

    opset, nodes, weights = CASES[name]
    rank = 2 if "ReduceSum" in nodes[-1] else 4
    path = written(tmp_path, opset, *nodes, weights=weights, rank=rank)
    x = torch.from_numpy(np.random.default_rng(3).normal(size=X).astype(np.float32))
    wanted = OnnxRunner(path)(x)["y"]
    found = OnnxRunner(as_of_13(path))(x)["y"]
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)
    assert float(wanted.std()) > 0


@pytest.mark.parametrize("api", ["parser", "network"])
def test_a_file_of_ir_3_is_taken_by_both_apis(tmp_path: Path, api: str) -> None:
    """A product, and a Softmax over two dimensions, which opset 13 has no attribute for."""
    nodes = ["m = MatMul(x, w)", "y = Softmax<axis = 2>(m)"]
    path = written(tmp_path, 12, *nodes, weights={"w": LARGE[:, :8]})
    options = LoadOptions()
    loaded = load_source(parse_source(str(path)), options, lambda _: None)
    spec = inspect_model(loaded, options)
    export = export_network if api == "network" else export_onnx
    made = export(loaded, spec, tmp_path / "out", OnnxOptions(), lambda _: None)
    assert made.opset == 13 and "converted from opset 12" in made.artifact.method


def test_a_size_of_minus_one_is_unknown(tmp_path: Path) -> None:
    path = written(tmp_path, 13, "y = MatMul(x, w)", weights={"w": LARGE[:, :3]}, dims=[-1, 4], rank=2)
    assert dims_of(read_given(path).graph.input[0]) == ["?", 4]
    options = LoadOptions()
    loaded = load_source(parse_source(str(path)), options, lambda _: None)
    spec = inspect_model(loaded, options)
    first = spec.inputs[0].dims[0]
    assert (first.min, first.opt, first.max) == (1, 1, 8)
    made = export_onnx(loaded, spec, tmp_path / "out", OnnxOptions(), lambda _: None)
    assert made.model.inputs[0].dims[0].dynamic


REFUSED = {
    "opset 5 is not read, 6 and later are": (5, ["y = Relu(x)"]),
    "the number of dimensions of u is not known": (
        6,
        ["u = Reshape(x, r)", "y = Add <axis: int = 1, broadcast: int = 1> (u, b)"],
    ),
    "BatchNormalization y is in training mode": (6, ["y = BatchNormalization(x, b, b, b, b)"]),
}


def _with_a_shape_of_any_length(path: Path) -> None:
    """r, an input that a Reshape takes: how many dimensions it makes, nobody knows."""
    import onnx

    model = onnx.load(path)
    model.graph.input.append(onnx.helper.make_tensor_value_info("r", onnx.TensorProto.INT64, ["n"]))
    onnx.save(model, path)


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cannot_be_converted_says_why(tmp_path: Path, reason: str) -> None:
    opset, nodes = REFUSED[reason]
    path = written(tmp_path, opset, *nodes, weights={"b": THREE})
    if "number of dimensions" in reason:
        _with_a_shape_of_any_length(path)
    with pytest.raises(UsageError) as e:
        read_given(path)
    assert reason in e.value.message and f"old.onnx is of opset {opset}" in e.value.message
    assert "export the model anew" in e.value.hint
