"""Operators of ONNX that draw random numbers at run time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gencpp.core.loaded import LoadOptions
from gencpp.model.inspection import inspect_model
from gencpp.onnx.draws import onnx_draws
from gencpp.sources.load import load_source, parse_source
from gencpp.tensors.draws import Draw, RandomDraw


def onnx_model(*nodes: Any) -> Any:
    from onnx import TensorProto, helper

    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [2]) for n in ("x", "y")]
    on = helper.make_tensor("on", TensorProto.BOOL, [], [True])
    off = helper.make_tensor("off", TensorProto.BOOL, [], [False])
    ratio = helper.make_tensor("ratio", TensorProto.FLOAT, [], [0.5])
    none = helper.make_tensor("none", TensorProto.FLOAT, [], [0.0])
    graph = helper.make_graph(list(nodes), "g", values[:1], values[1:], [on, off, ratio, none])
    return helper.make_model(graph)


@pytest.mark.parametrize(
    ("operator", "inputs", "draws"),
    [
        ("RandomNormalLike", ["x"], True),
        ("RandomUniformLike", ["x"], True),
        ("Bernoulli", ["x"], True),
        ("Multinomial", ["x"], True),
        ("Dropout", ["x", "ratio", "on"], True),
        ("Dropout", ["x", "ratio", "x"], True),
        ("Dropout", ["x", "", "on"], True),
        ("Dropout", ["x", "ratio", "off"], False),
        ("Dropout", ["x", "none", "on"], False),
        ("Dropout", ["x", "ratio"], False),
        ("Relu", ["x"], False),
    ],
)
def test_operators_of_onnx(operator: str, inputs: list[str], draws: bool) -> None:
    from onnx import helper

    node = helper.make_node(operator, inputs, ["y"], name="here")
    assert onnx_draws(onnx_model(node)) == ([Draw(operator=operator, place="here")] if draws else [])
    inner = onnx_model(node).graph
    outer = helper.make_node("If", ["on"], ["y"], then_branch=inner, else_branch=inner)
    assert len(onnx_draws(onnx_model(outer))) == (2 if draws else 0)


def test_an_onnx_file_that_draws_is_refused(tmp_path: Path) -> None:
    import onnx
    from onnx import helper

    from gencpp.backends.tensorrt.onnx_export import OnnxOptions, export_onnx

    shifted = [
        helper.make_node("RandomUniformLike", ["x"], ["r"], name="noise", high=1e-9, low=0.0),
        helper.make_node("Add", ["x", "r"], ["y"]),
    ]
    model = onnx_model(*shifted)
    model.opset_import[0].version = 17
    model.ir_version = 8
    onnx.save(model, str(tmp_path / "noise.onnx"))
    options = LoadOptions()
    loaded = load_source(parse_source(str(tmp_path / "noise.onnx")), options, lambda _: None)
    spec = inspect_model(loaded, options)
    with pytest.raises(RandomDraw, match=r"RandomUniformLike \(noise\)"):
        export_onnx(loaded, spec, tmp_path / "out", OnnxOptions(), lambda _: None)
