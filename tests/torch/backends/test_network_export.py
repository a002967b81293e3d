"""Network-definition code of PyTorch models whose sizes are computed, proven at the sizes that may come."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gencpp.backends.tensorrt.network_export import NetworkExport, export_network
from gencpp.backends.tensorrt.onnx_export import OnnxOptions
from gencpp.core.request import Request
from gencpp.model.inspected import inspected
from gencpp.network.interpret.interpreter import run
from gencpp.sources.load import load_source, parse_source

MODELS = str(Path(__file__).resolve().parents[2] / "support")


def exported(folder: Path, source: str, inputs: tuple[str, ...], dynamic: tuple[str, ...]) -> NetworkExport:
    request = Request(
        source=source, path=(MODELS,), inputs=inputs, dynamic=dynamic, backend="tensorrt", out=folder / "out"
    )
    loaded = load_source(parse_source(source), request.load_options(), lambda _: None)
    found = inspected(loaded, request)
    options = OnnxOptions()
    return export_network(loaded, found.model, folder, options, lambda _: None, found.answers)


def test_a_u_net_takes_any_height_and_width(tmp_path: Path) -> None:
    """Floors and ceilings of halves, differences of both, and an end that is cropped."""
    import torch
    from models.network import odd_unet

    made = exported(
        tmp_path,
        "models.network:odd_unet",
        ("image:1x3x37x46",),
        ("image:2=24:37:64", "image:3=24:46:64"),
    )
    dims = made.model.inputs[0].dims
    assert [(d.min, d.max) for d in dims] == [(1, 8), (3, 3), (24, 64), (24, 64)]
    module = odd_unet().eval()
    for size in ((2, 3, 25, 63), (1, 3, 64, 24)):
        x = torch.rand(size, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            wanted = module(x).numpy()
        (found,) = run(made.plan, made.weights, {made.model.inputs[0].name: x.numpy()}).values()
        assert found.shape == wanted.shape
        assert np.abs(found - wanted).max() <= 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize("opset", [11, 13])
def test_a_file_with_boxes_of_several_classes(tmp_path: Path, opset: int) -> None:
    """Rows in ONNX Runtime's order, as many as the values say."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    limits = {"most": np.array([2]), "overlap": np.float32([0.4]), "least": np.float32([0.3])}
    nodes = [
        helper.make_node("Sigmoid", ["logits"], ["scores"]),
        helper.make_node("NonMaxSuppression", ["boxes", "scores", *limits], ["kept"]),
    ]
    graph = helper.make_graph(
        nodes,
        "boxes",
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["n", 12, 4]),
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3, 12]),
        ],
        [
            helper.make_tensor_value_info("kept", TensorProto.INT64, ["k", 3]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 3, 12]),
        ],
        [numpy_helper.from_array(v, k) for k, v in limits.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=6)
    onnx.save(model, tmp_path / "boxes.onnx")
    made = exported(tmp_path, str(tmp_path / "boxes.onnx"), (), ())
    kinds = [type(layer).__name__ for layer in made.plan.layers]
    assert kinds.count("NonMaxSuppression") == 1
    assert made.model.outputs[0].dims[0].of_values
