"""What torch and exporters say, in one line and without folders of this machine; and compilers in silence."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def short_place(path: str, line: int | None = None) -> str:
    """`package/module.py:12` without folders of this machine."""
    for marker in (f"site-packages{os.sep}", f"dist-packages{os.sep}"):
        if marker in path:
            path = path.rsplit(marker, 1)[1]
            break
    else:
        path = Path(path).name
    path = path.replace(os.sep, "/")
    return path if line is None else f"{path}:{line}"


_LOGGERS = (
    *("torch.export", "torch.fx", "torch.__trace", "torch.onnx", "onnxscript", "onnx_ir"),
    *("torch._inductor", "torch._dynamo", "torch.utils"),
)


def export_problem(e: BaseException) -> str:
    """What an exporter has to say, in one line: of its banners only the cause that it names."""
    cause: BaseException = e
    while cause.__cause__ is not None:
        cause = cause.__cause__
    lines = _spoken(cause)
    lines = [line for line in lines if not line.startswith(("Failed to ", "⬆", "- ", "##", "(Refer"))]
    return f"{type(cause).__name__}: {plain(lines[0])}" if lines else type(cause).__name__


def details(e: BaseException) -> str:
    """All of it: the exception with its causes, places and graphs, and what was printed on the way to it."""
    return "".join(traceback.format_exception(e))


@contextmanager
def quiet_compiler() -> Iterator[list[warnings.WarningMessage]]:
    """No warnings, log lines or progress of a compiler on the terminal; the warnings are given.

    What it printed is a note of the exception that it raised (see `details`).
    """
    levels = [(logging.getLogger(name), logging.getLogger(name).level) for name in _LOGGERS]
    silence = io.StringIO()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for logger, _ in levels:
            logger.setLevel(logging.CRITICAL)
        try:
            with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
                yield caught
        except Exception as e:
            if printed := silence.getvalue().strip():
                e.add_note(printed)
            raise
        finally:
            for logger, level in levels:
                logger.setLevel(level)


def told(tensor: Any) -> str:
    """`1x3x224x224 float32`."""
    return f"{'x'.join(map(str, tensor.shape))} {str(tensor.dtype).removeprefix('torch.')}"


def first_line(e: BaseException) -> str:
    """The first line of an exception's message, shortened as `plain` does it."""
    return _line(e, 0)


def last_line(e: BaseException) -> str:
    """The last line of an exception's message, shortened as `plain` does it.

    Where it only leads to a graph (`within the graph:`), the first line says what is wrong.
    """
    return _line(e, 0 if _spoken(e)[-1:] == ["within the graph:"] else -1)


_DUMP = re.compile(
    r"^\s*(?:graph\s?\(|ExportedProgram:|class GraphModule|Torch IR graph|def forward\(self|opcode\s)", re.M
)
"""Where a graph begins that torch prints behind its message."""


def _spoken(e: BaseException) -> list[str]:
    """The lines of a message, without the graphs that torch prints behind it."""
    text = str(e)
    found = _DUMP.search(text)
    lines = [line.strip() for line in text[: found.start() if found else None].splitlines() if line.strip()]
    return lines or [line.strip() for line in text.splitlines() if line.strip()]


def _line(e: BaseException, which: int) -> str:
    lines = _spoken(e)
    return plain(lines[which] if lines else type(e).__name__)


def plain(text: str) -> str:
    """One short line without folders of this machine, or addresses."""
    text = re.sub(r"(/[\w.+-]+)+/([\w.+-]+)", lambda m: short_place(m.group(0)), text)
    return re.sub(r" at 0x[0-9a-f]+", "", text)[:240].rstrip(" :")


def summary(message: str) -> str:
    """The first sentence of a tracer's warning."""
    return plain(" ".join(message.split())).split(". ")[0].rstrip(".")
