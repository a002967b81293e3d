"""Python code that is named by its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from gencpp.core.errors import UsageError
from gencpp.core.python_file import as_module
from gencpp.core.request import Request


def test_a_file_is_the_module_that_it_is(tmp_path: Path) -> None:
    file = tmp_path / "GAN.py"
    file.touch()
    assert as_module(f"{file}:Generator") == ("GAN:Generator", (str(tmp_path),))
    assert as_module(f"{file}:nets.Generator") == ("GAN:nets.Generator", (str(tmp_path),))


@pytest.mark.parametrize(
    "text", ["resnet18", "nets:make", "a.nets:make", "model.pt", "x/model.pt", "nets.py", ""]
)
def test_anything_else_stays(text: str) -> None:
    assert as_module(text) == (text, ())


def test_what_cannot_be_imported_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        as_module(f"{tmp_path}/absent.py:make")
    for name in ("my-net", "é"):
        (tmp_path / f"{name}.py").touch()
        with pytest.raises(UsageError, match=f"called {name!r}"):
            as_module(f"{tmp_path}/{name}.py:make")


def test_a_request_has_the_module_and_its_folder_first(tmp_path: Path) -> None:
    (tmp_path / "GAN.py").touch()
    (tmp_path / "prep.py").touch()
    made = Request(
        source=f"{tmp_path}/GAN.py:Generator",
        preprocess=f"{tmp_path}/prep.py:make",
        path=("/elsewhere",),
        backend="libtorch",
        out=Path("out"),
    )
    assert (made.source, made.preprocess) == ("GAN:Generator", "prep:make")
    assert made.path == (str(tmp_path), "/elsewhere")
