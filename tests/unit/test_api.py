"""What `import gencpp` offers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from places import PACKAGE

import gencpp

OFFERED = ("GencppError", "ModelRequest", "Request", "generate", "inspect", "verify")


def test_importing_loads_nothing_heavy() -> None:
    code = (
        "import sys, gencpp\n"
        "assert not [m for m in sys.modules if m.startswith('gencpp.')], 'imported before it is used'\n"
        f"assert set({OFFERED!r}) <= set(dir(gencpp))\n"
        "gencpp.Request, gencpp.GencppError, gencpp.verify\n"
        "assert not {'torch', 'numpy', 'onnx', 'jinja2', 'typer'} & set(sys.modules)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_room_hides_no_function() -> None:
    """A module of one of these names would take the function's place once it is imported."""
    rooms = {p.stem for p in (PACKAGE / "gencpp").iterdir()}
    assert not rooms & set(OFFERED)


def test_bad_input_is_an_error_of_gencpp(tmp_path: Path) -> None:
    with pytest.raises(gencpp.GencppError, match="there is no backend 'cuda'"):
        gencpp.generate(gencpp.Request(source="resnet18", backend="cuda", out=tmp_path / "out"))
    with pytest.raises(gencpp.GencppError, match="is not a gencpp project"):
        gencpp.verify(tmp_path)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        gencpp.nothing  # noqa: B018


def test_its_types_are_part_of_it() -> None:
    """What mypy sees of it is in tests/support/typed_user.py, which the check of types covers."""
    assert (PACKAGE / "gencpp" / "py.typed").is_file()
