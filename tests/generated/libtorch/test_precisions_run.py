"""Programs in float16 and bfloat16, on the CPU."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from building import cmake, cmake_arguments, ctest, must
from conftest import ON_CPU, Gencpp, photo_arguments

from gencpp.backends.libtorch.variants import UNFUSED
from gencpp.core.spec import Precision


@pytest.mark.parametrize(
    "precision",
    [Precision.bf16, pytest.param(Precision.fp16, marks=pytest.mark.full("a second precision on the CPU"))],
)
def test_the_program_answers_within_the_tolerance(
    tmp_path: Path, gencpp: Gencpp, precision: Precision
) -> None:
    """On the CPU, where both run, slowly."""
    project, build = tmp_path / "photo", tmp_path / "build"
    done = gencpp(*photo_arguments(tmp_path / "labels.txt"), "--precision", precision, *ON_CPU, project)
    assert done.returncode == 0, done.stdout + done.stderr
    must(cmake("--preset", "release", "-B", build, *cmake_arguments(), cwd=project))
    must(cmake("--build", build))
    results = ctest(build)
    assert set(results.values()) <= {"Passed", "Skipped"}, results
    assert results["golden.batch"] == results["threads"] == "Passed"
    told = subprocess.run([build / "photo", "--info"], capture_output=True, text=True, check=True)
    assert f"({UNFUSED}, {precision})" in told.stdout
