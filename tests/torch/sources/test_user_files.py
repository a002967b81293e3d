"""Files of a user's own beside gencpp's: their names take nothing from it, nor it from them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import Gencpp
from places import PACKAGE

NET = """
import torch
class Generator(torch.nn.Linear):
    def __init__(self):
        super().__init__(6, 4)
"""


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("generator.py", "generator:Generator"),
        ("generator.py", "generator.py:Generator"),
        ("GAN.py", "GAN.py:Generator"),
        ("core.py", "core:Generator"),  # as a room of the package
    ],
)
def test_a_file_of_any_name_is_a_source(gencpp: Gencpp, tmp_path: Path, name: str, source: str) -> None:
    (tmp_path / name).write_text(NET)
    done = gencpp("inspect", source, "--input", "input:1x6", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert ":Generator: generic" in done.stdout and "float32 Nx6" in done.stdout


def test_a_folder_is_named_with_the_file(gencpp: Gencpp, tmp_path: Path) -> None:
    """What imports it, imports from there, too."""
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "GAN.py").write_text("from sizes import WIDTH\n" + NET.replace("6, 4", "WIDTH, 4"))
    (tmp_path / "nets" / "sizes.py").write_text("WIDTH = 6\n")
    done = gencpp("new", "--model", "nets/GAN.py:Generator", "--input", "input:1x6", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = (tmp_path / "out" / "gencpp.json").read_text()
    assert '"GAN:Generator"' in told and str(tmp_path) not in told


def test_a_user_s_generator_on_the_path_is_not_gencpps(gencpp: Gencpp, tmp_path: Path) -> None:
    (tmp_path / "generator.py").write_text("raise SystemExit('this is no part of gencpp')\n")
    done = gencpp("--version", cwd=tmp_path, env={"PYTHONPATH": f"{tmp_path}{os.pathsep}{PACKAGE}"})
    assert done.returncode == 0 and done.stdout.startswith("gencpp "), done.stderr


@pytest.mark.parametrize("name", ["json.py", "torch.py"])
def test_a_name_that_python_has_already_is_refused(gencpp: Gencpp, tmp_path: Path, name: str) -> None:
    """Another module would answer."""
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / name).write_text(NET)
    done = gencpp("inspect", f"nets/{name}:Generator", "--input", "input:1x6", cwd=tmp_path)
    assert done.returncode == 2 and "has the name of a module that Python" in done.stderr, done.stderr


def test_another_file_of_the_same_name_takes_its_place(tmp_path: Path) -> None:
    """In one process, as in a notebook; and before one that is found first on Python's own path."""
    from gencpp.sources.factory import resolve

    for folder, width in (("one", 4), ("two", 9)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "gan_of_two.py").write_text(NET.replace("6, 4", f"6, {width}"))
    for folder, width in (("one", 4), ("two", 9), ("one", 4)):
        assert resolve("gan_of_two", "Generator", (str(tmp_path / folder),))().out_features == width
