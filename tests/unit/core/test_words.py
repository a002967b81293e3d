"""Words that depend on a number or a name."""

from __future__ import annotations

from gencpp.core.words import an, counted


def test_one_is_one() -> None:
    assert [counted(n, "layer") for n in (0, 1, 2)] == ["0 layers", "1 layer", "2 layers"]


def test_the_article_is_as_it_is_read() -> None:
    assert [an(name) for name in ("int", "tuple", "Unit", "OrderedDict")] == [
        "an int",
        "a tuple",
        "a Unit",
        "an OrderedDict",
    ]
