"""Wrong programs, planted one by one, and found by verify: the list has their names.

Faults of preprocessing are planted in test_mutations; models that an exporter gets wrong, which `new` has to
find, are in test_sizes, test_state and test_branches.
"""

from __future__ import annotations

import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import WITHOUT_CUDA, cmake, cmake_arguments, ctest, must, own_facts
from conftest import ON_CPU, ROOT, Gencpp
from trt import divided

from gencpp.core import toolchain
from gencpp.project import read_manifest
from gencpp.verification import comparison, parity

sys.path.insert(0, str(ROOT / "tests" / "support" / "models"))
from planted import PLANTED

ARTIFACT = Path("assets", "model.pt")
ONE_OF_EACH_KIND = (
    "batch baked: items above the fourth by another formula",
    "length baked: positions of the usual length",
    "mask dropped",
    "state kept: a running sum in a buffer",
    "noise added",
    "outputs exchanged",
    "weight perturbed by 1 %",
    "rounded to half precision",
)
MORE_FAULTS = pytest.mark.full("more wrong models of the same kinds")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, gencpp: Gencpp) -> Path:
    """The right program of planted.py, with the length of its sequences and their number left open."""
    folder = tmp_path_factory.mktemp("planted") / "planted"
    # The project has the name of others, with which it shares objects.
    arguments = ["new", *ON_CPU, "--name", "photo", "--model", "planted:sequences"]
    arguments += ["--path", ROOT / "tests" / "support" / "models"]
    arguments += ["--input", "tokens:1x6x8", "--input", "padding:1x6:bool"]
    arguments += ["--dynamic", "tokens:1=2:6:12", "--dynamic", "padding:1=2:6:12"]
    done = gencpp(*arguments, folder)
    assert done.returncode == 0, done.stderr
    assert read_manifest(folder).project.goldens.parity == "strong"
    must(cmake("--preset", "release", *WITHOUT_CUDA, *cmake_arguments(), cwd=folder))
    build(folder, "photo", "photo_test_threads")
    return folder


@pytest.fixture
def project(built: Path) -> Iterator[Path]:
    """The built project, restored afterwards."""
    touched = [built / ARTIFACT, built / "src" / "artifact_info.hpp"]
    before = {file: file.read_bytes() for file in touched}
    yield built
    for file, data in before.items():
        file.write_bytes(data)


def build(folder: Path, *programs: str) -> None:
    must(cmake("--build", folder / "build", "--target", *programs))


def compared(folder: Path) -> comparison.Comparison:
    return parity.compare(
        folder, read_manifest(folder).project, lambda argv: toolchain.run(argv, timeout=120)
    )


def plant(folder: Path, fault: str) -> None:
    """Another model in the artifact's place, with its hashes: only the answers can tell."""
    import torch
    from planted import Sequences

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Frozen, as the project's own artifact is: oneDNN graph fusion fails on some modules that are not.
        torch.jit.freeze(torch.jit.script(Sequences(fault).eval())).save(str(folder / ARTIFACT))
    own_facts(folder)
    build(folder, "photo")


def test_the_right_program_is_green(project: Path) -> None:
    plant(project, "")  # planting by itself changes nothing
    found = compared(project)
    assert found.problem() == "" and len(found.results) >= 10
    build(project, "photo_test_threads")
    assert ctest(project / "build", "-R", "[.]threads$") == {"threads": "Passed"}


@pytest.mark.parametrize("fault", divided(PLANTED, ONE_OF_EACH_KIND, MORE_FAULTS))
def test_another_model_is_found(project: Path, fault: str) -> None:
    plant(project, fault)
    found = compared(project)
    assert found.results and not found.problems, "it has to be the answers that tell"
    wrong = [r for r in found.results if not r.passed]
    assert wrong, f"verify calls this proven: {fault}"


@pytest.mark.parametrize(
    "place",
    [
        *(0.001, 0.7),
        *(
            pytest.param(place, marks=pytest.mark.full("more places of a byte"))
            for place in (0.3, 0.5, 0.999)
        ),
    ],
)
def test_a_flipped_byte_is_found(project: Path, place: float) -> None:
    data = bytearray((project / ARTIFACT).read_bytes())
    data[int(len(data) * place)] ^= 0x10
    (project / ARTIFACT).write_bytes(data)
    found = compared(project)
    assert not found.results and found.problems
    assert all("is not the artifact of this project" in p for p in found.problems)


def test_labels_exchanged_are_found(verified_project: Path, tmp_path: Path) -> None:
    """The answers are right and their names are not."""
    folder = tmp_path / "photo"
    shutil.copytree(verified_project, folder)
    file = folder / "assets" / "labels.txt"
    first, second, *rest = file.read_text().splitlines(keepends=True)
    file.write_text("".join([second, first, *rest]))
    program = folder / "build" / "photo"
    picture = folder / "assets" / "goldens" / "golden.ppm"
    environment = {"PHOTO_ASSETS": str(folder / "assets")}
    done = toolchain.run([str(program), str(picture)], timeout=120, env=environment)
    assert done.code != 0 and "labels.txt is not what this project was generated with" in done.output
