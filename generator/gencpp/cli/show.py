"""What every command prints with: progress, warnings, tables, errors."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from ..core.progress import Progress, noticed, stepped
from .columns import GAP, Rows, tab_separated, widths

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = 80
"""Of a status line, at most: a longer one would be two."""
_SPINNER = 2

_interrupts: list[int] = []
"""Signals that came: a library's bare `except:` may swallow the exception, so each step looks here."""


def interrupt(number: int, _: Any) -> None:
    """For signal(): ends what runs here, or its next step."""
    _interrupts.append(number)
    raise KeyboardInterrupt


def interrupted() -> bool:
    """Whether a signal came that was to end this command."""
    return bool(_interrupts)


@contextlib.contextmanager
def progressing(*, quiet: bool) -> Iterator[Progress]:
    """A status line on a terminal; in a pipe a line for each long step's start and end, and no more.

    Notices stay on standard error in both, and are all that `quiet` leaves.
    """

    def step(text: str) -> None:
        if _interrupts:
            raise KeyboardInterrupt
        if told := noticed(text):
            tell(f"gencpp: {told}")
        elif line := stepped(text):
            begin(line)
        else:
            show(text)

    tell: Callable[[str], object] = lambda text: print(text, file=sys.stderr)  # noqa: E731

    show: Callable[[str], object] = lambda _: None  # noqa: E731
    begin = show if quiet else lambda line: tell(f"gencpp: {line}")
    if quiet or not sys.stderr.isatty():
        yield step
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status("starting") as status:

        def show(text: str) -> None:
            line = Text(text)
            line.truncate(min(status.console.width, _COLUMNS) - _SPINNER, overflow="ellipsis")
            status.update(line)

        begin = show
        tell = lambda text: status.console.out(text, highlight=False)  # noqa: E731
        yield step


@contextlib.contextmanager
def stdout_is_ours() -> Iterator[None]:
    """Sends what the user's model prints, from Python or C++, to standard error."""
    sys.stdout.flush()
    saved = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        sys.stdout.flush()
        os.dup2(saved, 1)
        os.close(saved)


def warn(warnings: tuple[str, ...]) -> None:
    """Warnings that cannot be missed: framed on a terminal, on standard error everywhere."""
    if not warnings:
        return
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.panel import Panel
        from rich.text import Text

        for warning in warnings:
            Console(stderr=True).print(Panel(Text(warning), title="WARNING", border_style="yellow"))
        return
    for warning in warnings:
        print(f"gencpp: WARNING: {warning}", file=sys.stderr)


def print_table(rows: Rows) -> None:
    """Columns on a terminal, or blocks where it is too narrow for their words; tab-separated in a pipe."""
    if not sys.stdout.isatty():
        for line in tab_separated(rows):
            print(line)
        return
    from rich.console import Console

    console = Console()
    if fitting := widths(rows, console.width):
        _print_columns(console, rows, fitting)
        return
    titles, *others = rows
    label = max(map(len, titles[1:]), default=0)
    for first, *cells in others:
        print(first)
        for title, cell in zip(titles[1:], cells, strict=True):
            if cell:
                print_row(title, cell, width=label)


def print_groups(groups: Sequence[tuple[str, Rows]]) -> None:
    """For a terminal: tables with what their rows have in common above them."""
    for i, (heading, rows) in enumerate(groups):
        if i:
            print()
        print_text(heading)
        print_table(rows)


def print_text(text: str) -> None:
    """On a terminal wrapped at words."""
    for line in _lines(text, sys.stdout, 0) or [""]:
        print(line)


def on_terminal() -> bool:
    """Whether a person reads standard output, and no program."""
    return sys.stdout.isatty()


_STYLES = {
    **dict.fromkeys(("passed", "ok"), "green"),
    **dict.fromkeys(("failed", "FAILED", "missing"), "red"),
    **dict.fromkeys(("skipped", "absent"), "yellow"),
}


def _print_columns(console: Console, rows: Rows, fitting: Sequence[int]) -> None:
    from rich.cells import cell_len
    from rich.text import Text

    for number, row in enumerate(rows):
        wrapped = [_wrapped(cell, width) for cell, width in zip(row, fitting, strict=True)]
        for i in range(max(map(len, wrapped))):
            line = Text()
            for cell, lines, width in zip(row, wrapped, fitting, strict=True):
                text = lines[i] if i < len(lines) else ""
                line.append(text, style="bold" if number == 0 else _STYLES.get(cell, ""))
                line.append(" " * (width - cell_len(text) + GAP))
            line.rstrip()
            console.print(line, soft_wrap=True)


def _wrapped(text: str, room: int, begin: str = "") -> list[str]:
    return textwrap.wrap(
        text, room, subsequent_indent=begin, break_long_words=False, break_on_hyphens=False
    ) or [""]


def print_json(data: Any, *, indent: int | None = None) -> None:
    """As ASCII. What a file's name has that is no UTF-8 becomes U+FFFD: JSON has no word for it."""
    text = re.sub("[\ud800-\udfff]", "\ufffd", json.dumps(data, ensure_ascii=False))
    print(json.dumps(json.loads(text), indent=indent))


def print_row(label: str, text: str, *, width: int) -> None:
    """A label, and what it is of; on a terminal wrapped at words, below its own column."""
    indent = " " * (width + 4)
    first, *others = _lines(text, sys.stdout, len(indent)) or [""]
    print(f"  {label:<{width}}  {first}")
    for line in others:
        print(f"{indent}{line}")


def fail(message: str, hint: str) -> None:
    """An error, and what to do about it, on standard error.

    Parts of it may come from a file: control characters, which a terminal would obey, are shown as such.
    """
    message, hint = _harmless(message), _harmless(hint)
    for line in _lines(f"gencpp: error: {message}", sys.stderr, 0) + _lines(hint, sys.stderr, 0):
        print(line, file=sys.stderr)


def tell_log(path: str) -> None:
    """Where the long form of an error is, on a line of its own, so that it can be copied."""
    print(f"All that was said, with the graphs: {path}", file=sys.stderr)


def _harmless(text: str) -> str:
    return "".join(c if c == "\n" or c.isprintable() else ascii(c)[1:-1] for c in text)


def _lines(text: str, stream: TextIO, indent: int) -> list[str]:
    """The lines of a text; for a terminal no longer than its own, as far as words allow."""
    if not stream.isatty():
        return text.splitlines()
    room = max(40, shutil.get_terminal_size().columns - indent)
    lines = []
    for line in text.splitlines():
        begin = line[: len(line) - len(line.lstrip())]
        lines += _wrapped(line, room, begin)
    return lines


def shown(path: Path) -> str:
    """A path as short as it can be typed here."""
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


def scaled(count: int) -> str:
    """`1.814 G`, `12.3 k`: three or four digits with a decimal prefix."""
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= factor:
            return f"{count / factor:.3f} {prefix}"
    return f"{count} "
