"""Every ONNX file of a folder through `gencpp new --backend tensorrt`, on both of TensorRT's APIs; a table.

    python tools/sweeps/onnx_files.py FOLDER [--table FILE.md] [--only TEXT]

Made for the folders of ONNX's own repository (onnx/backend/test/data/pytorch-converted and pytorch-operator),
whose files stand beside an input and the output that belongs to it: where they do, what gencpp takes for the
right answer is compared with that output, too. A file is passed, or refused with the reason that a user
reads; exit code 1 when one ends as a bug of gencpp, or when a right answer is not the file's own.
"""

from __future__ import annotations

import argparse
import collections
import re
import sys
import tempfile
import time
import traceback
import warnings
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "generator"), str(ROOT / "tests" / "support")]

from provenance import write_page  # noqa: E402 - below the path

APIS = ("parser", "network")
TOLERANCE = 1e-4
"""Of the largest element: files of other programs, years ago."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One file on one API."""

    file: str
    opset: int
    api: str
    status: str
    """`passed`, `refused` or `BUG`"""
    reason: str = ""
    own: str = ""
    """Whether the reference gives the file's own output: `equal`, `differs by ...`, or why not compared."""
    seconds: float = 0.0


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--table", type=Path, help="markdown file to write")
    parser.add_argument("--only", default="", help="files whose path has this text")
    options = parser.parse_args()
    files = sorted(p for p in options.folder.rglob("*.onnx") if options.only in str(p))
    rows: list[Row] = []
    for file in files:
        name = str(file.relative_to(options.folder))
        own = own_answer(file)
        for api in APIS:
            rows.append(made(file, name, api, own))
            print(line(rows[-1]), flush=True)
    print(totals(rows))
    if options.table:
        write_page(options.table, table(rows))
    return 1 if any(r.status == "BUG" or r.own.startswith("differs") for r in rows) else 0


def made(file: Path, name: str, api: str, own: str) -> Row:
    """What `gencpp new` says of the file."""
    from gencpp import pipeline
    from gencpp.core.errors import GencppError
    from gencpp.core.request import Request

    begin = time.monotonic()
    status, reason = "passed", ""
    with tempfile.TemporaryDirectory(prefix="onnx-files-") as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        request = Request(
            source=str(file), backend="tensorrt", trt_api=api, out=Path(scratch) / "out", name="net"
        )
        try:
            pipeline.generate(request)
        except GencppError as e:
            status, reason = "refused", e.message
        except Exception as e:  # noqa: BLE001 - that is what is looked for
            status, reason = "BUG", f"{type(e).__name__}: {e}"
            traceback.print_exc()
    return Row(
        file=name,
        opset=opset(file),
        api=api,
        status=status,
        reason=" ".join(reason.split()),
        own=own,
        seconds=time.monotonic() - begin,
    )


def opset(file: Path) -> int:
    import onnx

    from gencpp.onnx.graph import opset_of

    return opset_of(onnx.load(file, load_external_data=False))


def own_answer(file: Path) -> str:
    """Whether gencpp's reference gives the output that stands beside the file."""
    import onnx
    import torch
    from onnx import numpy_helper

    from gencpp.core.errors import GencppError
    from gencpp.sources.onnx_file import load_onnx

    def read(kind: str) -> list[Any]:
        paths = sorted(
            (file.parent / "test_data_set_0").glob(f"{kind}_*.pb"),
            key=lambda p: int(p.stem.rpartition("_")[2]),
        )
        tensors = [onnx.TensorProto.FromString(p.read_bytes()) for p in paths]
        return [torch.from_numpy(numpy_helper.to_array(t).copy()) for t in tensors]

    inputs, wanted = read("input"), read("output")
    if not wanted:
        return "none"
    try:
        loaded = load_onnx(file)
        found = list(loaded.module(*inputs[: len(loaded.inputs)]).values())
    except (GencppError, TypeError, RuntimeError) as e:
        return f"not run: {str(e).splitlines()[0][:100]}"
    worst = 0.0
    for a, b in zip(wanted, found, strict=True):
        if a.shape != b.shape:
            return f"differs by its shape: {tuple(b.shape)}, not {tuple(a.shape)}"
        largest = float(a.double().abs().max()) or 1.0
        worst = max(worst, float((a.double() - b.double()).abs().max()) / largest)
    return "equal" if worst <= TOLERANCE else f"differs by {worst:.1e}"


def line(row: Row) -> str:
    text = f"{row.status:<7} {row.api:<7} opset {row.opset:<2} {row.file}  own output: {row.own}"
    return text + f"  ({row.seconds:.1f} s)" + (f"\n    {row.reason[:600]}" if row.reason else "")


def totals(rows: list[Row]) -> str:
    counts = {api: collections.Counter(r.status for r in rows if r.api == api) for api in APIS}
    return "\n".join(
        f"{api}: {c['passed']} passed, {c['refused']} refused, {c['BUG']} bugs of gencpp"
        for api, c in counts.items()
    )


def table(rows: list[Row]) -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "onnx", "onnxruntime"))
    lines = [
        "# ONNX files through both APIs of TensorRT",
        "",
        "Each file goes through what `gencpp new --model FILE.onnx --backend tensorrt` does, once",
        "with `--trt-api parser` and once with `--trt-api network`: inspection, conversion to opset",
        "13, comparison with ONNX Runtime (network: of the plan, call by call), goldens, and the",
        "project's files. No GPU and no TensorRT is used. Where a file stands beside an input and the",
        "output that belongs to it, what gencpp takes for the right answer is compared with that,",
        f"too. With {versions}.",
        "",
        *(f"- {text}" for text in totals(rows).splitlines()),
        "",
        "| reason of a refusal | API | files |",
        "|---|---|--:|",
    ]
    reasons = collections.Counter((kind(r.reason), r.api) for r in rows if r.status != "passed")
    lines += [f"| {reason} | {api} | {n} |" for (reason, api), n in sorted(reasons.items())]
    lines += ["", "| file | opset | API | | own output | reason |", "|---|--:|---|---|---|---|"]
    lines += [
        f"| {r.file} | {r.opset} | {r.api} | {r.status} | {r.own} | {r.reason[:300].replace('|', '/')} |"
        for r in rows
    ]
    return "\n".join(lines) + "\n"


def kind(reason: str) -> str:
    """A reason without what is one file's own: its name, and those of nodes."""
    text = re.sub(r"^\S+\.onnx:? ", "", reason)
    text = re.sub(r"\s*\(from [^)]*\)|; from .*| \(inputs .*", "", text)
    text = re.sub(
        r"model\.onnx: (?:(?:in|out)put \S+ is (\w+), which (no TensorRT takes)[^;]*(?:; )?)+",
        r"\1: \2 it",
        text,
    )
    text = re.sub(r"on golden \S+: \S+: \d+ of \d+ values", "values of an answer", text)
    return text[:160].replace("|", "/")


if __name__ == "__main__":
    sys.exit(main())
