"""A recipe is everything that was asked, and no folder of a machine."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from samples import classifier

from gencpp.core.again import repeated
from gencpp.core.errors import UsageError
from gencpp.core.recipe import ModelRecipe, ProjectRecipe, Recipe
from gencpp.core.request import ModelRequest, Request, recipe_of, resolve_out, with_files
from gencpp.core.spec import ProjectSpec, WeightsInfo
from gencpp.pipeline import _changed
from gencpp.project import read_manifest, read_recipe
from gencpp.project.manifest import manifest_text

WHERE_AND_HOW = {"path", "out", "force", "again"}
"""Fields of a request that say where it is written and where files lie."""


def test_nothing_of_a_request_is_forgotten() -> None:
    model, project = ({f.name for f in fields(c)} for c in (ModelRecipe, ProjectRecipe))
    model.remove("files")  # what they held; recipe_of has their names
    assert model == {f.name for f in fields(ModelRequest)} - WHERE_AND_HOW
    assert model | project == {f.name for f in fields(Request)} - WHERE_AND_HOW


def full(folder: Path) -> Request:
    """Every field is another than its default."""
    return Request(
        source=f"{folder}/net.pt",
        backend="tensorrt",
        out=folder / "out",
        name="net",
        project_version="2.1.0",
        precision="fp16",
        device="cuda",
        tf32=True,
        tensorrt_min="8.6",
        trt_api="network",
        artifact="aoti",
        tune=True,
        tune_rounds=7,
        weights=f"{folder}/weights.pth",
        seed=3,
        path=(str(folder),),
        state_dict=f"{folder}/state dict.pt",
        inputs=(f"x:1x3:int64={folder}/ids.npy", "y::float32=0.5"),
        dynamic=("x:0=1:2:4",),
        preprocess=f"{folder}/steps.json",
        labels=f"{folder}/labels.txt",
    )


def test_what_it_keeps_is_lossless_and_has_no_folder(tmp_path: Path) -> None:
    request = full(tmp_path)
    recipe = recipe_of(request)
    text = json.dumps(recipe.to_json())
    assert str(tmp_path) not in text and "/" not in text
    assert Recipe.from_json(json.loads(text)) == recipe
    defaults = recipe_of(Request(source="x", backend="libtorch", out=tmp_path))
    for part in ("model", "project"):
        told, default = getattr(recipe, part), getattr(defaults, part)
        same = [f.name for f in fields(told) if getattr(told, f.name) == getattr(default, f.name)]
        assert same == (["files"] if part == "model" else [])
    for name in ("net.pt", "weights.pth", "state dict.pt", "ids.npy", "steps.json", "labels.txt"):
        (tmp_path / name).write_text("")
    made = with_files(recipe, request).model.files
    assert made == dict.fromkeys(
        ("source", "weights", "state_dict", "preprocess"), hashlib.sha256().hexdigest()
    )
    again = repeated(recipe.model, [str(tmp_path)], None)
    assert replace(again, weights=request.weights) == ModelRequest(
        **{f.name: getattr(request, f.name) for f in fields(ModelRequest)}
    )


def of(**model: object) -> ProjectSpec:
    made = classifier()
    recipe = replace(made.recipe, model=ModelRecipe(**{"source": "nets:make", **model}))  # type: ignore[arg-type]
    return replace(made, recipe=recipe, model=replace(made.model, weights=USER))


USER = WeightsInfo(kind="user", detail="make")


def test_files_that_are_gone_are_named_with_where_they_were_looked_for(tmp_path: Path) -> None:
    recipe = of(source="net.pt", labels="classes.txt").recipe.model
    with pytest.raises(
        UsageError, match=r"net\.pt \(--model\) is in no folder of --path, and none was given"
    ):
        repeated(recipe, [], USER)
    (tmp_path / "net.pt").write_text("")
    here = str(tmp_path)
    with pytest.raises(UsageError, match=r"classes\.txt \(--labels\)") as caught:
        repeated(recipe, ["/nowhere", here], USER)
    assert f"--path: /nowhere, {here}" in caught.value.message and "--path FOLDER" in caught.value.hint


OUTSIDE = (
    *("os:getcwd", "os.path:join", "nets.deep:make", "data:make"),
    *("../evil.py:make", "./evil.py:make", "../evil:make", ".os:system", ":x", "nets:", "evil.py:make:x"),
    *("{outside}/evil.py:make", "{outside}/evil:make", "nets/../../evil:make", "nets :make", "nets:make()"),
)
"""Code that is in no folder of --path, and texts that are no code's name."""


@pytest.mark.parametrize("text", OUTSIDE)
@pytest.mark.parametrize("field", ["source", "preprocess"])
def test_code_runs_from_folders_that_the_user_names_only(tmp_path: Path, field: str, text: str) -> None:
    named, outside = tmp_path / "named", tmp_path / "outside"
    for folder in (named / "data", outside):
        folder.mkdir(parents=True)
    for file in (tmp_path / "evil.py", outside / "evil.py", named / "nets.py", named / "n.pt"):
        file.write_text("")
    asked = {"source": "n.pt", field: text.format(outside=outside)}
    with pytest.raises(UsageError, match=r"in no folder of --path|is no module:factory"):
        repeated(of(**asked).recipe.model, [str(named)], USER)
    assert repeated(of(source="nets:make").recipe.model, [str(named)], USER).path == (str(named),)


def test_a_folder_that_is_called_as_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `gencpp new --model resnet18 resnet18` makes it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resnet18").mkdir()
    assert repeated(of(source="resnet18").recipe.model, [], USER).source == "resnet18"
    (tmp_path / "resnet34").write_text("")
    with pytest.raises(UsageError, match="is a file here"):
        repeated(of(source="resnet34").recipe.model, [], USER)
    with pytest.raises(UsageError):
        repeated(of(source="x" * 300 + ".pt").recipe.model, [str(tmp_path)], USER)


def test_weights_are_those_that_the_project_has() -> None:
    recipe = of(source="resnet18").recipe.model
    taken = WeightsInfo(kind="pretrained", detail="ResNet18_Weights.IMAGENET1K_V1")
    assert repeated(recipe, [], taken).weights == "IMAGENET1K_V1"
    assert repeated(recipe, [], WeightsInfo(kind="random", detail="seed 0")).weights == "none"
    assert repeated(recipe, [], None).weights == "auto"


def test_a_file_without_a_suffix_is_a_file_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--weights ./mine` and `--model ./mine`: their names alone could be torchvision's."""
    (tmp_path / "mine").write_text("")
    monkeypatch.chdir(tmp_path)
    request = Request(source="resnet18", backend="libtorch", out=tmp_path / "out", weights="./mine")
    made = with_files(recipe_of(request), request).model
    assert (made.weights, list(made.files)) == ("mine", ["weights"])
    for weights in (None, USER):
        assert repeated(made, [str(tmp_path)], weights).weights == str(tmp_path / "mine")
    with pytest.raises(UsageError, match=r"mine \(--weights\) is in no folder of --path"):
        repeated(made, [], USER)
    assert (
        repeated(made, [], WeightsInfo(kind="pretrained", detail="X.IMAGENET1K_V1")).weights
        == "IMAGENET1K_V1"
    )
    request = replace(request, source="./mine", weights="auto")
    made = with_files(recipe_of(request), request).model
    assert repeated(made, [str(tmp_path)], USER).source == str(tmp_path / "mine")


def test_a_backend_that_is_not_here_leaves_its_recipe(tmp_path: Path) -> None:
    made = classifier()
    data = json.loads(manifest_text(made, {}))
    data["project"]["runtime"] = {"backend": "opencl", "queues": 3}
    data["project"]["recipe"]["project"] |= {"backend": "opencl", "artifact": "frozen", "precision": "fp16"}
    file = tmp_path / "gencpp.json"
    file.write_text(json.dumps(data))
    with pytest.raises(UsageError, match=r"there is no backend 'opencl': this gencpp has libtorch, tensorrt"):
        read_manifest(tmp_path)
    found = read_recipe(file)
    assert found.recipe.model == made.recipe.model and found.weights == made.model.weights
    changed = _changed(found.recipe.project, {"backend": "tensorrt"})
    assert changed == ProjectRecipe(backend="tensorrt", precision="fp16")
    with pytest.raises(UsageError, match="there is no backend 'opencl'"):
        _changed(found.recipe.project, {"name": "other"})
    del data["project"]["recipe"]
    file.write_text(json.dumps(data))
    with pytest.raises(UsageError, match="is damaged"):
        read_recipe(file)


@pytest.mark.parametrize(
    "field", ["source", "weights", "state_dict", "preprocess", "labels", "inputs", "dynamic"]
)
def test_names_that_are_not_utf_8_are_refused(field: str, tmp_path: Path) -> None:
    """As Python tells the bytes of a file's name: JSON, C++ and CMake have no word for them."""
    text = "caf\udce9.pt"
    option = {"source": "--model", "inputs": "--input"}.get(field, f"--{field.replace('_', '-')}")
    asked = {"source": "resnet18", field: (text,) if field in ("inputs", "dynamic") else text}
    with pytest.raises(UsageError, match=rf"{option}: 'caf\\udce9.pt' is not UTF-8 text"):
        ModelRequest(**asked)


@pytest.mark.parametrize("bad", [*';"\\<>|*?[]^`\n\t\x7f', "${HOME}", "$ENV{X}", "\udcff"])
@pytest.mark.parametrize("above", [False, True])
def test_what_cmake_cannot_have_in_a_path(
    bad: str, above: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In OUT, or in the folder that it is named in."""
    folder = tmp_path / f"a{bad}b"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(UsageError, match=r"^OUT") as caught:
        resolve_out(Path("out") if above else folder)
    assert caught.value.message.isascii() and caught.value.message.isprintable()


def test_what_cmake_can_have_in_a_path(tmp_path: Path) -> None:
    out = tmp_path / "it's #1 $HOME $ 100% (größe) & {x}, a=b: ~@!+" / "out"
    assert resolve_out(out) == out
