"""One C++ API over two backends: a host that changes its folder, and a host that has both.

TensorRT is the double of tests/support/fakes here, which answers with the goldens: this proves API, build and
linking, not TensorRT.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from building import cmake, cmake_arguments, must
from conftest import generated
from fakes.double import Double, write_table
from once import Once
from places import SUPPORT

HOST = SUPPORT / "host"
Gencpp = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def other_name(once: Once, gencpp: Gencpp) -> Path:
    """The TensorRT project under a name of its own."""
    return generated(once, gencpp, "photo_trt_renamed", "--backend", "tensorrt", project="photo_trt")


@pytest.fixture(scope="module")
def double(doubles: Callable[[str], Double]) -> Double:
    return doubles("10.13")


def build(folder: Path, double: Double, *projects: str) -> Path:
    arguments = ["-S", HOST, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", *cmake_arguments()]
    must(cmake(*arguments, *double.cmake_arguments, *projects))
    must(cmake("--build", folder))
    return folder


def run(program: Path, table: Path, scratch: Path, *arguments: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "GENCPP_DOUBLE_MODEL": str(table), "XDG_CACHE_HOME": str(scratch / "cache")}
    return must(
        subprocess.run(
            [str(program), *map(str, arguments)], capture_output=True, text=True, check=False, env=environment
        )
    )


def test_both_backends_in_one_binary_and_one_host_for_either(
    photo_project: Path,
    trt_project: Path,
    other_name: Path,
    double: Double,
    tmp_path: Path,
) -> None:
    libtorch = build(tmp_path / "libtorch", double, f"-DONE={photo_project}", f"-DOTHER={other_name}")
    tensorrt = build(tmp_path / "tensorrt", double, f"-DONE={trt_project}")
    table = write_table(trt_project, tmp_path / "table")
    inputs = [
        trt_project / "assets" / "goldens" / f"{case}-input-0.npy"
        for case in ("seeded-0", "seeded-1", "batch")
    ]

    done = run(libtorch / "both", write_table(other_name, tmp_path / "other"), tmp_path, *inputs)
    assert "LibTorch" in done.stdout and "TensorRT" in done.stdout and "agree" in done.stdout
    assert done.stdout.count("largest difference") == len(inputs)

    answers = []
    for folder, title in ((libtorch, "LibTorch"), (tensorrt, "TensorRT")):
        file = tmp_path / f"{title}.npy"
        done = run(folder / "one", table, tmp_path, inputs[2], file)
        assert done.stdout.startswith(title)
        answers.append(np.load(file))
    assert answers[0].shape == answers[1].shape
    assert np.abs(answers[0] - answers[1]).max() <= 1e-3 * np.abs(answers[0]).max()
    assert np.abs(answers[0]).max() > 0
