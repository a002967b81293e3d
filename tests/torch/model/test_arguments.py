"""Arguments of forward that no input is for: told, or refused where the model cannot do without."""

from __future__ import annotations

from pathlib import Path

import pytest
from inspecting import inspected

from gencpp.core.errors import UsageError

NETS = """
import torch
from torch import nn


class Scaled(nn.Module):
    def forward(self, photo, temperature=None, scale=2.0, *, flag=False):
        return photo * scale


class Named(nn.Module):
    def forward(self, *, x):
        return x


def scaled():
    return Scaled()


def named():
    return Named()
"""


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "nets_of_arguments.py").write_text(NETS)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "nets_of_arguments"


def test_defaults_are_told(nets: str) -> None:
    _, spec = inspected(f"{nets}:scaled", "photo:1x3")
    told = (
        "Arguments of forward that are no input keep their defaults: temperature=None, scale=2.0, flag=False."
    )
    assert told in spec.notes


def test_what_is_given_is_no_default(nets: str) -> None:
    _, spec = inspected(f"{nets}:scaled", "photo:1x3", "temperature:1x3")
    assert any(note.endswith("keep their defaults: scale=2.0, flag=False.") for note in spec.notes)


def test_an_argument_by_keyword_only_is_refused(nets: str) -> None:
    with pytest.raises(UsageError, match="takes x by keyword only") as caught:
        inspected(f"{nets}:named", "x:1x3")
    assert "remove the *" in caught.value.hint
