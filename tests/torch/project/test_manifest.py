"""A manifest that somebody else wrote, or that is broken: one clear error, and nothing outside is touched."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from samples import classifier, tensorrt
from writing import write

from gencpp import project
from gencpp.core import jsonfile
from gencpp.core.again import asked_again, check_named
from gencpp.core.errors import UsageError
from gencpp.core.recipe import ModelRecipe
from gencpp.core.spec import PixelCase, ProjectSpec, StepResult, WeightsInfo
from gencpp.network.plan import read_plan

Gencpp = Callable[..., subprocess.CompletedProcess[str]]

PLACES: dict[str, tuple[Any, ...]] = {
    "the project's name": ("project", "name"),
    "an artifact": ("project", "artifact", "file"),
    "a case's name": ("project", "goldens", "cases", 0, "name"),
    "a case's input": ("project", "goldens", "cases", 0, "inputs", 0),
    "a case's output": ("project", "goldens", "cases", 0, "outputs", 0, "file"),
    "a case's picture": ("project", "goldens", "cases", 1, "image"),
    "a case's pixels": ("project", "goldens", "cases", 1, "pixels"),
    "a pixel case's name": ("project", "goldens", "pixel_cases", 0, "name"),
    "a pixel case's picture": ("project", "goldens", "pixel_cases", 0, "image"),
    "a pixel case's pixels": ("project", "goldens", "pixel_cases", 0, "pixels"),
    "a pixel case's tensor": ("project", "goldens", "pixel_cases", 0, "tensor"),
}
OUTSIDE = ("../victim", "/etc/passwd", "..", "a/../../victim", "a\\b", "a\x00b", "a\nb", "C:b", "x" * 300)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    write(tmp_path / "out", classifier())
    return tmp_path / "out"


def change(out: Path, place: tuple[Any, ...], value: Any) -> None:
    data = json.loads((out / "gencpp.json").read_text())
    data.pop("seal")
    inner = data
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    (out / "gencpp.json").write_text(json.dumps(data, indent=2) + "\n")


@pytest.mark.parametrize("value", OUTSIDE, ids=ascii)
@pytest.mark.parametrize("place", PLACES)
def test_every_path_stays_inside(out: Path, place: str, value: str) -> None:
    change(out, PLACES[place], value)
    with pytest.raises(UsageError, match=r"gencpp.json is damaged") as raised:
        project.read_manifest(out)
    assert raised.value.exit_code == 2 and "\x00" not in str(raised.value)


def test_the_second_file_of_an_artifact(tmp_path: Path) -> None:
    write(tmp_path / "out", tensorrt())
    change(tmp_path / "out", ("project", "artifact", "external", "file"), "../../victim")
    with pytest.raises(UsageError, match="damaged"):
        project.read_manifest(tmp_path / "out")


@pytest.mark.parametrize(
    "path", [*OUTSIDE[:-1], ".git/HEAD", "sub/.git/config", ".GIT/HEAD", ".gencpp/x", "a//b", ""]
)
def test_files_are_inside_and_not_of_others(out: Path, path: str) -> None:
    change(out, ("files", path), "0" * 64)
    with pytest.raises(UsageError, match="damaged"):
        project.read_manifest(out)
    for force in (False, True):
        with pytest.raises(UsageError, match="damaged"):
            write(out, classifier("other"), force=force)


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (("files",), [], "expected an object"),
        (("files", "README.md"), 7, "no sha256"),
        (("files", "README.md"), "z" * 64, "no sha256"),
        (("project",), [], "expected an object"),
        (("project", "recipe", "model"), "x", "expected an object"),
        (("project", "recipe", "model", "source"), 7, "expected str"),
        (("project", "model", "inputs", 0, "dims", 0, "min"), True, "expected int"),
        (("project", "goldens", "cases", 0, "inputs"), [], "not the model's"),
        (("project", "goldens", "cases", 0, "outputs"), [], "not the model's"),
        (("project", "goldens", "cases", 1, "name"), "seeded-0", "one name"),
        (("project", "model", "outputs"), [], "not the model's"),
        (("project", "runtime", "backend"), "tensorrt", "missing fields"),
        (("project", "runtime", "precision"), "fp4", "fp4"),
        (("project", "runtime"), {}, "names no backend"),
        (("project", "model", "task"), "boxing", "boxing"),
        (("project", "recipe", "model", "seed"), "3", "expected int"),
        (("project", "recipe"), {}, "missing fields"),
        (("project", "name"), "-rf", "not a name"),
        (("project", "name"), "All Of It", "not a name"),
    ],
    ids=str,
)
def test_wrong_types_and_parts_that_do_not_fit(
    out: Path, place: tuple[Any, ...], value: Any, says: str
) -> None:
    change(out, place, value)
    with pytest.raises(UsageError, match=f"(?s)damaged.*{says}"):
        project.read_manifest(out)


def test_a_project_of_a_backend_that_is_not_known_is_not_damaged(out: Path) -> None:
    change(out, ("project", "runtime", "backend"), "opencl")
    with pytest.raises(UsageError, match="there is no backend 'opencl': this gencpp has libtorch") as raised:
        project.read_manifest(out)
    assert raised.value.hint == "Use the gencpp that made it." and "damaged" not in raised.value.message


BROKEN = {
    "deep lists": b'{"schema": 2, "project": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "deep objects": b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
    "nested 500": b"[" * 500 + b"]" * 500,
    "a number of a million digits": b'{"schema": ' + b"1" * 1_000_000 + b"}",
    "a large number": b'{"schema": 99999999999999999999}',
    "a large float": b'{"schema": 1e999}',
    "NaN": b'{"schema": NaN}',
    "infinity": b'{"schema": -Infinity}',
    "two keys": b'{"schema": 2, "schema": 2}',
    "many keys, and two alike": b"{" + b"".join(b'"%d":1,' % i for i in range(50_000)) + b'"7":1}',
    "not UTF-8": b'{"schema": "\xff"}',
    "UTF-16": '{"schema": 2}'.encode("utf-16"),
    "half a surrogate pair": rb'{"schema": "\ud800"}',
    "half a pair as a key": rb'{"\ud800": 1}',
    "empty": b"",
    "cut": b'{"schema": 2, ',
    "a list": b"[]",
    "a string": b'"schema"',
    "null": b"null",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_json_is_one_clear_error(out: Path, kind: str) -> None:
    (out / "gencpp.json").write_bytes(BROKEN[kind])
    with pytest.raises(UsageError) as raised:
        project.read_manifest(out)
    assert "gencpp.json" in raised.value.message and len(str(raised.value)) < 500
    with pytest.raises(UsageError):
        write(out, classifier("other"), force=True)


def test_a_file_that_is_too_large_is_not_read(out: Path) -> None:
    with (out / "gencpp.json").open("r+b") as file:
        file.truncate(1 << 40)  # a hole: it takes no space
    with pytest.raises(UsageError, match="larger than 64 MiB"):
        project.read_manifest(out)


def test_what_is_no_file_is_not_waited_for(out: Path, tmp_path: Path) -> None:
    file = out / "gencpp.json"
    text = file.read_text()
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(UsageError, match="not a regular file"):
        project.read_manifest(out)
    with pytest.raises(UsageError, match="not a regular file"):
        jsonfile.read(file)
    file.unlink()
    file.mkdir()
    with pytest.raises(UsageError, match="not a regular file"):
        project.read_manifest(out)
    file.rmdir()
    (tmp_path / "elsewhere.json").write_text(text)
    file.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(UsageError, match="outside the project"):
        project.read_manifest(out)


def test_the_plan_of_a_network(tmp_path: Path) -> None:
    file = tmp_path / "network.json"
    for data in (b"[" * 100_000, b"{}", b"[]", b'{"layers": [{"kind": ["Relu"]}]}'):
        file.write_bytes(data)
        with pytest.raises(UsageError, match=r"network\.json"):
            read_plan(file)
    file.unlink()
    with pytest.raises(UsageError, match=r"network\.json"):
        read_plan(file)


def test_infinite_numbers_are_for_plans_alone() -> None:
    assert jsonfile.loads("[-Infinity]", "it", infinite=True) == [float("-inf")]
    with pytest.raises(UsageError, match="not a number"):
        jsonfile.loads("[-Infinity]", "it")


@pytest.mark.parametrize("how", ["link", "pipe", "folder", "loop", "device"])
@pytest.mark.parametrize("path", ["assets/model.pt", "assets/goldens/golden.ppm", "assets/labels.txt"])
def test_assets_are_files_inside(out: Path, tmp_path: Path, path: str, how: str) -> None:
    """Nothing is read, or handed to a program, that lies elsewhere or that never ends."""
    spec = project.read_manifest(out).project
    project.check_assets(out, spec)
    file = out / path
    file.unlink(missing_ok=True)
    if how == "pipe":
        os.mkfifo(file)
    elif how == "folder":
        file.mkdir()
    else:
        (tmp_path / "elsewhere").write_text("x")
        file.symlink_to({"link": tmp_path / "elsewhere", "loop": file, "device": "/dev/zero"}[how])
    with pytest.raises(UsageError, match=Path(path).name):
        project.check_assets(out, spec)
    assert path not in project.read_manifest(out).files or path in project.edited_files(
        out, project.read_manifest(out)
    )


def test_a_link_that_stays_inside_is_read(out: Path) -> None:
    (out / "assets" / "model.pt").rename(out / "model.pt")
    (out / "assets" / "model.pt").symlink_to("../model.pt")
    project.check_assets(out, project.read_manifest(out).project)


def test_values_check_themselves() -> None:
    """So that no reader of another file can forget it."""
    with pytest.raises(UsageError):
        StepResult(name="x", status="passed", seconds=0.0, log="../../x")
    with pytest.raises(UsageError):
        PixelCase(name="x", image="../x", pixels="x", tensor="")
    with pytest.raises(UsageError):
        replace(classifier(), name="../x")


# What a manifest may make a command do.


def made_with(source: str, **model: Any) -> ProjectSpec:
    made = classifier()
    return replace(made, recipe=replace(made.recipe, model=ModelRecipe(source=source, **model)))


@pytest.mark.parametrize("model", ["os:getcwd", "nets:make", "a.b:c.d", "x:1x8"])
def test_no_code_runs_that_the_user_does_not_name(model: str) -> None:
    with pytest.raises(UsageError, match="Python code") as raised:
        asked_again(made_with(model), ("/tmp",))
    assert f"--model {model}" in raised.value.hint
    assert asked_again(made_with(model), (), named=(model,)).source == model
    with pytest.raises(UsageError, match="Python code"):
        asked_again(made_with(model), (), named=("other:thing",))


def test_no_transforms_run_that_the_user_does_not_name() -> None:
    spec = made_with("nets:make", preprocess="os:getcwd")
    with pytest.raises(UsageError) as raised:
        asked_again(spec, (), named=("nets:make",))
    assert "--preprocess os:getcwd" in raised.value.hint and "--model" not in raised.value.hint
    assert asked_again(spec, (), named=("nets:make",), transforms=False).preprocess is None


@pytest.mark.parametrize("option", ["source", "state_dict", "preprocess", "weights"])
@pytest.mark.parametrize("name", ["../outside.pt", "/etc/outside.pt", "sub/outside.pt"])
def test_files_are_looked_for_in_named_folders_only(tmp_path: Path, option: str, name: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "outside.pt").write_text("x")
    (tmp_path / "outside.pt").write_text("x")
    spec = made_with(**{"source": "resnet18", option: name})
    if option == "weights":
        weights = WeightsInfo(kind="user", detail=name)
        spec = replace(spec, model=replace(spec.model, weights=weights))
    with pytest.raises(UsageError, match="not a path inside"):
        asked_again(spec, (str(tmp_path / "sub"),))


def test_files_are_not_taken_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.pt").write_text("x")
    (tmp_path / "resnet18").write_text("x")
    with pytest.raises(UsageError, match="no folder of --path"):
        asked_again(made_with("net.pt"), ())
    with pytest.raises(UsageError, match="is a file here"):
        asked_again(made_with("resnet18"), ())
    assert asked_again(made_with("net.pt"), (".",)).source == "net.pt"
    assert asked_again(made_with("net.pt"), (), named=("./net.pt",)).source == "net.pt"


@pytest.mark.parametrize("seed", [-1, 1 << 32, 10**400])
def test_a_seed_is_what_torch_takes(seed: int) -> None:
    with pytest.raises(UsageError, match="seed"):
        asked_again(made_with("resnet18", seed=seed), ())


def test_an_input_s_file_is_looked_for_in_named_folders(tmp_path: Path) -> None:
    (tmp_path / "ids.npy").write_text("x")
    spec = made_with("resnet18", inputs=("ids:1x7:int64=ids.npy", "rate::int64=3"))
    assert asked_again(spec, (str(tmp_path),)).inputs == (
        f"ids:1x7:int64={tmp_path}/ids.npy",
        "rate::int64=3",
    )
    for values in ("/etc/x.npy", "../x.npy", "/etc/passwd"):
        with pytest.raises(UsageError):
            asked_again(made_with("resnet18", inputs=(f"ids:1x7:int64={values}",)), (str(tmp_path),))


def test_what_is_named_has_to_be_what_it_was_made_with() -> None:
    spec = made_with("nets:make")
    check_named(spec, "--model", "nets:make")
    check_named(made_with("net.pt"), "--model", "models/net.pt")
    for option, text in (("--model", "nets:other"), ("--preprocess", "nets:make")):
        with pytest.raises(UsageError, match="was made with"):
            check_named(spec, option, text)


def test_tune_imports_nothing_that_was_not_named(out: Path, tmp_path: Path, gencpp: Gencpp) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "bomb.py").write_text(
        f"from pathlib import Path\nPath({str(tmp_path / 'exploded')!r}).write_text('x')\ndef make(): pass\n"
    )
    change(out, ("project", "recipe", "model"), {"source": "bomb:make"})
    done = gencpp("tune", out, "--path", tmp_path / "code", "--force")
    assert done.returncode == 2 and "--model bomb:make" in done.stderr, done.stderr
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("command", ["verify", "tune", "bench", "new"])
def test_every_command_says_it_in_one_message(
    out: Path, tmp_path: Path, gencpp: Gencpp, command: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    text = (out / "gencpp.json").read_text()
    arguments = ("new", "--model", "resnet18", "--force") if command == "new" else (command,)
    for break_it in (
        lambda: change(out, PLACES["a case's name"], "../../../victim"),
        lambda: change(out, ("files", "../victim"), "0" * 64),
        lambda: (out / "gencpp.json").write_bytes(BROKEN["deep lists"]),
    ):
        (out / "gencpp.json").write_text(text)
        break_it()
        done = gencpp(*arguments, out)
        assert done.returncode == 2, done.stdout + done.stderr
        assert done.stderr.count("gencpp: error:") == 1 and "Traceback" not in done.stderr
        assert "bug of gencpp" not in done.stderr and done.stdout == ""
    assert victim.read_text() == "mine"


def test_verify_deletes_no_folder_of_the_users(out: Path, gencpp: Gencpp) -> None:
    (out / "verify").mkdir()
    (out / "verify" / "notes.txt").write_text("mine")
    done = gencpp("verify", out)
    assert done.returncode == 2 and "verify is in the way" in done.stderr, done.stderr
    assert (out / "verify" / "notes.txt").read_text() == "mine"


def test_a_text_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "verify.json").symlink_to("victim")
    project.replace_text(tmp_path / "verify.json", "{}\n")
    assert (tmp_path / "victim").read_text() == "mine" and (tmp_path / "verify.json").read_text() == "{}\n"
    assert sorted(os.listdir(tmp_path)) == ["verify.json", "victim"]


def test_reading_leaves_the_data_alone() -> None:
    data = {"a": [1, {"b": "ü"}]}
    assert jsonfile.loads(json.dumps(data), "it") == copy.deepcopy(data)
