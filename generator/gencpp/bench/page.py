"""bench.html: one file that shows a report offline, drawn by plotly's script inside it.

The script is 4.8 MB. The page has it compressed, as text, and the browser unpacks it: below 2 MB in all.
"""

from __future__ import annotations

import base64
import gzip
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..core.errors import UsageError
from . import machine, plots, processors, summary

_TEMPLATE = Path(__file__).with_name("page.html")

_SAFE = str.maketrans("<>&", ",.:")
"""Of base85's digits those that mean something in HTML, and what stands for them."""

INSTALL = "pip install 'gencpp[bench]'"


def available() -> bool:
    """Whether plotly, which brings the script, is installed."""
    from importlib.util import find_spec

    return find_spec("plotly") is not None


def write(report: dict[str, Any], file: Path) -> None:
    """The page of a report; needs plotly."""
    from plotly.offline import get_plotlyjs

    try:
        file.write_text(render(report, get_plotlyjs()), encoding="utf-8")
    except OSError as e:
        raise UsageError(f"cannot write {file}: {e.strerror or e}") from None


def render(report: dict[str, Any], script: str) -> str:
    """The page's text; `script` is plotly's."""
    from jinja2 import Environment, StrictUndefined

    sections = []
    drawn: list[dict[str, Any]] = []
    for project in report["projects"]:
        made = [_place(plot, drawn) for plot in plots.project_plots(report, project["name"])]
        told = summary.sentence(report, project) if len(report["projects"]) > 1 else ""
        which = summary.artifact(project)
        if project["artifact"]["tuned_threads"]:
            which += ", chosen by measuring"
        sections.append({"project": project, "plots": made, "sentence": told, "artifact": which})
    together = plots.overview(report)
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        report=report,
        headline=summary.headline(report),
        machine=machine.line(report["machine"]),
        pinning=processors.line(report["pinning"]),
        overview=_place(together, drawn) if together else None,
        sections=sections,
        tables=[summary.table(report), summary.start_table(report)],
        drawn=drawn,
        date=_date(report["date"]),
        packed=packed(script),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A script as text that no HTML can be mistaken in."""

    digits: str
    """Of base 85, from 0 on."""
    length: int
    """Of the gzip stream, in bytes; behind them are zeros."""
    text: str
    """Five digits for each four bytes."""


def packed(script: str) -> Packed:
    """The smallest text that a browser can unpack by itself: gzip in base 85."""
    stream = gzip.compress(script.encode(), 9, mtime=0)
    digits = "".join(base64.b85encode(bytes(3) + bytes([n])).decode()[-1] for n in range(85))
    text = base64.b85encode(stream, pad=True).decode()
    return Packed(digits=digits.translate(_SAFE), length=len(stream), text=text.translate(_SAFE))


def _date(text: str) -> str:
    """`2026-11-30 23:58 UTC`"""
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"


def _place(plot: plots.Plot, drawn: list[dict[str, Any]]) -> dict[str, str]:
    """Adds the drawing to the page's data; its heading, note and element."""
    element = f"plot-{len(drawn)}"
    drawn.append({"id": element, "data": list(plot.data), "layout": plot.layout, "height": plot.height})
    return {"id": element, "title": plot.title, "note": plot.note}
