"""The generated tests can fail: each of these mutations turns ctest, and verify's parity, red."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from building import WITHOUT_CUDA, cmake, ctest, must, own_facts
from photo_mutants import MUTANTS
from trt import divided

from gencpp.core import toolchain
from gencpp.project import read_manifest
from gencpp.verification import comparison, parity


@pytest.fixture(scope="module")
def built(verified_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy with its own build; each mutant changes files that compile in a moment."""
    folder = tmp_path_factory.mktemp("mutants") / "photo"
    shutil.copytree(verified_project, folder, ignore=shutil.ignore_patterns("build", "verify"))
    from building import cmake_arguments

    must(cmake("--preset", "release", *WITHOUT_CUDA, *cmake_arguments(), cwd=folder))
    must(cmake("--build", folder / "build"))
    yield folder


@pytest.fixture
def project(built: Path) -> Iterator[Path]:
    """The built project, restored afterwards."""
    touched = [
        built / "assets" / "model.pt",
        built / "src" / "artifact_info.hpp",
        built / "include" / "photo" / "model_info.hpp",
    ]
    before = {file: file.read_bytes() for file in touched}
    yield built
    for file, data in before.items():
        file.write_bytes(data)


def results(folder: Path, *, pixels: bool = True) -> dict[str, str]:
    """Of the tests that can tell; what is not asked is not built."""
    programs = ("photo", "photo_test_golden", *(("photo_test_pixels", "photo_pixels_tool") if pixels else ()))
    must(cmake("--build", folder / "build", "--target", *programs))
    return ctest(folder / "build", "-R", f"[.](golden{'|pixels' if pixels else ''})[.]")


def compared(folder: Path) -> comparison.Comparison:
    def run(argv: list[str]) -> toolchain.Finished:
        return toolchain.run(argv, timeout=120)

    return parity.compare(folder, read_manifest(folder).project, run)


def parity_holds(folder: Path) -> bool:
    found = compared(folder)
    return not found.problem() and not found.no_device and len(found.results) > 0


PICTURES = ("golden.picture", "pixels.ppm", "pixels.png")
MORE = pytest.mark.full("more of other preprocessing: one of values, one of pixels")


def test_the_unchanged_project_is_green(project: Path) -> None:
    found = results(project)
    assert set(found.values()) == {"Passed"}
    assert {"golden.seeded-0", "golden.seeded-1", "golden.batch", "golden.sizes-0", "golden.picture"} <= set(
        found
    )
    assert parity_holds(project)


@pytest.mark.parametrize(
    "mutant",
    divided(
        MUTANTS,
        ("weight_perturbed", "outputs_permuted"),
        pytest.mark.full("more of other artifacts: one of values, one of their order"),
    ),
)
def test_another_artifact_turns_every_golden_red(project: Path, mutant: str) -> None:
    """The artifact is another model, and the project's hashes are its: only the answers can tell."""
    make: Callable[[Path], None] = MUTANTS[mutant]
    make(project / "assets" / "model.pt")
    own_facts(project)
    goldens = results(project, pixels=False)
    assert len(goldens) == 5 and set(goldens.values()) == {"Failed"}, goldens
    by_verify = compared(project)
    assert by_verify.results and not any(r.passed for r in by_verify.results), "the answers have to tell"


@pytest.mark.parametrize(
    ("old", "new", "red"),
    [
        ("kMean{0.4F, 0.45F, 0.5F}", "kMean{0.5F, 0.45F, 0.4F}", ("golden.picture",)),
        ("Interpolation::bicubic", "Interpolation::bilinear", PICTURES),
        pytest.param("kStd{0.2F, 0.25F, 0.3F}", "kStd{0.3F, 0.25F, 0.2F}", ("golden.picture",), marks=MORE),
        pytest.param("Interpolation::bicubic", "Interpolation::nearest", PICTURES, marks=MORE),
        pytest.param("Resize{40, ", "Resize{41, ", PICTURES, marks=MORE),
    ],
)
def test_other_preprocessing_turns_the_picture_red(
    project: Path, old: str, new: str, red: tuple[str, ...]
) -> None:
    header = project / "include" / "photo" / "model_info.hpp"
    text = header.read_text()
    assert text.count(old) == 1
    header.write_text(text.replace(old, new))
    found = results(project)
    for name in red:
        assert found[name] == "Failed", found
    assert found["golden.seeded-0"] == "Passed"
    assert not parity_holds(project)


def test_mean_and_std_swapped(project: Path) -> None:
    header = project / "include" / "photo" / "model_info.hpp"
    text = header.read_text()
    swapped = text.replace("kMean{0.4F, 0.45F, 0.5F}", "kMean{0.2F, 0.25F, 0.3F}")
    swapped = swapped.replace("kStd{0.2F, 0.25F, 0.3F}", "kStd{0.4F, 0.45F, 0.5F}")
    assert swapped != text
    header.write_text(swapped)
    assert results(project)["golden.picture"] == "Failed"


def test_a_program_that_crashes_is_a_failure(project: Path) -> None:
    """Parity with a program that is not there must not pass for want of answers."""
    program = project / "build" / "photo"
    hidden = program.rename(program.with_name("hidden"))
    try:
        program.write_text("#!/bin/sh\nexit 4\n")
        program.chmod(0o755)
        assert not parity_holds(project)
        subprocess.run([str(program)], check=False)
    finally:
        program.unlink()
        hidden.rename(program)
