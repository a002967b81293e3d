"""A host with rules and names of its own, in each way of taking a project in."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from building import cmake, cmake_arguments, must
from places import SUPPORT

SUBDIRECTORY = "add_subdirectory({project} photo)"
FETCH = """
include(FetchContent)
FetchContent_Declare(photo GIT_REPOSITORY "file://{project}" GIT_TAG main)
FetchContent_MakeAvailable(photo)
"""
PACKAGE = "find_package(photo REQUIRED)"


def answer(folder: Path, get: str, *options: str, **environment: str) -> str:
    """What the host says that takes the project in by `get`: 12 12, and the sum of its answers."""
    host = Path(shutil.copytree(SUPPORT / "picky_host", folder / "host"))
    template = host / "CMakeLists.txt.in"
    (host / "CMakeLists.txt").write_text(template.read_text().replace("@GET@", get))
    build = folder / "build"
    release = ("-DCMAKE_BUILD_TYPE=Release", *options, *cmake_arguments())
    must(cmake("-S", host, "-B", build, "-G", "Ninja", *release))
    must(cmake("--build", build))
    argv = ["/usr/bin/env", *(f"{name}={value}" for name, value in environment.items()), str(build / "tests")]
    return must(subprocess.run(argv, capture_output=True, text=True, check=False)).stdout


@pytest.fixture(scope="module")
def expected(verified_project: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of the package that was installed and moved. The host's own sources are optimised across files, too."""
    folder = tmp_path_factory.mktemp("package")
    build = verified_project / "build"
    must(cmake("--install", build, "--prefix", folder / "prefix"))
    moved = (folder / "prefix").rename(folder / "it's elsewhere")
    assets = moved / "share" / "photo"
    return answer(folder, PACKAGE, f"-DCMAKE_PREFIX_PATH={moved}", PHOTO_ASSETS=str(assets))


def test_an_installed_package_that_was_moved(expected: str) -> None:
    area, pixels, total = expected.split()
    assert (area, pixels) == ("12", "12") and float(total) != 0


LINKED = pytest.mark.full(
    "all sources once more, optimised across files; unity builds and hidden symbols are there"
)


@LINKED
def test_a_subdirectory(expected: str, photo_project: Path, tmp_path: Path) -> None:
    assert answer(tmp_path, SUBDIRECTORY.format(project=photo_project)) == expected


@LINKED
def test_a_fetched_repository(expected: str, photo_project: Path, tmp_path: Path) -> None:
    repository = Path(shutil.copytree(photo_project, tmp_path / "repository"))
    identity = ("-c", "user.name=host", "-c", "user.email=host@example.com", "-c", "commit.gpgsign=false")
    for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "photo")):
        argv = ["git", *identity, *arguments]
        must(subprocess.run(argv, cwd=repository, capture_output=True, text=True, check=False))
    assert answer(tmp_path, FETCH.format(project=repository)) == expected
