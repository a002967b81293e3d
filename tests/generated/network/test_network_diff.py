"""`<name>_diff` on the fault double: it names the layer that gives something else than its reference."""

from __future__ import annotations

import json
import os
import re
import subprocess
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from building import STRICT, cmake, must
from fakes.double import DTYPES, Double
from fakes.plan_table import made_lines
from samples import tensorrt
from writing import texts_of

from gencpp.backends.tensorrt.spec import EngineSpec
from gencpp.core import files
from gencpp.core.spec import Dim, DType, TensorSpec
from gencpp.core.toolchain import find_program
from gencpp.network.plan import (
    Activation,
    ActivationKind,
    Convolution,
    Gelu,
    Linear,
    NetworkPlan,
    PlanTensor,
    Reduce,
    ReduceKind,
)

CODE = """#include "network/trt_layers.hpp"

namespace photo::trt {

void define_layers(Layers& net) {
  ITensor* x = net.input("x");
  x = net.convolution(x, "conv1", Window().padding(1));
  x = net.relu(x, "relu");
  x = net.gelu(x, "gelu");
  x = net.mean(x, "pool", {2, 3}, false);
  x = net.linear(x, "fc");
  net.output(x, "logits");
}

}  // namespace photo::trt
"""
LAYERS = ("conv1", "relu", "gelu", "pool", "fc")


def arrays() -> dict[str, Any]:
    import numpy as np

    random = np.random.default_rng(0)
    shapes = {"conv1.weight": (4, 3, 3, 3), "conv1.bias": (4,), "fc.weight": (5, 4), "fc.bias": (5,)}
    return {name: random.standard_normal(dims).astype(np.float32) for name, dims in shapes.items()}


def plan_of(weights: dict[str, Any]) -> NetworkPlan:
    from gencpp.network.weights_file import layout

    def common(name: str, x: str, y: str) -> dict[str, Any]:
        return {"name": name, "module": name, "inputs": (x,), "outputs": (y,)}

    def tensor(name: str, *dims: int) -> PlanTensor:
        return PlanTensor(name=name, dtype=DType.float32, dims=(-1, *dims))

    one = {"stride": (1, 1), "pre_padding": (1, 1), "post_padding": (1, 1), "dilation": (1, 1)}
    return NetworkPlan(
        inputs=(tensor("x", 3, 8, 8),),
        outputs=("logits",),
        layers=(
            Convolution(**common("conv1", "x", "a"), weight="conv1.weight", bias="conv1.bias", **one),
            Activation(**common("relu", "a", "b"), activation=ActivationKind.relu),
            Gelu(**common("gelu", "b", "c")),
            Reduce(**common("pool", "c", "d"), operation=ReduceKind.mean, axes=(2, 3), keep=False),
            Linear(**common("fc", "d", "logits"), weight="fc.weight", bias="fc.bias", transposed=True),
        ),
        tensors=(*(tensor(n, 4, 8, 8) for n in "abc"), tensor("d", 4), tensor("logits", 5)),
        weights=layout(weights),
        modules={},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The program, and what its network gives."""

    code: Path
    """network.cpp"""
    program: Path
    plan: NetworkPlan
    x: Any
    values: dict[str, Any]
    """By layer."""


@pytest.fixture(scope="module")
def built(doubles: Callable[[str], Double], tmp_path_factory: pytest.TempPathFactory) -> Built:
    import numpy as np

    from gencpp.network.emit import weights_info_header
    from gencpp.network.emit.references import layer_references_header
    from gencpp.network.interpret.interpreter import run
    from gencpp.network.references import sampled
    from gencpp.network.weights_file import write

    double = doubles("10.13")
    root = tmp_path_factory.mktemp("diff")
    folder = root / "photo"
    (folder / "assets" / "goldens").mkdir(parents=True)
    weights = arrays()
    plan = plan_of(weights)
    x = np.random.default_rng(1).standard_normal((1, 3, 8, 8)).astype(np.float32)
    np.save(folder / "assets" / "goldens" / "x.npy", x)
    references, samples = sampled(plan, weights, {"x": x})
    assert [r.layer for r in references] == list(LAYERS)
    np.save(folder / "assets" / "layers.npy", samples)
    write(folder / "assets" / "weights.bin", weights, plan.weights)

    batch = Dim(min=1, opt=1, max=8)
    sides = [(batch, *(Dim.fixed(s) for s in dims)) for dims in ((3, 8, 8), (5,))]
    spec = tensorrt("photo")
    facts = files.file_facts(folder / "assets" / "weights.bin")
    spec = replace(
        spec,
        model=replace(
            spec.model,
            inputs=(TensorSpec(name="x", dtype=DType.float32, dims=sides[0]),),
            outputs=(TensorSpec(name="logits", dtype=DType.float32, dims=sides[1]),),
        ),
        artifact=replace(
            spec.artifact,
            file="weights.bin",
            format="network",
            size=facts.size,
            sha256=facts.sha256,
            head_tail_sha256=facts.head_tail_sha256,
            fletcher4=facts.fletcher4,
            external=None,
        ),
        runtime=EngineSpec(api="network", tensorrt_min="8.5", opset=18, profiles=((sides[0],),)),
    )
    code = {
        "src/network.cpp": CODE,
        "src/weights_info.hpp": weights_info_header("photo", plan),
        "src/layer_references.hpp": layer_references_header("photo", references, ["x.npy"]),
    }
    for path, text in texts_of(spec, code).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text)
    build = root / "build"
    ninja = f"-DCMAKE_MAKE_PROGRAM={find_program('ninja')}"
    flags = ["-DCMAKE_BUILD_TYPE=Release", f"-DCMAKE_CXX_FLAGS={' '.join(STRICT)}"]  # of other builds, too
    must(cmake("-S", folder, "-B", build, "-G", "Ninja", ninja, *flags, *double.cmake_arguments))
    must(cmake("--build", build, "--target", "photo_diff"))
    made = dict(zip(LAYERS, "abcd", strict=False)) | {"fc": "logits"}
    found = run(plan, weights, {"x": x}, keep=tuple("abcd"))
    return Built(
        code=folder / "src" / "network.cpp",
        program=build / "photo_diff",
        plan=plan,
        x=x,
        values={layer: found[tensor].astype(np.float32) for layer, tensor in made.items()},
    )


def write_answers(built: Built, file: Path, values: dict[str, Any]) -> Path:
    """What the double computes: the network's output first, then the layers that the program marks."""
    order = tuple(layer for layer in ("fc", *LAYERS[:-1]) if layer in values)
    names = {**{layer: f"{layer}:0" for layer in LAYERS}, "fc": "logits"}
    lines = ["gencpp-double 1", "table photo", "onnx 0 0"]
    lines.append(f"input x {DTYPES['float32']} -1 3 8 8")
    for layer in order:
        dims = " ".join(map(str, values[layer].shape[1:]))
        lines.append(f"output {names[layer]} {DTYPES['float32']} =0.0 {dims}")
    lines += made_lines(built.plan)
    data = built.x.tobytes()
    lines.append(f"item {zlib.crc32(data):08x} {len(data)}")
    for layer in order:
        array = values[layer]
        lines.append(f"{array.ndim} {' '.join(map(str, array.shape))} x{array.tobytes().hex()}x")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def diff(built: Built, table: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "GENCPP_DOUBLE_MODEL": str(table), "GENCPP_DOUBLE_LEAKS": "1"}
    return subprocess.run(
        [str(built.program), *arguments], capture_output=True, text=True, check=False, env=env, timeout=120
    )


def test_no_layer_departs(built: Built, tmp_path: Path) -> None:
    done = diff(built, write_answers(built, tmp_path / "table", built.values), "--all")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 layers on" in done.stdout and "none departs" in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()[1:6]] == list(LAYERS)
    short = diff(built, tmp_path / "table")
    assert short.returncode == 0 and len(short.stdout.splitlines()) == 2, short.stdout


@pytest.mark.parametrize("layer", ["conv1", "gelu", "fc"])
def test_the_first_layer_that_departs_is_named(built: Built, layer: str, tmp_path: Path) -> None:
    values = dict(built.values)
    for later in LAYERS[LAYERS.index(layer) :]:
        values[later] = values[later] * 1.01
    table = write_answers(built, tmp_path / "table", values)
    done = diff(built, table)
    assert done.returncode == 1, done.stdout + done.stderr
    departing = len(LAYERS) - LAYERS.index(layer)
    assert f"{departing} depart, the first: {layer}" in done.stdout
    (line,) = (x for x in done.stdout.splitlines() if x.startswith(f"! {layer} "))
    assert re.search(r" 1x[\dx]+ ", line) and 0.009 < float(line.split()[-1]) < 0.011
    found = json.loads(diff(built, table, "--json").stdout)
    assert found["first"] == layer and found["tolerance"] == 0.001 and not found["missing"]
    assert [x["layer"] for x in found["layers"] if x["departs"]] == list(LAYERS)[-departing:]
    wide = diff(built, table, "--tolerance", "0.02")
    assert wide.returncode == 0, wide.stdout


def edited(built: Built, table: Path, before: str, after: str) -> subprocess.CompletedProcess[str]:
    """The program, with network.cpp as somebody has edited it."""
    assert before in CODE
    built.code.write_text(CODE.replace(before, after), encoding="utf-8")
    try:
        must(cmake("--build", built.program.parent, "--target", "photo_diff"))
        return diff(built, table)
    finally:
        built.code.write_text(CODE, encoding="utf-8")


def test_edited_networks(built: Built, tmp_path: Path) -> None:
    """What is wrong is named, and what is left over."""
    table = write_answers(built, tmp_path / "table", built.values)
    linear = 'net.linear(x, "fc")'
    misspelt = edited(built, table, linear, 'net.linear(x, "fc", "fc.weigth", "fc.bias")')
    assert misspelt.returncode == 1
    said = "layer 'fc': there are no weights 'fc.weigth' in assets/weights.bin; it has fc.weight"
    assert said in misspelt.stderr
    window = edited(built, table, "padding(1)", "padding({1, 1, 1})")
    assert "layer 'conv1': 3 sizes of a window for 2 spatial dimensions" in window.stderr
    axis = edited(built, table, "{2, 3}", "{-1}")
    assert "layer 'pool': there is no axis -1" in axis.stderr
    plain = edited(built, table, linear, 'net.linear(x, "fc", "fc.weight", "")')
    assert "uses no layer for 1 of the arrays in assets/weights.bin: fc.bias" in plain.stderr
    others = {layer: values for layer, values in built.values.items() if layer != "relu"}
    table = write_answers(built, tmp_path / "others", others)
    renamed = edited(built, table, 'net.relu(x, "relu")', 'net.relu(x, "other")')
    assert renamed.returncode == 0, renamed.stderr
    assert "not in network.cpp: relu" in renamed.stdout and "4 layers on" in renamed.stdout
