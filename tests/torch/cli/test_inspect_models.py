"""`gencpp inspect` says what `gencpp new` writes; `gencpp models` finds models by name and task."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from places import MODELS

Gencpp = Callable[..., subprocess.CompletedProcess[str]]

PHOTO = ("--input", "image:1x3x32x32:float32", "--preprocess", "photo:transforms")
CASES = {
    "photo:model": PHOTO,
    "tiny:named": ("--input", "x:1x6:float32", "--dynamic", "x:0=1:2:5"),
    "tiny:fixed_batch": ("--input", "x:1x6:float32"),
    "tiny:mixing": ("--input", "x:1x6:float32"),
}


@pytest.fixture
def options(tmp_path: Path) -> Callable[[str], list[str | Path]]:
    def of(source: str) -> list[str | Path]:
        more: list[str | Path] = []
        if source == "photo:model":
            (tmp_path / "labels.txt").write_text("".join(f"class {i}\n" for i in range(10)))
            more = ["--labels", tmp_path / "labels.txt"]
        return [*CASES[source], *more, "--path", MODELS]

    return of


def read(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("source", CASES)
def test_inspect_agrees_with_new(
    gencpp: Gencpp, options: Callable[[str], list[str | Path]], tmp_path: Path, source: str
) -> None:
    told = read(gencpp("inspect", source, *options(source), "--json"))
    made = read(gencpp("new", "--model", source, *options(source), tmp_path / "out", "--json"))["project"]
    for key in ("task", "labels", "preprocess", "parameters", "weights", "source"):
        assert told["model"][key] == made["model"][key], key
    changes = told["changes"]["libtorch"]
    notes = [c for c in changes if c in made["model"]["notes"]]
    assert made["model"]["notes"] == [*told["model"]["notes"], *notes]
    for key in ("inputs", "outputs"):
        for then, now in zip(told["model"][key], made["model"][key], strict=True):
            same = {k: v for k, v in then.items() if k != "dims"}
            assert same == {k: v for k, v in now.items() if k != "dims"}
            assert then["dims"] == now["dims"] or any(c.startswith(f"{now['name']}: ") for c in changes)
    assert len(changes) == len(notes) or told["model"]["inputs"] != made["model"]["inputs"]


def test_inspect_prints_what_the_readme_has(
    gencpp: Gencpp, options: Callable[[str], list[str | Path]], tmp_path: Path
) -> None:
    done = gencpp("inspect", "photo:model", *options("photo:model"))
    assert done.returncode == 0, done.stderr
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if line.startswith("  "))
    made = gencpp("new", "--model", "photo:model", *options("photo:model"), tmp_path / "out")
    assert made.returncode == 0, made.stderr
    assert rows["labels"] == "10: class 0 to class 9"
    assert rows["preprocess"].startswith("From photo:transforms: decode to RGB, ")
    assert rows["preprocess"] in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize(
    ("option", "parts"),
    [
        (("--labels", "missing.txt"), ["missing.txt"]),
        (("--preprocess", "photo:nothing"), ["nothing"]),
        (("--dynamic", "x:0=4"), ["--dynamic"]),
    ],
)
def test_inspect_refuses_as_new_does(
    gencpp: Gencpp, tmp_path: Path, option: tuple[str, ...], parts: list[str]
) -> None:
    arguments = ("--path", MODELS, "--input", "x:1x6:float32", *option)
    looked = gencpp("inspect", "tiny:named", *arguments)
    made = gencpp("new", "--model", "tiny:named", *arguments, tmp_path / "out")
    assert looked.returncode == made.returncode == 2 and looked.stderr == made.stderr, looked.stderr
    assert all(part in looked.stderr for part in parts), looked.stderr


def rows(done: subprocess.CompletedProcess[str]) -> list[list[str]]:
    assert done.returncode == 0, done.stderr
    titles, *found = [line.split("\t") for line in done.stdout.splitlines()]
    assert titles == ["model", "task", "input", "parameters", "weights", "libtorch", "tensorrt"]
    assert all(len(row) == len(titles) for row in found)
    return found


def test_what_torchvision_would_rather_have_is_not_told(gencpp: Gencpp) -> None:
    given = ("--path", MODELS, "--input", "image:1x3x8x8:float32", "--preprocess", "tiny:to_tensor")
    done = gencpp("inspect", "tiny:cnn", *given)
    assert (done.returncode, done.stderr) == (0, "")
    assert "  work        2.024 k multiply-adds a run\n" in done.stdout
    done = gencpp("inspect", "tiny:named", "--path", MODELS, "--input", "x:1x6")
    assert "  work        24 multiply-adds a run\n" in done.stdout


def test_models_by_a_part_of_the_name_and_by_task(gencpp: Gencpp) -> None:
    found = rows(gencpp("models", "ResNet", "--task", "classification"))
    assert {row[1] for row in found} == {"classification"}
    assert [
        "resnet50",
        "classification",
        "3x224x224",
        "25557032",
        "IMAGENET1K_V1,IMAGENET1K_V2",
        "yes",
        "yes",
    ] in (found)
    assert {"wide_resnet50_2", "resnet18"} <= {row[0] for row in found}
    assert "alexnet" not in {row[0] for row in found}
    assert [row[0] for row in rows(gencpp("models", "--task", "optical_flow"))] == [
        "raft_large",
        "raft_small",
    ]
    told = json.loads(gencpp("models", "raft", "--json").stdout)
    assert [row["name"] for row in told] == ["raft_large", "raft_small"]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("resnt18",), ["'resnt18' in its name", "Did you mean resnet18"]),
        (("resnet", "--task", "video"), ["is of the task video", "Their tasks: ", "classification"]),
        (("--task", "pictures"), ["no task 'pictures'", "classification, segmentation"]),
    ],
)
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_no_model_is_exit_code_2(
    gencpp: Gencpp, arguments: tuple[str, ...], parts: list[str], more: tuple[str, ...]
) -> None:
    done = gencpp("models", *arguments, *more)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert all(part in done.stderr for part in parts), done.stderr


def test_the_models_of_every_task_fit_on_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import re
    import sys

    from gencpp.cli import tables

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    tables.models()
    text = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out)
    assert max(map(len, text.splitlines())) <= 80
    words = set(text.replace(",", " ").split())
    assert {"fasterrcnn_mobilenet_v3_large_320_fpn", "IMAGENET1K_SWAG_LINEAR_V1", "resnet18"} <= words
    assert text.count("detection, not taken: a detection model") == 1  # the reason once, not at each model


def test_names_are_known_without_torchvision_being_imported() -> None:
    import torchvision

    from gencpp.sources.names import registered_names

    assert registered_names() == sorted(torchvision.models.list_models())
