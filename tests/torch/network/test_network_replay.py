"""Plans made in a network of TensorRT-RTX: one of each layer, and what is told of a wrong one."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from network_samples import SAMPLES, Sample, noise, sample
from torch.nn import functional as F

from gencpp.core.errors import UsageError
from gencpp.core.spec import DType
from gencpp.network import plan as p
from gencpp.network import weights_file
from gencpp.network.interpret.layers import TABLE
from gencpp.network.replay import rtx
from gencpp.network.replay.layers import MAKERS
from gencpp.network.replay.replay import build

MISSING = [package for package in rtx.PACKAGES if importlib.util.find_spec(package) is None]

pytestmark = [
    pytest.mark.trt,
    pytest.mark.skipif(bool(MISSING), reason=f"no Python package {' or '.join(MISSING)}"),
]

CONV = SAMPLES[0]


def profile(given: Sample) -> dict[str, list[list[int]]]:
    """Batches of one to four where the batch varies."""
    shapes = {n: [list(a.shape) for _ in range(3)] for n, a in given.inputs.items()}
    for tensor in given.plan.inputs:
        if tensor.dims and tensor.dims[0] == -1:
            for shape, batch in zip(shapes[tensor.name], (1, 2, 4), strict=True):
                shape[0] = batch
    return shapes


def replayed(given: Sample, **more: Any) -> dict[str, Any]:
    return build(given.plan, given.weights, [profile(given)], tf32=False, **more)


@pytest.mark.parametrize("given", SAMPLES, ids=lambda s: s.name)
def test_a_layer_is_taken(given: Sample) -> None:
    found = replayed(given)
    assert not found["problems"]
    assert found["compared"] == sum(len(layer.outputs) for layer in given.plan.layers)
    if any(isinstance(layer, p.NonMaxSuppression) for layer in given.plan.layers):
        assert "no kernels" in found["lacking"]  # TensorRT-RTX knows the layer's shapes, and cannot run it
    else:
        assert found["engine_bytes"] > 0


def test_every_call_has_a_maker() -> None:
    assert set(MAKERS) == set(TABLE)


def test_a_shape_and_a_type_that_are_not_the_plans_are_told() -> None:
    x = noise(2, 3, 4)
    given = sample("silu", p.Silu, [x], F.silu(x))
    for changes, told in (
        ({"dims": (2, 3, 5)}, r"is [2, 3, 4] DataType.FLOAT, the plan says [2, 3, 5] float32"),
        ({"dims": (2, 12)}, r"is [2, 3, 4] DataType.FLOAT, the plan says [2, 12] float32"),
        ({"dtype": DType.float16}, r"is [2, 3, 4] DataType.FLOAT, the plan says [2, 3, 4] float16"),
    ):
        plan = replace(given.plan, tensors=tuple(replace(t, **changes) for t in given.plan.tensors))
        found = build(plan, {}, [], tf32=False)
        assert found["problems"] == [f"layer layer (addElementWise): its output out0 {told}"]
        assert "engine_bytes" not in found


def test_a_wrong_number_of_weights_is_told() -> None:
    short = {**CONV.weights, "layer.weight": CONV.weights["layer.weight"][:, :1]}
    plan = replace(CONV.plan, weights=weights_file.layout(short))
    found = build(plan, short, [profile(CONV)], tf32=False)
    assert found["compared"] == found["weights"] == 0
    assert len(found["problems"]) == 1
    assert found["problems"][0].startswith("layer layer (addConvolutionNd): refused: ")
    assert "count of 36 weights" in found["problems"][0]
    assert replayed(CONV)["weights"] == 2


def test_what_follows_a_refused_layer_is_left_out_and_the_rest_is_made() -> None:
    x = noise(2, 3)
    relu = {"module": "", "activation": p.ActivationKind.relu}
    tensors = [p.PlanTensor(name=n, dtype=DType.float32, dims=(2, 3)) for n in "abcde"]
    sums = {"module": "", "operation": p.ElementWiseKind.logical_and}
    plan = p.NetworkPlan(
        inputs=(p.PlanTensor(name="x", dtype=DType.float32, dims=(2, 3)),),
        outputs=("e",),
        layers=(
            p.Activation(name="first", inputs=("x",), outputs=("a",), **relu),
            p.ElementWise(name="second", inputs=("a", "x"), outputs=("b",), **sums),
            p.Activation(name="third", inputs=("b",), outputs=("c",), **relu),
            p.ElementWise(name="fourth", inputs=("x", "x"), outputs=("d",), **sums),
            p.Activation(name="fifth", inputs=("a",), outputs=("e",), **relu),
        ),
        tensors=tuple(tensors),
        weights=(),
        modules={},
    )
    found = build(plan, {}, [{"x": [list(x.shape)] * 3}], tf32=False)
    assert [problem.split(" (")[0] for problem in found["problems"]] == ["layer second", "layer fourth"]
    assert all("boolean inputs" in problem for problem in found["problems"])
    assert found["compared"] == 2


def test_an_array_of_another_type_is_no_memory_to_read() -> None:
    narrow = {**CONV.weights, "layer.bias": CONV.weights["layer.bias"].astype(np.float16)}
    with pytest.raises(UsageError, match=r"layer\.bias are float16, not float32"):
        build(CONV.plan, narrow, [], tf32=False)


def test_as_a_program(tmp_path: Path) -> None:
    plan, weights, result = (tmp_path / name for name in ("network.json", "weights.bin", "result.json"))
    plan.write_text(json.dumps(CONV.plan.to_json()), encoding="utf-8")
    weights_file.write(weights, CONV.weights, CONV.plan.weights)
    job = {
        "model": str(plan),
        "weights": str(weights),
        "result": str(result),
        "profiles": [profile(CONV)],
        "tf32": False,
    }
    (tmp_path / "job.json").write_text(json.dumps(job), encoding="utf-8")
    argv = [sys.executable, "-m", "gencpp.network.replay.replay", str(tmp_path / "job.json")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(result.read_text())
    assert found.pop("seconds") > 0
    assert found.pop("engine_bytes") > 0
    assert found.pop("version").startswith("1.")
    assert found == {"target": "SM86", "problems": [], "compared": 1, "layers": 1, "weights": 2}
