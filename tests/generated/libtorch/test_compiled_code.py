"""A project whose artifact is code (AOTInductor): built, verified, damaged, embedded, in one folder."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from building import cmake, ctest, must
from conftest import photo_arguments

from gencpp.backends.libtorch.spec import LibTorchSpec
from gencpp.project import read_manifest

Gencpp = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory, gencpp: Gencpp) -> Path:
    """A project whose artifact is code, which `gencpp verify` built, tested and compared."""
    folder = tmp_path_factory.mktemp("compiled")
    done = gencpp(*photo_arguments(folder / "labels.txt"), "--artifact", "aoti", folder / "photo")
    assert done.returncode == 0, done.stdout + done.stderr
    done = gencpp("verify", folder / "photo", "--only", "test,parity", "--allow-incomplete")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "photo"


def steps(folder: Path) -> dict[str, str]:
    return {row["name"]: row["status"] for row in json.loads((folder / "verify.json").read_text())["steps"]}


def test_compiled_code_answers_as_the_model(compiled: Path) -> None:
    made = read_manifest(compiled).project
    assert made.artifact.format == "aoti" and made.artifact.file == "model.pt2"
    assert LibTorchSpec.of(made).compiled is not None
    assert made.model.inputs[0].dims[0].dynamic  # the batch is among the goldens
    assert steps(compiled).items() >= dict.fromkeys(("build", "test", "parity"), "passed").items()
    report = json.loads((compiled / "verify.json").read_text())
    assert {p["case"] for p in report["parity"]} == {"seeded-0", "seeded-1", "batch", "sizes-0", "picture"}
    assert all(p["passed"] and p["max_rel_diff"] <= 1e-4 for p in report["parity"])
    results = ctest(compiled / "build", "-R", "golden.batch|threads")
    assert results["golden.batch"] == results["threads"] == "Passed"


@pytest.mark.full("its tests and its parity are there, and every step of a TorchScript project")
def test_compiled_code_passes_every_step_of_verify(compiled: Path, gencpp: Gencpp) -> None:
    done = gencpp("verify", compiled)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((compiled / "verify.json").read_text())["status"] == "passed"
    assert steps(compiled) == dict.fromkeys(
        (
            *("doctor", "configure", "build", "test", "parity", "bench"),
            *("consumer-subdirectory", "install", "consumer-package"),
        ),
        "passed",
    )


def test_damaged_or_foreign_code_is_refused_before_it_runs(compiled: Path, tmp_path: Path) -> None:
    program, model = compiled / "build" / "photo", compiled / "assets" / "model.pt2"
    data = model.read_bytes()
    middle = len(data) // 2
    for spoiled in (data[:-1000], data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]):
        (tmp_path / "model.pt2").write_bytes(spoiled)
        done = subprocess.run(
            [program, "--artifact", tmp_path / "model.pt2", "--info"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1 and "model.pt2" in done.stderr, done.stdout + done.stderr

    info = compiled / "src" / "libtorch_info.hpp"
    kept = info.read_text()
    machine = LibTorchSpec.of(read_manifest(compiled).project)
    assert machine.compiled is not None
    wrong = (
        (f'"{machine.compiled.architecture}"', '"riscv64"', "code for riscv64"),
        (f'"{machine.compiled.torch}"', '"2.1.0"', "code for LibTorch 2.1.0"),
        (f'"{" ".join(machine.compiled.cpu_flags)}"', '"avx avx1024f"', "a processor with avx1024f"),
    )
    try:
        for old, new, words in wrong:
            assert old in kept
            info.write_text(kept.replace(old, new))
            must(cmake("--build", compiled / "build", "--target", "photo_app"))
            done = subprocess.run([program, "--info"], capture_output=True, text=True, check=False)
            assert done.returncode != 0 and words in done.stderr, done.stderr
            assert "--artifact aoti" in done.stderr
    finally:
        info.write_text(kept)


@pytest.mark.skipif(sys.platform != "linux", reason="files in memory are Linux's")
def test_embedded_code_is_loaded_from_memory(compiled: Path, tmp_path: Path) -> None:
    build, model = compiled / "build", compiled / "assets" / "model.pt2"
    kept = model.rename(tmp_path / "model.pt2")  # beside the build, and nowhere else
    model.write_bytes(kept.read_bytes())
    must(cmake(build, "-DPHOTO_EMBED_ASSETS=ON"))
    must(cmake("--build", build))
    model.unlink()
    try:
        done = subprocess.run([build / "photo", "--info"], capture_output=True, text=True, check=False)
        assert done.returncode == 0 and "AOTInductor" in done.stdout, done.stdout + done.stderr
        results = ctest(build, "-R", "golden")
        assert results and set(results.values()) == {"Passed"}, results
    finally:
        kept.rename(model)
        must(cmake(build, "-DPHOTO_EMBED_ASSETS=OFF"))
