"""bfloat16 for TensorRT, without a GPU: the goldens by ONNX Runtime or PyTorch, and the RTX builder."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from places import MODELS, SUPPORT

from gencpp.backends.tensorrt import checks
from gencpp.core.request import Request
from gencpp.core.spec import Precision
from gencpp.network.replay.rtx import PACKAGES
from gencpp.pipeline import Generated, generate

MASKED = ("tokens:1x5:int64", "mask:1x5:float32")
LACKING = [p for p in PACKAGES if importlib.util.find_spec(p) is None]


def made(folder: Path, source: str, *inputs: str, **more: str) -> Generated:
    path = (str(MODELS), str(SUPPORT))
    asked = {"backend": "tensorrt", "precision": "bf16", **more}
    return generate(Request(source=source, inputs=inputs, path=path, out=folder / "out", **asked))  # type: ignore[arg-type]


MORE = pytest.mark.full("more models in bfloat16")
MODELS_AND_APIS = [
    pytest.param("photo:model", ("image:1x3x32x32",), "parser", id="convolutions"),
    pytest.param("photo:model", ("image:1x3x32x32",), "network", id="convolutions-network", marks=MORE),
    pytest.param("tiny:cnn", ("image:1x3x32x32",), "parser", id="normalised", marks=MORE),
    pytest.param("tiny:cnn", ("image:1x3x32x32",), "network", id="normalised-network"),
    pytest.param("models.layers:masked", MASKED, "parser", id="attention"),
    pytest.param("models.layers:masked", MASKED, "network", id="attention-network", marks=MORE),
    pytest.param("tiny:named", ("x:1x6",), "parser", id="argmax", marks=MORE),
    pytest.param("tiny:named", ("x:1x6",), "network", id="argmax-network"),
]


@pytest.mark.parametrize(("source", "inputs", "api"), MODELS_AND_APIS)
def test_answers_and_the_builder(tmp_path: Path, source: str, inputs: tuple[str, ...], api: str) -> None:
    project = made(tmp_path, source, *inputs, trt_api=api).project
    assert project.runtime.precision is Precision.bf16
    assert {o.tolerance for c in project.goldens.cases for o in c.outputs} == {8e-2}
    found = checks.goldens(tmp_path / "out", project)
    assert found.status == "passed", found.reason + found.log
    if LACKING:
        pytest.skip(f"the builder was not asked: no Python package {' or '.join(LACKING)}")
    built = checks.rtx_builder(tmp_path / "out", project)
    assert built.status == "passed", built.reason + built.log


def test_the_network_as_cpp_says_its_types(tmp_path: Path) -> None:
    made(tmp_path, "tiny:cnn", "image:1x3x32x32", trt_api="network")
    code = (tmp_path / "out" / "src" / "network.cpp").read_text()
    assert "nvinfer1::DataType::kBF16" in code and "kHALF" not in code
    plan = json.loads((tmp_path / "out" / "network.json").read_text())
    assert {w["dtype"] for w in plan["weights"]} >= {"bfloat16"}
