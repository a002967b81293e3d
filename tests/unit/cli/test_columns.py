"""Tables as people and as scripts get them."""

from __future__ import annotations

import re
import sys

import pytest

from gencpp.cli import show
from gencpp.cli.columns import tab_separated, widths

ROWS = [
    ("model", "weights", "note"),
    ("wide_resnet101_2", "IMAGENET1K_V1, IMAGENET1K_V2", "it runs, and more words than a line has"),
    ("alexnet", "IMAGENET1K_V1", ""),
]


def on_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")


def plain(capsys: pytest.CaptureFixture[str]) -> str:
    return re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out)


@pytest.mark.parametrize("room", [45, 50, 60, 80])
def test_columns_are_wrapped_at_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    on_terminal(monkeypatch, room)
    show.print_table(ROWS)
    lines = plain(capsys).splitlines()
    assert max(map(len, lines)) <= room
    assert sorted(" ".join(lines).split()) == sorted(" ".join(map(" ".join, ROWS)).split())


def test_a_terminal_too_narrow_for_columns_gets_blocks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_terminal(monkeypatch, 30)
    show.print_table(ROWS)
    assert plain(capsys).splitlines()[-2:] == ["alexnet", "  weights  IMAGENET1K_V1"]


def test_a_path_longer_than_the_line_stays_in_one_piece(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_terminal(monkeypatch, 60)
    path = "/a/long/path/of/a/compiler/that/is/longer/than/the/line"
    show.print_table([("", "found"), ("C++ compiler", f"ok: {path}")])
    assert plain(capsys).splitlines() == ["              found", "C++ compiler  ok:", f"              {path}"]


def test_a_row_is_a_line_of_tabs_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    show.print_table([("a", "b", "c"), ("1", "two words", ""), ("x\ty", "z\nz", "w ")])
    assert capsys.readouterr().out == "a\tb\tc\n1\ttwo words\t\nx y\tz z\tw\n"


def test_no_more_than_the_room_is_taken() -> None:
    assert widths(ROWS, 200) == [16, 28, 39]
    fitting = widths(ROWS, 60)
    assert fitting is not None and sum(fitting) + 4 == 60 and fitting[0] == 16
    assert widths(ROWS, 38) is None
    assert tab_separated([("a",)]) == ["a"]
