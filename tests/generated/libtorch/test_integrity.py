"""Damage is an error and never another answer: every byte of an artifact, and the labels."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from building import cmake, cmake_arguments, must
from conftest import ON_CPU, photo_arguments
from once import Once

from gencpp.core.checksum import fletcher4
from gencpp.core.spec import ModelSpec
from gencpp.project.headers import artifact_info_header

Run = Callable[..., subprocess.CompletedProcess[str]]
Gencpp = Run


def plain_fletcher4(data: bytes) -> str:
    """The definition, word by word."""
    a = b = c = d = 0
    data += b"\0" * (-len(data) % 4)
    for i in range(0, len(data), 4):
        a = (a + int.from_bytes(data[i : i + 4], "little")) % 2**64
        b = (b + a) % 2**64
        c = (c + b) % 2**64
        d = (d + c) % 2**64
    return "".join(f"{x:016x}" for x in (a, b, c, d))


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 1000, 2**20 - 1, 2**20, 2**20 + 6])
def test_the_checksum_is_its_definition(size: int, tmp_path: Path) -> None:
    data = random.Random(size).randbytes(size)
    (tmp_path / "file").write_bytes(data)
    assert fletcher4(tmp_path / "file") == plain_fletcher4(data)


def test_every_flipped_bit_changes_the_checksum(tmp_path: Path) -> None:
    data = bytearray(random.Random(1).randbytes(1001))
    file = tmp_path / "file"
    file.write_bytes(data)
    whole = fletcher4(file)
    for i in range(len(data)):
        data[i] ^= 1 << i % 8
        file.write_bytes(data)
        assert fletcher4(file) != whole
        data[i] ^= 1 << i % 8


def test_labels_are_told_apart() -> None:
    from dataclasses import replace

    from samples import classifier

    made = classifier()
    swapped = replace(made, model=replace(made.model, labels=tuple(reversed(made.model.labels))))
    assert isinstance(made.model, ModelSpec) and len(made.model.labels) > 1
    facts = [re.findall(r"kLabelsSha256 = \"(\w{64})\"", artifact_info_header(p)) for p in (made, swapped)]
    assert len(facts[0]) == 1 and facts[0] != facts[1]


@pytest.fixture(scope="module")
def built(once: Once, gencpp: Gencpp) -> Path:
    """A classifier whose artifact is larger than twice 64 KiB, with its program."""
    return once.folder("large", lambda folder: make_large(folder, gencpp)) / "photo"


def make_large(folder: Path, gencpp: Gencpp) -> None:
    arguments = [
        a.replace("photo:model", "photo:large_model")
        for a in (*photo_arguments(folder / "labels.txt"), *ON_CPU)
    ]
    done = gencpp(*arguments, folder / "photo")
    assert done.returncode == 0, done.stderr
    options = ("-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", *cmake_arguments())
    must(cmake("-S", folder / "photo", "-B", folder / "photo" / "build", *options))
    must(cmake("--build", folder / "photo" / "build", "--target", "photo", "--parallel", "2"))


@pytest.fixture
def run(built: Path, tmp_path: Path) -> Run:
    """The program on its picture, with a copy of the assets that a test may damage."""
    shutil.copytree(built / "assets", tmp_path / "assets")
    program = built / "build" / "photo"

    def ran(*options: str) -> subprocess.CompletedProcess[str]:
        argv = [str(program), *options, str(tmp_path / "assets" / "goldens" / "golden.ppm")]
        environment = {"PHOTO_ASSETS": str(tmp_path / "assets")}
        return subprocess.run(argv, capture_output=True, text=True, env=environment, check=False)

    return ran


def test_one_flipped_bit_anywhere(run: Run, built: Path, tmp_path: Path) -> None:
    """At commit ce7dfb6 all that lies between the first and the last 64 KiB passed."""
    assert run().returncode == 0 and run("--check=full").returncode == 0
    facts = json.loads((built / "gencpp.json").read_text())["project"]["artifact"]
    file = tmp_path / "assets" / "model.pt"
    data = bytearray(file.read_bytes())
    size = len(data)
    assert size > 2 * 64 * 1024
    for at in (0, 70_000, size // 2, size - 70_000, size - 1):
        data[at] ^= 4
        file.write_bytes(data)
        data[at] ^= 4
        quick, full = run(), run("--check", "full")
        assert quick.returncode == 1 and facts["fletcher4"] in quick.stderr, (at, quick.stdout, quick.stderr)
        assert full.returncode == 1 and facts["sha256"] in full.stderr, (at, full.stderr)
        assert "model.pt" in quick.stderr and "Generate the project anew or restore" in quick.stderr
        assert quick.stdout == ""
    assert run("--check", "half").returncode == 2


def test_swapped_labels_are_an_error_that_says_what_to_do(run: Run, tmp_path: Path) -> None:
    """At commit ce7dfb6 they gave wrong names with exit code 0."""
    file = tmp_path / "assets" / "labels.txt"
    own = file.read_bytes()
    lines = own.decode().splitlines()
    answer = run().stdout
    file.write_bytes("\r\n".join([*lines, ""]).encode())  # a checkout on Windows
    assert run().stdout == answer
    swapped = tmp_path / "swapped.txt"
    swapped.write_text("\n".join([*lines[1:], lines[0]]) + "\n")
    file.write_bytes(swapped.read_bytes())
    done = run()
    assert done.returncode == 1 and done.stdout == "" and "labels.txt" in done.stderr
    assert "--labels FILE" in done.stderr and "gencpp new --labels" in done.stderr
    named = run("--labels", str(swapped))
    assert named.returncode == 0 and named.stdout != answer
    swapped.write_text("one\n")
    assert run("--labels", str(swapped)).returncode == 1
