"""The texts as they were rendered are kept in the project, and proven by its manifest."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from samples import classifier
from writing import write

from gencpp import project
from gencpp.backends import BACKENDS
from gencpp.core.errors import UsageError
from gencpp.project.base import packed

BASE = Path(".gencpp") / "base.zip"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    write(tmp_path / "out", classifier())
    return tmp_path / "out"


def read(out: Path) -> dict[str, bytes]:
    return project.read_base(out, project.read_manifest(out))


def test_it_has_every_text_as_it_was_rendered_and_no_asset(out: Path) -> None:
    texts = project.render(classifier(), BACKENDS["libtorch"])
    (out / "src" / "tensor" / "tensor.cpp").write_text("// mine\n")
    (out / "README.md").unlink()
    assert read(out) == {str(path): data for path, data in texts.items()}
    assert os.listdir(out / ".gencpp") == ["base.zip"]


def test_it_follows_the_project(out: Path) -> None:
    before = (out / BASE).read_bytes()
    write(out, classifier("other"))
    assert (out / BASE).read_bytes() != before and "include/other/model.hpp" in read(out)


def test_equal_texts_give_equal_bytes() -> None:
    texts = {PurePosixPath("b"): b"two", PurePosixPath("a/c"): b"one"}
    assert packed(texts) == packed(dict(reversed(texts.items())))


def test_it_is_nobodys_work(out: Path) -> None:
    """A project without it, or with another, is generated anew without a question."""
    for spoil in (lambda: (out / BASE).unlink(), lambda: (out / BASE).write_bytes(b"mine")):
        spoil()
        assert project.edited_files(out, project.read_manifest(out)) == ()
        write(out, classifier())
        assert read(out)


def test_what_is_not_as_it_was_written_is_refused(out: Path, tmp_path: Path) -> None:
    whole = (out / BASE).read_bytes()

    def refused(told: str) -> None:
        with pytest.raises(UsageError, match=told):
            read(out)

    def archive(name: str, text: str, compression: int = zipfile.ZIP_DEFLATED) -> None:
        with zipfile.ZipFile(out / BASE, "w", compression) as made:
            made.writestr(name, text)

    (out / BASE).write_bytes(whole[: len(whole) // 2])
    refused("cannot be read")
    archive("README.md", "other")
    refused(r"README\.md is not as it was written")
    archive("README.md", "other", zipfile.ZIP_LZMA)
    refused("is not of this project")
    archive("../../outside", "x")
    refused("is not of this project")
    (out / BASE).unlink()
    refused("it was removed, or never committed")
    (tmp_path / "elsewhere.zip").write_bytes(whole)
    (out / BASE).symlink_to(tmp_path / "elsewhere.zip")
    refused("it was removed, or never committed")
