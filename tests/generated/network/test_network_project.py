"""`--trt-api network`: from the command line to the project, and what verify proves without TensorRT."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from building import STRICT_ENV
from fakes.double import Double
from fakes.harness import verify_on
from once import Once
from places import MODELS

from gencpp.backends.tensorrt import answers, checks
from gencpp.backends.tensorrt.spec import EngineSpec
from gencpp.network.weights_file import read, write
from gencpp.project import read_manifest

Gencpp = Callable[..., subprocess.CompletedProcess[str]]

NEEDS_MODEL = ("parity", "bench", "profile", "consumer-subdirectory", "install", "consumer-package")
HAS_RTX = all(importlib.util.find_spec(p) for p in ("tensorrt_rtx_libs", "tensorrt_rtx_bindings"))
rtx = pytest.mark.skipif(not HAS_RTX, reason="the TensorRT-RTX builder is not installed (gencpp[rtx])")


def report_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "verify.json").read_text()))


def test_what_is_in_the_folder(network_project: Path) -> None:
    """No ONNX file, no parser; the weights by their names in the state dict."""
    manifest = read_manifest(network_project)
    assert manifest.project.artifact.format == "network"
    assert EngineSpec.of(manifest.project).api == "network"
    for file in ("src/network.cpp", "src/weights_info.hpp", "assets/weights.bin", "assets/layers.npy"):
        assert file in manifest.files
    assert not [f for f in manifest.files if "onnx" in f]
    cmake = (network_project / "cmake" / "network_source.cmake").read_text()
    assert "set(photo_TRT_NEEDS_PARSER OFF)" in cmake
    plan = answers.network_plan(network_project)
    assert {"first.weight", "first.bias", "second.weight", "head.weight"} <= {w.name for w in plan.weights}
    code = (network_project / "src" / "network.cpp").read_text()
    for name in ("first", "second", "head"):
        assert f'"{name}"' in code


def test_the_plan_gives_the_goldens(network_project: Path) -> None:
    found = answers.compare_plan(network_project, read_manifest(network_project).project)
    assert len(found.results) == 5 and not found.problem()
    assert all(r.max_rel_diff is not None and r.max_rel_diff < 1e-5 for r in found.results)


@pytest.fixture(scope="module")
def verified(network_project: Path, once: Once, gencpp: Gencpp) -> Path:
    def make(folder: Path) -> None:
        shutil.copytree(network_project, folder / "photo")
        done = gencpp("verify", folder / "photo", env=STRICT_ENV)
        assert done.returncode in (0, 3), done.stdout + done.stderr

    folder = once.folder("verified_network", make) / "photo"
    if report_of(folder)["status"] == "passed":
        pytest.skip("this machine has TensorRT and a GPU")
    return folder


def test_verify_without_tensorrt(verified: Path) -> None:
    found = {step["name"]: step for step in report_of(verified)["steps"]}
    for name in ("doctor", "plan", "configure", "build", "test"):
        assert found[name]["status"] == "passed", found[name]
    assert "5 outputs" in found["plan"]["reason"]
    assert "onnxruntime" not in found
    for name in NEEDS_MODEL:
        assert found[name]["status"] == "skipped" and "To enable it: " in found[name]["reason"]


def test_another_weight_is_found(network_project: Path, tmp_path: Path, gencpp: Gencpp) -> None:
    """One tensor perturbed by 1 %, the manifest left as it was."""
    import numpy as np

    folder = tmp_path / "photo"
    shutil.copytree(network_project, folder)
    table = answers.network_plan(folder).weights
    weights = dict(read(folder / "assets" / "weights.bin", table))
    values = weights["second.weight"]
    noise = np.random.default_rng(0).standard_normal(values.shape) * 0.01 * np.abs(values).mean()
    weights["second.weight"] = (values + noise).astype(values.dtype)
    write(folder / "assets" / "weights.bin", weights, table)
    done = gencpp("verify", folder)
    assert done.returncode == 1
    step = next(s for s in report_of(folder)["steps"] if s["name"] == "plan")
    assert step["status"] == "failed"
    assert "edited since generation: assets/weights.bin" in done.stdout


@rtx
def test_rtx_takes_the_plan(network_project: Path) -> None:
    checked = checks.rtx_builder(network_project, read_manifest(network_project).project)
    assert checked.status == "passed", checked.reason + checked.log
    assert "evidence for the graph, not for TensorRT" in checked.reason


@pytest.mark.full("verify's steps on the double: those of a project with an ONNX file are there")
def test_every_step_on_the_double(
    network_project: Path, doubles: Callable[[str], Double], tmp_path: Path, gencpp: Gencpp
) -> None:
    """As in test_verify_tensorrt: evidence of verify's own steps, not of TensorRT."""
    folder = tmp_path / "photo"
    done = verify_on(doubles("10.13"), network_project, folder, gencpp)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = {step["name"]: step["status"] for step in report_of(folder)["steps"]}
    assert {steps[name] for name in (*NEEDS_MODEL, "configure", "build", "test")} == {"passed"}


def test_uncovered_operators_are_all_listed(tmp_path: Path, gencpp: Gencpp) -> None:
    done = gencpp(
        *("new", "--model", "uncovered:model", "--path", MODELS, "--input", "x:2x4:float32"),
        *("--backend", "tensorrt", "--trt-api", "network", tmp_path / "out"),
    )
    assert done.returncode == 2, done.stdout + done.stderr
    for part in ("Det", "head.volume", "IsInf", "finite", "--trt-api parser"):
        assert part in done.stderr, part
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
