"""Projects of many kinds are made again from their manifests alone, byte for byte."""

from __future__ import annotations

import shutil
import subprocess
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from places import MODELS, SUPPORT

from gencpp import project
from gencpp.bench.remake import load_again
from gencpp.core.errors import UsageError
from gencpp.core.recipe import ProjectRecipe
from gencpp.core.request import Request
from gencpp.pipeline import _changed, generate, repeat, tune_project

Gencpp = Callable[..., subprocess.CompletedProcess[str]]


def a_factory(folder: Path) -> dict[str, Any]:
    return {"source": "photo:model", "preprocess": "photo:transforms", "inputs": ("image:1x3x32x32",)}


def its_file(folder: Path) -> dict[str, Any]:
    shutil.copyfile(MODELS / "photo.py", folder / "nets.py")
    return {"source": str(folder / "nets.py") + ":model", "inputs": ("image:1x3x32x32",), "name": "eyes"}


def a_state_dict(folder: Path) -> dict[str, Any]:
    import torch
    from models import tiny

    torch.manual_seed(4)
    torch.save(tiny.named().state_dict(), folder / "best state.pt")
    return {"source": "tiny:named", "inputs": ("x:1x6",), "state_dict": str(folder / "best state.pt")}


def a_torchscript_file_with_labels(folder: Path) -> dict[str, Any]:
    import torch
    from models import photo

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(photo.model()), str(folder / "net.pt"))
    (folder / "classes.txt").write_text("".join(f"{name}\n" for name in photo.LABELS))
    more = {"labels": str(folder / "classes.txt"), "dynamic": ("image:0=1:2:4",)}
    return {"source": str(folder / "net.pt"), "inputs": ("image:1x3x32x32:float32",), **more}


def half(folder: Path) -> dict[str, Any]:
    return {"source": "tiny:named", "inputs": ("x:1x6",), "precision": "bf16", "seed": 5}


def a_variant(folder: Path) -> dict[str, Any]:
    return {"source": "tiny:cnn", "inputs": ("image:1x3x32x32",), "artifact": "channels-last"}


def values_in_a_file(folder: Path) -> dict[str, Any]:
    import numpy as np

    np.save(folder / "ids.npy", np.arange(15, dtype=np.int64).reshape(3, 5) % 10)
    given = f"tokens:1x5:int64={folder / 'ids.npy'}"
    return {
        "source": "models.layers:masked",
        "inputs": (given, "mask:1x5:float32=0..1"),
        "backend": "tensorrt",
    }


def an_onnx_file(folder: Path) -> dict[str, Any]:
    import torch
    from models import tiny

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(tiny.cnn(), (torch.zeros(1, 3, 32, 32),), str(folder / "net.onnx"), dynamo=False)
    return {"source": str(folder / "net.onnx"), "backend": "tensorrt", "tensorrt_min": "8.6", "tf32": True}


def a_network(folder: Path) -> dict[str, Any]:
    profiles = ("image:0=1:1:2,2:4:8",)
    asked = {"backend": "tensorrt", "trt_api": "network", "precision": "fp16", "dynamic": profiles}
    return {"source": "tiny:cnn", "inputs": ("image:1x3x32x32",), **asked}


def torchvision_s(folder: Path) -> dict[str, Any]:
    return {"source": "squeezenet1_1", "weights": "none", "seed": 7, "backend": "tensorrt"}


KINDS = (
    *(a_factory, its_file, a_state_dict, a_torchscript_file_with_labels, half, a_variant),
    *(values_in_a_file, an_onnx_file, a_network, torchvision_s),
)


IN_EVERY_RUN = (its_file, a_state_dict, a_torchscript_file_with_labels, values_in_a_file, an_onnx_file)
"""Each kind of file, and both backends."""


def arguments(asked: dict[str, Any]) -> list[str]:
    """The command's options for a request's fields."""
    names = {"source": "--model", "inputs": "--input"}
    found = []
    for name, value in asked.items():
        option = names.get(name, f"--{name.replace('_', '-')}")
        for text in value if isinstance(value, tuple) else (value,):
            found += [option] if value is True else [option, str(text)]
    return found


def tree(out: Path) -> dict[str, bytes]:
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}


def differences(one: dict[str, bytes], two: dict[str, bytes]) -> list[str]:
    return sorted(path for path in one.keys() | two.keys() if one.get(path) != two.get(path))


MORE = pytest.mark.full("more kinds of projects made again")
EACH = [pytest.param(k, id=k.__name__, marks=[] if k in IN_EVERY_RUN else MORE) for k in KINDS]


@pytest.mark.parametrize("kind", EACH)
def test_byte_for_byte(kind: Callable[[Path], dict[str, Any]], tmp_path: Path, gencpp: Gencpp) -> None:
    files, out = tmp_path / "files", tmp_path / "first" / "out"
    for folder in (files, out.parent):
        folder.mkdir()
    code = (str(MODELS), str(SUPPORT))
    done = gencpp("new", *arguments({**kind(files), "path": code}), out)
    assert done.returncode == 0, done.stderr
    before = tree(out)
    assert all(str(tmp_path).encode() not in data for data in before.values())

    # Nothing of the first command is left: the project moved, and so did the files that it was given.
    moved, folders = tmp_path / "moved", (str(tmp_path / "elsewhere"), *code)
    shutil.move(out, moved)
    shutil.move(files, folders[0])
    again = ("new", "--recipe", moved / "gencpp.json", *arguments({"path": folders}))
    done = gencpp(*again, tmp_path / "second")
    assert done.returncode == 0, done.stderr
    assert differences(before, tree(tmp_path / "second")) == []

    # What bench compares the program with is the same model.
    made = project.read_manifest(moved).project
    named = tuple(filter(None, (made.recipe.model.source, made.recipe.model.preprocess)))
    loaded = load_again(made, folders, named)
    assert (loaded.source_text, loaded.weights.kind) == (made.model.source, made.model.weights.kind)


def test_tune_keeps_everything_but_the_artifact(
    gencpp: Gencpp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same goldens, labels and recipe; what is measured is test_tune's."""
    from gencpp.backends.libtorch import export, tune
    from gencpp.backends.libtorch.spec import LibTorchSpec, Tuned
    from gencpp.backends.libtorch.variants import VARIANTS

    def measured(_: Any, candidates: Any, *__: Any) -> tuple[tuple[Tuned, ...], None]:
        rows = (
            Tuned(variant=name, threads=2, p50_ms=1.0, spread=(1.0, 1.0), max_rel_diff=0.0)
            for name in candidates
        )
        return tuple(rows), None

    files = tmp_path / "files"
    files.mkdir()
    out = tmp_path / "out"
    made = generate(Request(**a_torchscript_file_with_labels(files), backend="libtorch", out=out))
    before = tree(out)
    monkeypatch.setattr(export, "VARIANTS", {n: VARIANTS[n] for n in ("plain", "frozen")})
    monkeypatch.setattr(tune, "tune", measured)
    tuned = tune_project(out, (str(files),), 3)
    assert LibTorchSpec.of(tuned.project).variant == "plain"
    recipe = replace(made.project.recipe.project, tune=True, tune_rounds=3)
    assert tuned.project.recipe == replace(made.project.recipe, project=recipe)
    changed = differences(before, tree(out))
    assert changed and not [p for p in changed if p.startswith(("assets/goldens/", "include/", "tests/"))]
    assert "assets/labels.txt" not in changed


def test_options_of_the_project_may_be_given_anew(
    gencpp: Gencpp, photo_project: Path, tmp_path: Path
) -> None:
    again = ("new", "--recipe", photo_project, "--path", MODELS)
    done = gencpp(*again, "--backend", "tensorrt", "--name", "eyes", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    made, of = project.read_manifest(tmp_path / "out").project, project.read_manifest(photo_project).project
    assert (made.backend, made.name) == ("tensorrt", "eyes") and made.recipe.model == of.recipe.model
    assert made.model.inputs == of.model.inputs


def test_options_of_the_old_backend_are_left_behind(tmp_path: Path) -> None:
    asked = a_variant(tmp_path)
    generate(Request(**asked, backend="libtorch", path=(str(MODELS),), out=tmp_path / "one"))
    changes = {"backend": "tensorrt", "tensorrt_min": "8.6"}
    made = repeat(tmp_path / "one", tmp_path / "two", path=(str(MODELS),), changes=changes).project
    assert made.recipe.project == ProjectRecipe(**changes)
    with pytest.raises(UsageError, match="--artifact: only for LibTorch"):
        repeat(
            tmp_path / "one", tmp_path / "two", path=(str(MODELS),), changes={**changes, "artifact": "fused"}
        )
    with pytest.raises(UsageError, match="there is no backend 'opencl'"):
        repeat(tmp_path / "one", tmp_path / "two", path=(str(MODELS),), changes={"backend": "opencl"})


def test_what_is_given_takes_the_place_of_what_leaves_no_room_for_it() -> None:
    tuned = ProjectRecipe(backend="libtorch", tune=True, tune_rounds=3)
    for changes in ({"artifact": "plain"}, {"precision": "fp16"}, {"tune": False}):
        found = _changed(tuned, changes)
        assert not found.tune and all(getattr(found, n) == value for n, value in changes.items())
    compiled = ProjectRecipe(backend="libtorch", artifact="aoti", device="cuda")
    found = _changed(compiled, {"tune": True})
    assert (found.artifact, found.device, found.tune) == (None, None, True)
    found = _changed(compiled, {"artifact": "torchscript"})
    assert (found.artifact, found.device) == ("torchscript", "cuda")  # where it may run stays
    assert _changed(compiled, {"artifact": "aoti-autotuned", "device": "cpu"}).device == "cpu"
    assert _changed(compiled, {"tune": False}) == compiled  # what is taken back leaves room for all
    assert _changed(tuned, {"precision": "fp32"}).tune


def test_another_file_of_the_same_name_is_told(gencpp: Gencpp, tmp_path: Path) -> None:
    import torch

    (tmp_path / "files").mkdir()
    asked = arguments({**a_state_dict(tmp_path / "files"), "path": (str(MODELS),)})
    assert gencpp("new", *asked, tmp_path / "one").returncode == 0
    again = ("new", "--recipe", tmp_path / "one", "--path", MODELS, "--path", tmp_path / "files")
    done = gencpp(*again, tmp_path / "two")
    assert done.returncode == 0 and "another file" not in done.stderr, done.stderr
    state = torch.load(tmp_path / "files" / "best state.pt")
    torch.save({k: v + 1 for k, v in state.items()}, tmp_path / "files" / "best state.pt")
    done = gencpp(*again, tmp_path / "three")
    assert done.returncode == 0, done.stderr
    assert "best state.pt is another file than the project of the recipe was made from" in done.stderr
    read = [project.read_manifest(tmp_path / n).project.recipe.model for n in ("one", "three")]
    assert read[0].files != read[1].files and replace(read[1], files=read[0].files) == read[0]


def test_labels_are_found_without_the_project(tmp_path: Path) -> None:
    """With its manifest alone; beside it lie the labels that it has."""
    files = tmp_path / "files"
    files.mkdir()
    made = generate(
        Request(**a_torchscript_file_with_labels(files), backend="libtorch", out=tmp_path / "one")
    )
    shutil.copyfile(tmp_path / "one" / "gencpp.json", tmp_path / "alone.json")
    again = repeat(tmp_path / "alone.json", tmp_path / "two", path=(str(files),)).project
    assert again.model.labels == made.project.model.labels and again.recipe == made.project.recipe
    (files / "classes.txt").unlink()
    assert repeat(tmp_path / "one", tmp_path / "three", path=(str(files),)).project.recipe == again.recipe
    with pytest.raises(UsageError, match=r"classes\.txt \(--labels\) is in no folder of --path"):
        repeat(tmp_path / "alone.json", tmp_path / "four", path=(str(files),))


def test_a_recipe_by_hand(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(
        '{"model": {"source": "tiny:named", "inputs": ["x:1x6"]}, "project": {"backend": "libtorch"}}'
    )
    made = repeat(tmp_path / "mine.json", tmp_path / "out", path=(str(MODELS),)).project
    assert made.name == "named" and made.recipe.model.inputs == ("x:1x6",)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "there is no such file"),
        ("", "mine.json"),
        ("[]", "is no recipe"),
        ('{"model": {"source": "resnet18"}}', "missing fields ['project']"),
        (
            '{"model": {"source": "resnet18", "wheights": "none"}, "project": {"backend": "libtorch"}}',
            "wheights",
        ),
        ('{"model": {"source": 5}, "project": {"backend": "libtorch"}}', "expected str"),
        ('{"model": {"source": "resnet18"}, "project": {"backend": "libtroch"}}', "there is no backend"),
        ('{"schema": 1}', "has schema 1"),
    ],
)
def test_a_file_that_is_no_recipe(tmp_path: Path, content: str | None, told: str) -> None:
    if content is not None:
        (tmp_path / "mine.json").write_text(content)
    with pytest.raises(UsageError) as caught:
        repeat(tmp_path / "mine.json", tmp_path / "out")
    assert told in caught.value.message and caught.value.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_a_name_that_the_system_refuses(gencpp: Gencpp, tmp_path: Path) -> None:
    done = gencpp("new", "--recipe", "x" * 5000, tmp_path / "out")
    assert done.returncode == 2 and "there is no such file" in done.stderr, done.stderr


def test_wrong_usage_of_the_option(gencpp: Gencpp, photo_project: Path, tmp_path: Path) -> None:
    for arguments, told in (
        (("--recipe", photo_project, "--seed", "3"), "--recipe and --seed"),
        (("--recipe", photo_project, "--model", "resnet18"), "--recipe and --model"),
        (("--recipe", photo_project), "in no folder of --path, and none was given"),
        ((), "which model?"),
    ):
        done = gencpp("new", *arguments, tmp_path / "out")
        assert done.returncode == 2 and told in done.stderr, done.stderr
        assert not (tmp_path / "out").exists()
