"""Graphs in float16 and bfloat16: what is converted and computed, and what is told where it differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gencpp.backends.tensorrt.onnx_export import OnnxOptions, export_onnx
from gencpp.core.errors import CheckFailed
from gencpp.core.loaded import LoadOptions
from gencpp.core.precision import Precision
from gencpp.model.inspection import inspect_model
from gencpp.onnx.runtime import OnnxRunner
from gencpp.sources.load import load_source, parse_source

NARROW = (Precision.fp16, Precision.bf16)


def saved(folder: Path, *nodes: Any, opset: int = 18, dtype: str = "FLOAT", **weights: Any) -> Path:
    """x (1x4) -> y of `dtype`."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    kind = TensorProto.DataType.Value(dtype)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])
    y = helper.make_tensor_value_info("y", kind, [1, 4])
    initialisers = [numpy_helper.from_array(np.array(v), n) for n, v in weights.items()]
    graph = helper.make_graph(list(nodes), "g", [x], [y], initialisers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, folder / "given.onnx")
    return folder / "given.onnx"


def exported(file: Path, precision: Precision) -> Path:
    options = LoadOptions()
    loaded = load_source(parse_source(str(file)), options, lambda _: None)
    spec = inspect_model(loaded, options)
    out = file.parent / "out"
    export_onnx(loaded, spec, out, OnnxOptions(precision=precision), lambda _: None)
    return out / "model.onnx"


def test_an_answer_that_is_lost_in_bfloat16_is_told(tmp_path: Path) -> None:
    """(2 x + 10^4) - 10^4: nothing of x is left.

    Of float16 ONNX Runtime does not tell it: it computes neighbours in float32 and rounds behind the last.
    """
    from onnx import helper

    precision = Precision.bf16

    nodes = [
        helper.make_node("Mul", ["x", "two"], ["a"], name="double"),
        helper.make_node("Add", ["a", "many"], ["b"], name="add"),
        helper.make_node("Sub", ["b", "many"], ["y"], name="sub"),
    ]
    file = saved(tmp_path, *nodes, two=np.float32(2), many=np.float32(1e4))
    with pytest.raises(
        CheckFailed, match=f"in {precision} it is not the model: output y differs by"
    ) as caught:
        exported(file, precision)
    assert "--precision fp32" in caught.value.hint and not (tmp_path / "out" / "model.onnx").exists()


@pytest.mark.parametrize("precision", NARROW)
def test_operators_that_do_not_take_the_precision_stay_in_float32(
    tmp_path: Path, precision: Precision
) -> None:
    """IsInf takes float16 from opset 20 on."""
    from onnx import helper

    nodes = [
        helper.make_node("Mul", ["x", "two"], ["a"], name="double"),
        helper.make_node("IsInf", ["a"], ["y"], name="inf"),
    ]
    model = exported(saved(tmp_path, *nodes, dtype="BOOL", two=np.float32(2)), precision)
    import onnx

    graph = onnx.load(model).graph
    kinds = {v.name: v.type.tensor_type.elem_type for v in graph.value_info}
    (inf,) = (n for n in graph.node if n.op_type == "IsInf")
    assert kinds.get(inf.input[0], onnx.TensorProto.FLOAT) == onnx.TensorProto.FLOAT


@pytest.mark.parametrize("precision", NARROW)
def test_a_weight_that_is_an_output_too_stays_of_its_type(tmp_path: Path, precision: Precision) -> None:
    import onnx
    from onnx import TensorProto, helper

    nodes = [helper.make_node("Mul", ["x", "w"], ["y"], name="scale")]
    file = saved(tmp_path, *nodes, w=np.full((1, 4), 1.0009765, np.float32))
    model = onnx.load(file)
    model.graph.output.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [1, 4]))
    onnx.save(model, file)
    import torch

    found = OnnxRunner(exported(file, precision), precision)(torch.ones(1, 4))
    assert found["w"].dtype == torch.float32 and float(found["w"][0, 0]) == pytest.approx(
        1.0009765, abs=2**-8
    )


def test_weights_outside_are_rounded_where_they_lie(tmp_path: Path) -> None:
    """ONNX Runtime is given the rewritten graph as bytes, and the file of the weights by its folder."""
    import torch
    from onnx import helper

    values = np.linspace(1, 2, 4 * 1024, dtype=np.float32).reshape(1024, 4)
    nodes = [
        helper.make_node("Mul", ["x", "w"], ["m"], name="scale"),
        helper.make_node("Slice", ["m", "first", "last"], ["y"], name="cut"),
    ]
    file = saved(tmp_path, *nodes, w=values, first=np.array([0]), last=np.array([1]))
    options = LoadOptions()
    loaded = load_source(parse_source(str(file)), options, lambda _: None)
    spec, out = inspect_model(loaded, options), tmp_path / "out"
    asked = OnnxOptions(precision=Precision.bf16, external_above=1)
    export_onnx(loaded, spec, out, asked, lambda _: None)
    assert (out / "model.onnx.data").is_file()
    found = OnnxRunner(out / "model.onnx")(torch.ones(1, 4))["y"]
    assert torch.equal(found, torch.from_numpy(values[:1]).bfloat16().float())
