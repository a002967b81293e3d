"""The one writer: what is not gencpp's survives everything, killed or not."""

from __future__ import annotations

import errno
import gc
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import writing
from places import PACKAGE
from samples import classifier, recipe, tensors_only
from writing import DONE, KILLED, write, write_until

from gencpp import project
from gencpp.core.errors import EnvironmentLacks, UsageError
from gencpp.project import steps
from gencpp.project.lock import locked

OTHER = classifier("other")


def snapshot(folder: Path) -> dict[str, str]:
    """Every entry by its path: bytes of files, targets of links, kinds of the rest."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"link to {path.readlink()}"
        elif path.is_file():
            found[name] = path.read_bytes().hex()
        else:
            found[name] = "folder" if path.is_dir() else "other"
    return found


def own_things(out: Path) -> dict[str, str]:
    """Work of the user's of every kind, none of it at a path that is generated."""
    subprocess.run(["git", "init", "-q", str(out)], check=True)
    (out / ".git" / "refs" / "tags").mkdir(exist_ok=True)
    (out / "src" / "mine.cpp").write_text("// mine\n")
    (out / "notes" / "empty").mkdir(parents=True)
    (out / "build").mkdir()
    (out / "build" / "CMakeCache.txt").write_text("cache")
    (out / "linked").symlink_to("nowhere")
    os.mkfifo(out / "pipe")
    (out / "include" / "mine").mkdir()
    return {
        k: v for k, v in snapshot(out).items() if k.split("/")[0] in (".git", "notes", "build", "linked")
    } | {
        "src/mine.cpp": b"// mine\n".hex(),
        "pipe": "other",
        "include/mine": "folder",
    }


def own_records(out: Path) -> list[str]:
    return sorted(os.listdir(out / ".gencpp"))


def test_what_is_not_ours_never_moves(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, classifier())
    mine = own_things(out)
    inodes = {path: (out / path).lstat().st_ino for path in mine}
    write(out, OTHER)
    there = snapshot(out)
    assert {path: there.get(path) for path in mine} == mine
    assert {path: (out / path).lstat().st_ino for path in mine} == inodes
    assert project.read_manifest(out).project == OTHER
    assert project.edited_files(out, project.read_manifest(out)) == ()
    assert not (out / "include" / "sample").exists() and own_records(out) == ["base.zip"]
    assert os.listdir(tmp_path) == ["out"]


def test_a_file_that_stays_as_it_is_is_not_touched(tmp_path: Path) -> None:
    """So a build after it compiles what changed, and no more."""
    out = tmp_path / "out"
    write(out, classifier())
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file()}
    write(out, replace(classifier(), recipe=recipe("resnet18", "tensorrt")))
    assert [p.name for p, time in before.items() if p.stat().st_mtime_ns != time] == ["gencpp.json"]


@pytest.mark.parametrize("force", [False, True])
def test_a_file_of_the_users_at_a_generated_path(tmp_path: Path, force: bool) -> None:
    out = tmp_path / "out"
    write(out, classifier())
    own = out / "include" / "other" / "model.hpp"
    own.parent.mkdir()
    own.write_text("// mine\n")
    before = snapshot(out)
    if not force:
        with pytest.raises(
            UsageError, match=r"(?s)include/other/model.hpp \(not written by gencpp\).*--force"
        ):
            write(out, OTHER)
        assert snapshot(out) == before
        return
    kept = write(out, OTHER, force=True)
    assert (kept.folder, kept.paths) == (".gencpp/kept-1", ("include/other/model.hpp",))
    assert (out / kept.folder / "include/other/model.hpp").read_text() == "// mine\n"
    assert "// mine" not in own.read_text()


def test_a_file_equal_to_what_is_written_is_taken(tmp_path: Path) -> None:
    write(tmp_path / "other", OTHER)
    write(tmp_path / "out", classifier())
    own = tmp_path / "out" / "include" / "other" / "model.hpp"
    own.parent.mkdir()
    shutil.copyfile(tmp_path / "other" / "include" / "other" / "model.hpp", own)
    write(tmp_path / "out", OTHER)


@pytest.mark.parametrize("path", ["app/main.cpp", "assets/model.pt", "gencpp.json"])
def test_edits_are_named_before_anything_is_made_and_kept_by_force(tmp_path: Path, path: str) -> None:
    out = tmp_path / "out"
    write(out, classifier())
    edited = (out / path).read_bytes().replace(b"resnet18", b"resnet81") + b" "
    (out / path).write_bytes(edited)
    (out / "README.md").unlink()
    with pytest.raises(UsageError, match=r"(?s)README.md \(removed\).*--force") as raised:
        write(out, OTHER, meanwhile=lambda: pytest.fail("the work began"))
    assert f"  {path} (edited)" in raised.value.message
    kept = write(out, OTHER, force=True)
    assert kept.paths == (path,)
    assert (out / kept.folder / path).read_bytes() == edited
    assert project.edited_files(out, project.read_manifest(out)) == ()
    (out / path).write_bytes((out / path).read_bytes() + b"\n")
    assert write(out, classifier(), force=True).folder == ".gencpp/kept-2"
    assert (out / ".gencpp" / "kept-1" / path).read_bytes() == edited


@pytest.mark.parametrize(
    "path", ["src/tensor/tensor.cpp", "include/sample/model.hpp", "gencpp.json", "assets/model.pt"]
)
@pytest.mark.parametrize("new", [classifier(), OTHER], ids=["same", "other"])
def test_an_edit_while_the_command_runs_stops_it(tmp_path: Path, path: str, new: object) -> None:
    out = tmp_path / "out"
    write(out, classifier())

    def edit() -> None:
        with (out / path).open("a") as file:
            file.write("\n")

    with pytest.raises(UsageError, match=rf"(?s){path} \(edited while this command ran\)"):
        write(out, new, model=b"another", meanwhile=edit)  # type: ignore[arg-type]
    assert (out / path).read_bytes().endswith(b"\n")
    assert project.read_manifest(out).project == classifier() and own_records(out) == ["base.zip"]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("step", ["recorded", "moved include/", "placed README.md"])
def test_an_edit_in_the_last_moment_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, force: bool
) -> None:
    """After everything was hashed again: the file is looked at once more when it is out of the way."""
    out = tmp_path / "out"
    write(out, classifier())
    before = snapshot(out)

    def edit(reached: str) -> None:
        if reached.startswith(step):
            (out / "src" / "tensor" / "tensor.cpp").write_text("// late\n")

    monkeypatch.setattr(steps, "_hook", edit)
    if force:
        kept = write(out, OTHER, force=True)
        assert (out / kept.folder / "src" / "tensor" / "tensor.cpp").read_text() == "// late\n"
        return
    with pytest.raises(UsageError, match=r"tensor.cpp was changed while this command wrote"):
        write(out, OTHER)
    assert snapshot(out) == {**before, "src/tensor/tensor.cpp": b"// late\n".hex()}


def test_a_copy_that_a_failed_write_leaves_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edited file is out of the way, and its user writes another one at that moment."""
    out = tmp_path / "out"
    write(out, classifier())
    (out / "README.md").write_text("first\n")

    def again(reached: str) -> None:
        if reached == "moved README.md":
            (out / "README.md").write_text("second\n")

    monkeypatch.setattr(steps, "_hook", again)
    told: list[str] = []
    with pytest.raises(UsageError, match=r"README\.md was changed"):
        write(out, OTHER, force=True, progress=told.append)
    assert (out / "README.md").read_text() == "second\n"
    assert (out / ".gencpp" / "kept-1" / "README.md").read_text() == "first\n"
    assert f"in {out / '.gencpp' / 'kept-1'}: README.md" in told[0]


def test_a_file_that_appears_in_the_last_moment_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    write(out, classifier())
    own = out / "include" / "other" / "model.hpp"

    def appear(reached: str) -> None:
        if reached == "moved include/other/model.hpp":
            own.parent.mkdir(exist_ok=True)
            own.write_text("// mine\n")

    monkeypatch.setattr(steps, "_hook", appear)
    with pytest.raises(UsageError, match="was changed while this command wrote"):
        write(out, OTHER)
    assert own.read_text() == "// mine\n"
    assert project.edited_files(out, project.read_manifest(out)) == ()


@pytest.mark.parametrize("force", [False, True])
def test_an_edited_file_that_the_new_project_does_not_have(tmp_path: Path, force: bool) -> None:
    out = tmp_path / "out"
    write(out, classifier())
    (out / "assets" / "labels.txt").write_text("mine\n")
    gone = out / "include" / "sample" / "model.hpp"
    gone.write_text("// mine\n")
    if force:
        kept = write(out, OTHER, force=True)
        assert kept.paths == ("assets/labels.txt", "include/sample/model.hpp")
        assert (out / kept.folder / "include/sample/model.hpp").read_text() == "// mine\n"
        assert not gone.parent.exists()
    else:
        with pytest.raises(UsageError, match=r"include/sample/model.hpp \(edited\)"):
            write(out, OTHER)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_nothing_is_written_through_a_link(tmp_path: Path, kind: str) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    write(out, classifier())
    path = out / "src" / "tensor" / "tensor.cpp" if kind == "file" else out / "src"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    before = snapshot(elsewhere) if kind == "folder" else elsewhere.read_bytes()
    with pytest.raises(UsageError, match="src"):
        write(out, OTHER)
    if kind == "folder":
        with pytest.raises(UsageError, match=r"src \(a link, or no folder\)"):
            write(out, OTHER, force=True)
        assert snapshot(elsewhere) == before
        return
    kept = write(out, OTHER, force=True)
    assert elsewhere.read_bytes() == before
    assert (out / kept.folder / "src" / "tensor" / "tensor.cpp").readlink() == elsewhere
    assert not path.is_symlink()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_is_never_replaced(tmp_path: Path, make: object) -> None:
    out = tmp_path / "out"
    write(out, classifier())
    (out / "include" / "other").mkdir()
    make(out / "include" / "other" / "model.hpp")  # type: ignore[operator]
    before = snapshot(out)
    for force in (False, True):
        with pytest.raises(UsageError, match=r"include/other/model.hpp \(no file\)"):
            write(out, OTHER, force=force)
        assert snapshot(out) == before


@pytest.mark.parametrize("own", [".gencpp", "file", "link"])
def test_a_record_folder_that_is_not_ours(tmp_path: Path, own: str) -> None:
    out = tmp_path / "out"
    write(out, classifier())
    if own != ".gencpp":
        shutil.rmtree(out / ".gencpp")
    if own == "link":
        (tmp_path / "elsewhere").mkdir()
        (out / ".gencpp").symlink_to(tmp_path / "elsewhere")
    elif own == "file":
        (out / ".gencpp").write_text("mine")
    else:
        (out / ".gencpp" / "mine").write_text("mine")
        write(out, OTHER)
        assert (out / ".gencpp" / "mine").read_text() == "mine"
        return
    with pytest.raises(UsageError, match=r"\.gencpp is not a folder"):
        write(out, OTHER)


def test_other_peoples_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "work.txt").write_text("mine")
    for force in (False, True):
        with pytest.raises(UsageError, match="not written by gencpp"):
            write(tmp_path, classifier(), force=force)
    with pytest.raises(UsageError, match="not a folder"):
        write(tmp_path / "work.txt", classifier())
    assert os.listdir(tmp_path) == ["work.txt"]


def test_a_project_whose_manifest_is_gone_was_written_by_gencpp(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, classifier())
    (out / "gencpp.json").unlink()
    before = snapshot(out)
    for do in (lambda: write(out, OTHER, force=True), lambda: project.read_manifest(out)):
        with pytest.raises(
            UsageError, match=r"was written by gencpp, and its gencpp\.json is gone"
        ) as caught:
            do()
        assert "Restore gencpp.json" in caught.value.hint
    assert snapshot(out) == before


def test_an_empty_folder_is_taken_in_place(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    inode = out.stat().st_ino
    write(out, classifier())
    assert project.read_manifest(out).project == classifier()
    assert out.stat().st_ino == inode and own_records(out) == ["base.zip"]


def test_writing_leaves_nothing_beside(tmp_path: Path) -> None:
    for spec in (classifier(), classifier(), OTHER):
        write(tmp_path / "deep" / "out", spec)
    assert os.listdir(tmp_path) == ["deep"] and os.listdir(tmp_path / "deep") == ["out"]


@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize("raised", [KeyboardInterrupt, UsageError("no"), RuntimeError("bug"), OSError("no")])
def test_an_interrupted_write_leaves_nothing(tmp_path: Path, raised: BaseException, existing: bool) -> None:
    out = tmp_path / "deep" / "out"
    if existing:
        write(out, classifier())
    before = snapshot(tmp_path)

    def stop() -> None:
        raise raised

    with pytest.raises(BaseException):  # noqa: B017
        write(out, OTHER, meanwhile=stop)
    assert snapshot(tmp_path) == before


STEPS = (
    *("staged", "prepared", "recorded", "moved include/other/model.hpp", "placed include/other/model.hpp"),
    *(
        "moved src/",
        "placed src/",
        "moved gencpp.json",
        "placed gencpp.json",
        "moved include/sample/model.hpp",
    ),
    *("done", "tidied"),
)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("raised", [KeyboardInterrupt, OSError(errno.ENOSPC, "full")])
def test_a_write_that_fails_at_any_step_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, raised: BaseException
) -> None:
    out = tmp_path / "out"
    write(out, classifier())
    own_things(out)
    before = snapshot(out)
    done = ("done", "tidied")

    def stop(reached: str) -> None:
        if reached.startswith(step):
            monkeypatch.setattr(steps, "_hook", lambda _: None)
            raise raised

    monkeypatch.setattr(steps, "_hook", stop)
    if raised is KeyboardInterrupt and step in done:
        write(out, OTHER)  # it comes too late, and the command says that it is done
    else:
        with pytest.raises(KeyboardInterrupt if raised is KeyboardInterrupt else EnvironmentLacks):
            write(out, OTHER)
    if step not in done:
        assert snapshot(out) == before
        assert project.read_manifest(out).project == classifier()
        return
    project.mend(out)
    assert project.read_manifest(out).project == OTHER
    assert own_records(out) == ["base.zip"]


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_is_mended(tmp_path: Path, step: str) -> None:
    out = tmp_path / "out"
    write(out, classifier())
    mine = own_things(out)
    before = snapshot(out)
    assert write_until(step, out, OTHER) == KILLED
    told: list[str] = []
    if step in ("staged", "prepared"):
        assert {k: v for k, v in snapshot(out).items() if k in before} == before
    if step != "staged":
        with pytest.raises(UsageError, match="half-written"):
            project.read_manifest(out)
    project.mend(out, told.append)
    if step in ("done", "tidied"):
        assert project.read_manifest(out).project == OTHER and "it is finished now" in told[0]
    else:
        assert snapshot(out) == before
        assert not told if step == "staged" else "was taken back" in told[0]
    write(out, OTHER)
    there = snapshot(out)
    assert {path: there.get(path) for path in mine} == mine
    assert project.edited_files(out, project.read_manifest(out)) == () and own_records(out) == ["base.zip"]


@pytest.mark.parametrize(
    "step", ["moved src/tensor/tensor.cpp", "placed src/tensor/tensor.cpp", "placed gencpp.json", "done"]
)
def test_work_after_a_kill_is_not_lost(tmp_path: Path, step: str) -> None:
    """Somebody edits, not knowing that the folder is half-written; then the next command comes."""
    out = tmp_path / "out"
    write(out, classifier())
    (out / "src" / "tensor" / "tensor.cpp").write_text("// before\n")
    assert write_until(step, out, OTHER, force=True) == KILLED
    (out / "src" / "tensor" / "tensor.cpp").write_text("// after\n")
    told: list[str] = []
    project.mend(out, told.append)
    assert (out / "src" / "tensor" / "tensor.cpp").read_text() == "// after\n"
    assert (out / ".gencpp" / "kept-1" / "src" / "tensor" / "tensor.cpp").read_text() == "// before\n"
    assert ".gencpp/kept-1" in told[0] and "src/tensor/tensor.cpp" in told[0]


@pytest.mark.parametrize("step", ["placed src/", "done", "kept src/tensor/tensor.cpp"])
def test_mending_may_be_killed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    out = tmp_path / "out"
    write(out, classifier())
    (out / "src" / "tensor" / "tensor.cpp").write_text("// mine\n")
    assert write_until(step, out, OTHER, force=True) == KILLED

    def stop(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(steps, "_hook", stop)
    with pytest.raises(KeyboardInterrupt):
        project.mend(out)
    monkeypatch.undo()
    project.mend(out)
    copies = [*out.rglob("tensor.cpp")]
    assert sum(file.read_text() == "// mine\n" for file in copies) == 1, copies


def test_a_new_folder_is_written_aside(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert write_until("staged", out, classifier()) == KILLED
    assert os.listdir(tmp_path) == [".out.gencpp-new"]
    write(out, classifier())
    assert os.listdir(tmp_path) == ["out"]


def test_what_a_killed_command_left_beside_a_folder_that_came_since(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert write_until("staged", out, classifier()) == KILLED
    out.mkdir()
    write(out, classifier())
    assert os.listdir(tmp_path) == ["out"]


def test_a_folder_beside_that_is_not_ours(tmp_path: Path) -> None:
    own = tmp_path / ".out.gencpp-new"
    own.mkdir()
    (own / "mine").write_text("mine")
    with pytest.raises(UsageError, match="not of gencpp"):
        write(tmp_path / "out", classifier())
    assert (own / "mine").read_text() == "mine"


def test_folders_of_the_first_version_are_named_and_not_deleted(tmp_path: Path) -> None:
    """Its `-old-` folder is what it had renamed: a killed run left all of the user's work in it."""
    for name in (".out.gencpp-abc12345", ".out.gencpp-old-abc12345"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("mine")
    told: list[str] = []
    write(tmp_path / "out", classifier(), progress=told.append)
    assert len(told) == 2 and "may be deleted" in told[0] and "files of yours" in told[1]
    assert len(os.listdir(tmp_path)) == 3


@pytest.mark.parametrize("what", ["empty", "full", "file", "link"])
def test_an_out_that_appears_meanwhile_is_not_lost(tmp_path: Path, what: str) -> None:
    out = tmp_path / "out"

    def appear() -> None:
        if what == "file":
            out.write_text("mine")
        elif what == "link":
            out.symlink_to("nowhere")
        else:
            out.mkdir()
            if what == "full":
                (out / "work").write_text("mine")

    with pytest.raises(UsageError, match="somebody else"):
        write(out, classifier(), meanwhile=appear)
    expected = {"out": "folder"} if what in ("empty", "full") else {}
    expected |= {"out/work": b"mine".hex()} if what == "full" else {}
    expected |= (
        {"out": b"mine".hex()} if what == "file" else {"out": "link to nowhere"} if what == "link" else {}
    )
    assert snapshot(tmp_path) == expected


def test_an_out_that_is_removed_meanwhile(tmp_path: Path) -> None:
    write(tmp_path / "out", classifier())
    with pytest.raises(UsageError, match="removed or renamed"):
        write(tmp_path / "out", OTHER, meanwhile=lambda: (tmp_path / "out").rename(tmp_path / "elsewhere"))
    assert project.read_manifest(tmp_path / "elsewhere").project == classifier()
    assert os.listdir(tmp_path) == ["elsewhere"]


@pytest.mark.parametrize("renamed", ["out", "parent"])
def test_an_out_that_comes_back_is_not_taken_for_the_old_one(tmp_path: Path, renamed: str) -> None:
    """Exporters made the folders anew: the project that was then written had no model and no goldens."""
    out = tmp_path / "parent" / "out"
    write(out, classifier())

    def away() -> None:
        gone = out if renamed == "out" else out.parent
        gone.rename(tmp_path / "elsewhere")
        assets = out / ".gencpp" / "tree" / "assets"
        assets.mkdir(parents=True)
        (assets / "model.pt").write_bytes(b"model")
        (out / "mine.txt").write_text("mine")

    with pytest.raises(UsageError, match="removed or renamed"):
        write(out, OTHER, meanwhile=away)
    assert (out / "mine.txt").read_text() == "mine" and not (out / "gencpp.json").exists()
    kept = tmp_path / "elsewhere" / ("" if renamed == "out" else "out")
    assert project.read_manifest(kept).project == classifier()


def test_what_fails_because_out_is_gone_says_so(tmp_path: Path) -> None:
    write(tmp_path / "out", classifier())

    def away() -> None:
        (tmp_path / "out").rename(tmp_path / "elsewhere")
        (tmp_path / "out" / ".gencpp" / "tree" / "assets" / "x").write_bytes(b"x")

    with pytest.raises(UsageError, match="removed or renamed"):
        write(tmp_path / "out", OTHER, meanwhile=away)


@pytest.mark.parametrize("existing", [False, True])
def test_two_commands_on_one_folder(tmp_path: Path, existing: bool) -> None:
    out = tmp_path / "out"
    if existing:
        write(out, classifier())

    def second() -> None:
        with pytest.raises(UsageError, match=rf"another gencpp command \(process {os.getpid()}\) is writing"):
            write(out, OTHER)
        project.mend(out)  # as verify begins: nothing is half-written yet

    write(out, OTHER, meanwhile=second)
    assert project.read_manifest(out).project == OTHER


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom gencpp.project.lock import locked\n"
        "with locked(Path(sys.argv[1]), Path('x')):\n    os._exit(7)\n"
    )
    root = str(PACKAGE)
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "own")], cwd=root, check=False)
    assert done.returncode == 7 and (tmp_path / "own" / "lock").exists()
    with locked(tmp_path / "own", tmp_path):
        pass
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize(
    ("number", "says"),
    [(errno.ENOSPC, "is full"), (errno.EROFS, "cannot write"), (errno.EACCES, "cannot write")],
)
@pytest.mark.parametrize("existing", [False, True])
def test_what_the_disk_refuses_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, says: str, existing: bool
) -> None:
    if existing:
        write(tmp_path / "out", classifier())
    before = snapshot(tmp_path)

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number), str(tmp_path / "out"))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(EnvironmentLacks, match=says):
        write(tmp_path / "out", OTHER)
    monkeypatch.undo()
    assert snapshot(tmp_path) == before


def test_a_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "link", refuse)
    out = tmp_path / "out"
    write(out, classifier())
    write(out, OTHER)
    assert project.edited_files(out, project.read_manifest(out)) == ()
    before = snapshot(out)
    for step in ("placed src/", "moved gencpp.json"):
        assert write_until(step, out, classifier()) == KILLED
        project.mend(out)
        assert snapshot(out) == before


def test_a_manifest_of_the_first_version_has_no_seal(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, classifier())
    data = json.loads((out / "gencpp.json").read_text())
    del data["seal"]
    (out / "gencpp.json").write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    assert project.edited_files(out, project.read_manifest(out)) == ()
    write(out, OTHER)
    (out / "gencpp.json").write_text(json.dumps(data, indent=3) + "\n")
    assert project.edited_files(out, project.read_manifest(out))[-1] != ()


def test_a_manifest_that_claims_files_of_the_users(tmp_path: Path) -> None:
    """Names and hashes that anybody can know: nothing that gencpp does not write is removed for them."""
    out = tmp_path / "out"
    write(out, classifier())
    (out / "LICENSE").write_text("a well-known text\n")
    (out / "docs").mkdir()
    (out / "docs" / "index.md").write_text("")
    data = json.loads((out / "gencpp.json").read_text())
    del data["seal"]
    for path in ("LICENSE", "docs/index.md"):
        import hashlib

        data["files"][path] = hashlib.sha256((out / path).read_bytes()).hexdigest()
    (out / "gencpp.json").write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    write(out, OTHER)
    assert (out / "LICENSE").read_text() == "a well-known text\n" and (out / "docs" / "index.md").exists()


def test_two_gits_of_one_content(tmp_path: Path) -> None:
    """A repository works as before, its empty folders and all."""
    out = tmp_path / "out"
    write(out, tensors_only())
    git = ("git", "-C", str(out), "-c", "user.name=x", "-c", "user.email=x@example.invalid")
    subprocess.run(["git", "init", "-q", str(out)], check=True)
    for command in (("add", "-A"), ("commit", "-qm", "x"), ("gc", "-q")):
        subprocess.run([*git, *command], check=True)
    write(out, OTHER)
    for command in (("log", "--oneline"), ("fsck", "--strict"), ("status", "--short")):
        subprocess.run([*git, *command], check=True, capture_output=True)


def test_a_forked_writer_ends_no_object_of_another_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that waits for its threads when it ends, as ONNX Runtime's do, has none of them in a fork."""
    monkeypatch.setattr(writing, "LIMIT", 20.0)
    parent = os.getpid()

    class Waits:
        def __init__(self) -> None:
            self.itself = self  # only a collection can end it

        def __del__(self) -> None:
            while os.getpid() != parent:
                time.sleep(1)

    def stop(step: str) -> bool:
        Waits()
        return False

    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        assert write_until(stop, tmp_path / "out", classifier()) == DONE
    finally:
        gc.set_threshold(*before)
