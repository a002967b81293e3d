"""Tables as text: tab-separated for scripts; on a terminal columns as wide as it is, wrapped at words."""

from __future__ import annotations

from collections.abc import Sequence

GAP = 2
"""Blanks between two columns."""

LONG = 32
"""Of a word that does not decide how wide its column is."""

Rows = Sequence[tuple[str, ...]]
"""Titles, then the cells of each row."""


def tab_separated(rows: Rows) -> list[str]:
    """A row a line, a tab between two cells, nothing else to fill them: for `cut -f` and `awk -F '\\t'`."""
    return ["\t".join(" ".join(cell.split()) for cell in row) for row in rows]


def widths(rows: Rows, room: int) -> list[int] | None:
    """Of the columns, in terminal cells: no wider than `room` together, and no word cut.

    A word of the last column that is longer than LONG, such as a path, may stick out. None where the longest
    words of a row need more than `room`.
    """
    from rich.cells import cell_len

    def longest(texts: Sequence[str]) -> int:
        return max((cell_len(text) for text in texts), default=0)

    columns = list(zip(*rows, strict=True))
    found = [longest(column) for column in columns]
    least = [longest([word for cell in column for word in cell.split()]) for column in columns]
    least[-1] = min(least[-1], LONG)
    over = sum(found) + GAP * (len(columns) - 1) - room
    if sum(found) - over < sum(least):
        return None
    for _ in range(over):
        widest = max((i for i, width in enumerate(found) if width > least[i]), key=found.__getitem__)
        found[widest] -= 1
    return found
