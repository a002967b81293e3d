"""Generated network code, compiled against TensorRT's real headers, asks a recording double for exactly the
calls that the plan stands for: the same layers in the same order, with the same attributes and weights.

The double infers no shapes and computes nothing: what it proves is that the C++ is the plan. That the plan is
the model, the interpreter proves, and that TensorRT takes it, the replay.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from fakes.double import Double
from fakes.network_record import differences
from trt import MORE_MODELS, MORE_VERSIONS, exported, networks, plans

from gencpp.core.spec import DType
from gencpp.network.plan import KINDS
from gencpp.network.weights_file import layout

FURTHER = ("8.5", "8.6", "11.0", "11.1")
MAIN = "10.13"
Doubles = Callable[[str], Double]


def api_of(version: str) -> int:
    major, minor = version.split(".")
    return 100 * int(major) + int(minor)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Object files that are the same for all models."""
    return tmp_path_factory.mktemp("shared")


def check(network: plans.Network, double: Double, version: str, folder: Path, shared: Path) -> None:
    """The project's C++ makes the plan's calls, and leaves nothing behind."""
    networks.write_project(network, folder)
    outcome = networks.run_driver(networks.build_driver(folder, double, shared), folder)
    assert (outcome.code, outcome.output) == (0, "built\n")
    assert outcome.record is not None and outcome.record.layers[0]["weights"] is not None
    found = differences(network.plan, network.weights, api_of(version), outcome.record)
    assert not found, "\n".join(found)
    shutil.rmtree(folder)  # weights of hundreds of megabytes


@pytest.mark.parametrize(
    ("version", "dtype", "batch"),
    [
        (MAIN, DType.float32, -1),
        (MAIN, DType.float16, 2),
        *(pytest.param(version, DType.float32, -1, marks=MORE_VERSIONS) for version in FURTHER),
        pytest.param("8.5", DType.float16, 2, marks=MORE_VERSIONS),
    ],
    ids=str,
)
def test_every_kind_of_layer(
    doubles: Doubles, shared: Path, tmp_path: Path, version: str, dtype: DType, batch: int
) -> None:
    network = plans.every_layer(dtype, batch)
    assert {type(layer).__name__ for layer in network.plan.layers} == set(KINDS)
    check(network, doubles(version), version, tmp_path / "project", shared)


@pytest.mark.parametrize(
    ("model", "version"),
    [
        ("mobilenet_v3_small", MAIN),
        pytest.param("convnext_tiny", "8.5", marks=MORE_VERSIONS),
        pytest.param("resnet18", "11.1", marks=MORE_VERSIONS),
        *(pytest.param(m, MAIN, marks=MORE_MODELS) for m in exported.MODELS if m != "mobilenet_v3_small"),
    ],
)
def test_models(doubles: Doubles, shared: Path, tmp_path: Path, model: str, version: str) -> None:
    """8.5 has no normalization layer: it is written out there."""
    check(exported.network(model), doubles(version), version, tmp_path / "project", shared)


# --- the comparison sees what is wrong ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """A project that makes the plan's calls."""

    network: plans.Network
    folder: Path
    double: Double
    shared: Path

    def mutated(self, scratch: Path, file: str, pattern: str, replacement: str) -> str:
        """One place of a file changed: what the driver said, and the differences."""
        folder = scratch / "project"
        shutil.copytree(self.folder, folder)
        text = (folder / file).read_text()
        changed, count = re.subn(pattern, replacement, text, count=1, flags=re.MULTILINE)
        assert count == 1 and changed != text, f"{file} has no {pattern}"
        (folder / file).write_text(changed)
        (folder / f"build-{self.double.version}" / f"{Path(file).stem}.o").unlink(missing_ok=True)
        return self.run(folder)

    def run(self, folder: Path) -> str:
        outcome = networks.run_driver(networks.build_driver(folder, self.double, self.shared), folder)
        if outcome.record is None:
            return f"exit code {outcome.code}: {outcome.output}"
        api = api_of(MAIN)
        found = differences(self.network.plan, self.network.weights, api, outcome.record)
        return outcome.output + "\n".join(found)


@pytest.fixture(scope="module")
def right(doubles: Doubles, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Right:
    network = plans.every_layer()
    folder = networks.write_project(network, tmp_path_factory.mktemp("right") / "project")
    made = Right(network=network, folder=folder, double=doubles(MAIN), shared=shared)
    assert made.run(folder) == "built\n"
    return made


CODE = "src/network.cpp"
MUTATIONS = {
    "a stride": (CODE, r"\.stride\(\{2, 1\}\)", ".stride({2, 2})", "strideNd: expected (2, 1), found [2, 2]"),
    "a padding": (CODE, r"(\.padding\(\{0, 1\}, \{)1, 0", r"\g<1>1, 1", "postPadding"),
    "swapped operands": (CODE, r"(net\.matmul\()(\w+), (\w+),", r"\1\3, \2,", "tokens/scores': inputs"),
    "an activation's alpha": (CODE, r"-0\.3F", "-0.4F", "alpha: expected -0.3"),
    "another name": (CODE, r'\.silu"', '.swish"', "found addActivation 'head.act.swish/"),
    "another weight": (CODE, r'"shared"', '"stem.conv.weight"', "stem.point': weights kernel"),
    "a weight that is not there": (CODE, r'"shared"', '"share"', "it has shared"),
    "an output too few": (CODE, r"^.*net\.output\(.*\n", "", "the network has none of this name"),
    "an axis": (CODE, r"(net\.softmax\(\w+, [^,]+, )2", r"\g<1>1", "axes: expected 4, found 2"),
    "a setter that is forgotten": (
        "src/network/trt_layers_shape.cpp",
        r"  layer\.setNbElementWiseDims\(.*\n",
        "  (void)batch_dims;\n",
        "nbElementWiseDims: expected 0, found None",
    ),
    "a gate that is wrong": (
        "src/network/trt_layers_math.cpp",
        r", 0\.5F\)",
        ", 0.25F)",
        "beta: expected 0.5, found 0.25",
    ),
    "weights that are freed before the build": (
        "src/tensorrt/trt_build.cpp",
        r"const (Result<std::shared_ptr<void>>) defined = (define_network\(.*\));",
        r"\1 defined = \2; if (defined) { *defined = nullptr; }",
        "exit code -11",
    ),
}


@pytest.mark.parametrize("what", MUTATIONS)
def test_what_is_wrong_is_seen(right: Right, tmp_path: Path, what: str) -> None:
    file, pattern, replacement, said = MUTATIONS[what]
    if not networks.OF_THE_MODEL.search((right.folder / file).read_text()):
        shared = tmp_path / "shared"
        shutil.copytree(right.shared, shared)
        (shared / right.double.version / f"{Path(file).stem}.o").unlink()
        right = replace(right, shared=shared)
    found = right.mutated(tmp_path, file, pattern, replacement)
    assert said in found and found != "built\n", found


def test_a_layer_that_is_missing(right: Right, tmp_path: Path) -> None:
    """Its input takes its place."""
    pattern = r"net\.relu\((\w+), [^)]*\)"
    found = right.mutated(tmp_path, CODE, pattern, r"\1")
    assert re.search(r"^layer \d+: expected addActivation '[\w.]+\.relu', found", found, re.MULTILINE), found


def test_one_bit_of_the_weights(right: Right, tmp_path: Path) -> None:
    """The program itself compares hashes; with a table that fits the wrong bytes, the record shows them."""
    import numpy as np

    weights = dict(right.network.weights)
    bits = weights["stem.up.weight"].copy()
    bits.view(np.uint32).reshape(-1)[5] ^= 1
    weights["stem.up.weight"] = bits
    table = layout(weights)
    other = plans.Network(plan=replace(right.network.plan, weights=table), weights=weights)
    folder = networks.write_project(other, tmp_path / "other")
    found = right.run(folder)
    assert "'stem.up': weights kernel (stem.up.weight): value 5 of 32: expected bytes" in found
    file = folder / "assets" / "weights.bin"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert "error integrity: array 'moves.where'" in right.run(folder)


# --- what TensorRT refuses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("input_null", "error backend: TensorRT 10.13.0: input 'x', float32 ?x4x8x8, is refused"),
        ("layer_null", "layer 'stem.conv' cannot be made for inputs of ?x4x8x8: INetwork"),
        ("layer_shapeless", "layer 'stem.conv' does not fit its inputs (?x4x8x8)"),
    ],
)
def test_refusals_name_the_layer(right: Right, fault: str, said: str) -> None:
    driver = right.folder / f"build-{right.double.version}" / "driver"
    outcome = networks.run_driver(driver, right.folder, {"GENCPP_DOUBLE_FAULT": f"{fault}@1"})
    assert outcome.code == 1 and said in outcome.output, outcome.output


def test_every_layer_may_be_refused(right: Right) -> None:
    """One after the other: an error with its name, no crash and no leak."""
    driver = right.folder / f"build-{right.double.version}" / "driver"
    for number in range(1, 220, 7):
        outcome = networks.run_driver(driver, right.folder, {"GENCPP_DOUBLE_FAULT": f"layer_null@{number}"})
        assert outcome.code == 1 and "cannot be made" in outcome.output, outcome.output
